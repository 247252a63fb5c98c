"""The close of a month: what is left to do, and the lock."""
