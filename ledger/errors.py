"""What writing to the ledger may find."""


class AlreadyThere(Exception):
    """A row with the same unique key was there already; nothing was inserted."""
