"""What both databases are asked in the same words."""

from collections.abc import Sequence

import msgspec

from budgets.models import BudgetPeriod
from budgets.reservations.types import Balance

encode = msgspec.json.Encoder().encode

COLUMNS = (
    "uid, organization_id, kind, state, path, granted, held, settled, records, lines,"
    " details, at, expires_at, run_id"
)


def read(period_ids: Sequence[int]) -> dict[int, Balance]:
    """Return how periods stand, by id, without locking them."""
    if not period_ids:
        return {}
    rows = BudgetPeriod.objects.filter(pk__in=period_ids)
    return {
        row[0]: Balance.of(*row)
        for row in rows.values_list("pk", "spent", "reserved", "limit")
    }
