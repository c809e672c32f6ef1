"""Trained encoders: kept, given away, and asked."""
