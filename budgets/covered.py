"""What a budget covers, and when."""

from collections import defaultdict
from collections.abc import Iterable
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


def attributions_of(budget_ids: Iterable[int], since: datetime) -> list[int]:
    """Return what any of the budgets has covered since then, by ids. One query."""
    rows = Coverage.objects.filter(budget__in=list(budget_ids), ends_at__gt=since)
    return list(rows.order_by().values_list("attribution_id", flat=True).distinct())
