"""PostgreSQL's advisory locks."""

from lib.sql import cursor_that_prepares


def hold(kind: int, number: int) -> None:
    """Wait until nobody else holds the lock; hold it until commit."""
    _take("SELECT pg_advisory_xact_lock(%s, %s)", kind, number)


def hold_shared(kind: int, number: int) -> None:
    """Wait until nobody holds the lock alone; hold it with others until commit."""
    _take("SELECT pg_advisory_xact_lock_shared(%s, %s)", kind, number)


def _take(statement: str, kind: int, number: int) -> None:
    with cursor_that_prepares() as cursor:
        cursor.execute(statement, [kind, number])
