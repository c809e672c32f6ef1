"""A new plugin package, written from templates."""
