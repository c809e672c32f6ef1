"""What is measured of an encoder, and of a problem."""
