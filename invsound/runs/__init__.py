"""A run, resolved: its options, its parts, its folder."""
