"""The version of invsound."""

VERSION = "0.1.0"
