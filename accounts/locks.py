"""Holding an organization still while its shape changes.

Everything that charges usage holds the lock shared; whatever changes which budgets a
record is charged to holds it alone, so that no record falls between two shapes.
SQLite has one writer at a time by itself (transactions begin IMMEDIATE).
"""

from accounts import sql

# The first of the two numbers of a lock: never reuse one.
ORGANIZATION_LOCK = 4201
TREE_LOCK = 4202
REPRICING_LOCK = 4203
TRAIL_LOCK = 4204
ASKING_LOCK = 4205
OPENING_LOCK = 4206


def hold_shared(organization_id: int) -> None:
    """Keep the organization's shape as it is, until the transaction ends."""
    sql.hold_shared(ORGANIZATION_LOCK, organization_id)


def hold_alone(organization_id: int) -> None:
    """Keep everybody else from charging in the organization, until commit."""
    sql.hold(ORGANIZATION_LOCK, organization_id)


def hold_trees() -> None:
    """Keep everybody else from changing the shape of any tree, until commit.

    Trees are numbered over all organizations, so one lock serves them all. Take it
    before `hold_alone`.
    """
    sql.hold(TREE_LOCK, 0)


def hold_to_open(organization_id: int) -> None:
    """Do as `hold_shared`, and keep everybody else from opening budgets of templates
    there, until commit.

    One statement, in which the lock for opening comes first: others go on charging
    while one waits for it, and whoever changes the tree in other ways waits for the
    shared one.
    """
    sql.hold_then_shared(OPENING_LOCK, ORGANIZATION_LOCK, organization_id)


def hold_repricing(organization_id: int) -> None:
    """Keep every other repricing of the organization waiting, until commit."""
    sql.hold(REPRICING_LOCK, organization_id)


def hold_asking(organization_id: int) -> None:
    """Keep everybody else from asking for money there by a key, until commit.

    So that what is counted of the open ones stays true. Take it before any request.
    """
    sql.hold(ASKING_LOCK, organization_id)


def hold_trail(organization_id: int) -> None:
    """Keep everybody else from adding to the organization's trail, until commit.

    Take it after all other locks.
    """
    sql.hold(TRAIL_LOCK, organization_id)
