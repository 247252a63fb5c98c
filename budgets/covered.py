"""What a budget covers, and when."""

from collections import defaultdict
from datetime import datetime

from budgets.models import Budget, Coverage


def stretches_of(budget: Budget) -> dict[tuple[datetime, datetime], list[int]]:
    """Return which attributions the budget covers, by when: mostly all at one time."""
    found: dict[tuple[datetime, datetime], list[int]] = defaultdict(list)
    rows = Coverage.objects.filter(budget=budget, organization=budget.organization_id)
    for start, end, attribution_id in rows.order_by().values_list(
        "starts_at", "ends_at", "attribution_id"
    ):
        found[start, end].append(attribution_id)
    return found
