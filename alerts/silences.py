"""When nobody is to be told anything."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q

from alerts.models import MaintenanceWindow
from budgets.models import Budget


def silenced_until(
    organization_id: int, path: Iterable[Budget], now: datetime
) -> tuple[datetime, str] | None:
    """Return when the silence over a budget ends, and why it is; None: there is none.

    *path* is the budget with those above it. Windows that follow each other without a
    gap are one silence each: the next begins when this one is over.
    """
    windows = MaintenanceWindow.objects.filter(
        Q(budget=None) | Q(budget__in=[one.pk for one in path]),
        organization=organization_id,
        starts_at__lte=now,
        ends_at__gt=now,
    )
    last = windows.order_by("-ends_at", "-pk").first()
    return (last.ends_at, last.reason) if last is not None else None
