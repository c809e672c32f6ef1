"""One sound, without training: from a recording to named parameters."""
