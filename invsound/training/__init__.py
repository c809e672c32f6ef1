"""From prepared columns to a trained encoder."""
