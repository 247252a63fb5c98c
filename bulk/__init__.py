"""Work on many rows at once: read from sheets, shown first, applied as shown."""
