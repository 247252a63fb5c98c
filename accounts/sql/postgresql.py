"""PostgreSQL's advisory locks."""

from lib.sql import cursor_that_prepares


def hold(kind: int, number: int) -> None:
    """Wait until nobody else holds the lock; hold it until commit."""
    _take("SELECT pg_advisory_xact_lock(%s, %s)", kind, number)


def hold_shared(kind: int, number: int) -> None:
    """Wait until nobody holds the lock alone; hold it with others until commit."""
    _take("SELECT pg_advisory_xact_lock_shared(%s, %s)", kind, number)


def hold_then_shared(kind: int, shared: int, number: int) -> None:
    """Do as `hold` by the first kind, and then as `hold_shared` by the other.

    In one round trip; what is inside is evaluated before what is around it.
    """
    _take(
        "SELECT pg_advisory_xact_lock_shared(%s, %s) FROM "
        "(SELECT pg_advisory_xact_lock(%s, %s) OFFSET 0) AS held",
        *(shared, number, kind, number),
    )


def _take(statement: str, *given: int) -> None:
    with cursor_that_prepares() as cursor:
        cursor.execute(statement, given)
