"""Setting money aside in one round trip, where every limit has room for all of it."""

from collections.abc import Sequence

from budgets.reservations import sql
from budgets.reservations.types import NewReservation, Taking


def hold_outright(
    organization_id: int,
    revision: int,
    takings: Sequence[Taking],
    reservations: Sequence[NewReservation],
) -> bool:
    """Set *takings* aside and keep *reservations*, all of it or nothing.

    Nothing (False) where a limit would be passed, or where the organization is no
    longer at *revision*: then look closer. *takings* are in lock order, a period once.
    """
    return sql.take(organization_id, revision, takings, reservations)
