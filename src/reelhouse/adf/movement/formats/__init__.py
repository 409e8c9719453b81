"""How each format is read and written, a batch at a time."""
