"""When nobody is to be told anything."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from alerts.models import MaintenanceWindow
from budgets.models import Budget


def silenced_until(
    organization_id: int, path: Iterable[Budget], now: datetime
) -> tuple[datetime, str] | None:
    """Return when the silence over a budget ends, and why it is; None: there is none.

    *path* is the budget with those above it. Windows that follow each other without a
    gap are one silence each: the next begins when this one is over.
    """
    return silence_over(path, silences_at(organization_id, now))


def silences_at(organization_id: int, now: datetime) -> Sequence[MaintenanceWindow]:
    """Return the organization's windows at *now*, the last to end first. One query."""
    windows = MaintenanceWindow.objects.filter(
        organization=organization_id, starts_at__lte=now, ends_at__gt=now
    )
    return list(windows.order_by("-ends_at", "-pk"))


def silence_over(
    path: Iterable[Budget], windows: Iterable[MaintenanceWindow]
) -> tuple[datetime, str] | None:
    """Return `silenced_until` as *windows* have it, the last to end first."""
    over = {None, *(one.pk for one in path)}
    found = (one for one in windows if one.budget_id in over)
    last = next(found, None)
    return (last.ends_at, last.reason) if last is not None else None
