"""Usage on its way to the server: in memory, then in a file, never nowhere."""
