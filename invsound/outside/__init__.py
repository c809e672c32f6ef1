"""Processes that strangers' code may crash or block."""
