"""Sound files in and out, and how the sounds in them begin."""
