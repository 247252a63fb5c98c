"""The Python SDK, by itself and against a server that was really started."""
