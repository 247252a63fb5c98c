"""SQLite needs no locks: transactions begin IMMEDIATE, so there is one at a time."""


def hold(kind: int, number: int) -> None:
    """Hold nothing: who is in a transaction is alone."""


def hold_shared(kind: int, number: int) -> None:
    """Hold nothing, likewise."""


def hold_then_shared(kind: int, shared: int, number: int) -> None:
    """Hold nothing, likewise."""
