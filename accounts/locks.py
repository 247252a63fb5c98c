"""Holding an organization still while its shape changes.

Everything that charges usage holds the lock shared; whatever changes which budgets a
record is charged to holds it alone, so that no record falls between two shapes.
SQLite has one writer at a time by itself (transactions begin IMMEDIATE).
"""

from django.db import connection

from lib.roundtrips import cursor_that_prepares

# The first of the two numbers of PostgreSQL's advisory locks: never reuse one.
ORGANIZATION_LOCK = 4201
TREE_LOCK = 4202
REPRICING_LOCK = 4203


def hold_shared(organization_id: int) -> None:
    """Keep the organization's shape as it is, until the transaction ends."""
    _take(
        "SELECT pg_advisory_xact_lock_shared(%s, %s)",
        ORGANIZATION_LOCK,
        organization_id,
    )


def hold_alone(organization_id: int) -> None:
    """Keep everybody else from charging in the organization, until commit."""
    _take("SELECT pg_advisory_xact_lock(%s, %s)", ORGANIZATION_LOCK, organization_id)


def hold_trees() -> None:
    """Keep everybody else from changing the shape of any tree, until commit.

    Trees are numbered over all organizations, so one lock serves them all. Take it
    before `hold_alone`.
    """
    _take("SELECT pg_advisory_xact_lock(%s, %s)", TREE_LOCK, 0)


def hold_repricing(organization_id: int) -> None:
    """Keep every other repricing of the organization waiting, until commit."""
    _take("SELECT pg_advisory_xact_lock(%s, %s)", REPRICING_LOCK, organization_id)


def _take(statement: str, kind: int, number: int) -> None:
    if connection.vendor == "postgresql":
        with cursor_that_prepares() as cursor:
            cursor.execute(statement, [kind, number])
