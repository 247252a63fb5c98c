"""When workers come to escalate."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Q

from alerts.models import Alert
from lib.queue import enqueue_at
from notifications.steps import Step, next_at

ESCALATE = "alerts.tasks.escalate"
AHEAD = timedelta(seconds=90)  # runs are asked for this long before; see `plan`


def plan_next(steps: Sequence[Step], done: int, now: datetime) -> None:
    """Have a worker come in time for the next step, if it is close."""
    moment = next_at(steps, done)
    if moment is not None and moment <= now + AHEAD:
        enqueue_at(max(moment, now), ESCALATE)


def plan(now: datetime) -> int:
    """Have workers come at the moments of the coming 90 seconds; return how many.

    Called every minute, it keeps every step, lapse and waking on time, to about a
    second, without a row in the queue for what is far away.
    """
    coming = Alert.objects.unresolved()
    moments: set[datetime] = set()
    for field in ("next_step_at", "acknowledged_until", "snoozed_until"):
        near = coming.filter(Q(**{f"{field}__gt": now, f"{field}__lte": now + AHEAD}))
        whole = near.order_by().values_list(field, flat=True).distinct()
        moments |= {_whole_second(moment) for moment in whole if moment}
    for moment in sorted(moments):
        enqueue_at(moment, ESCALATE)
    return len(moments)


def _whole_second(moment: datetime) -> datetime:
    cut = moment.replace(microsecond=0)
    return cut if cut == moment else cut + timedelta(seconds=1)
