"""When workers come to judge and to escalate."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db.models import Q

from alerts.models import Alert
from alerts.turns import ask, hear, hear_all
from lib.queue import enqueue, enqueue_at
from notifications.steps import LadderStep, due, next_at

ESCALATE = "alerts.tasks.escalate"
REEVALUATE = "alerts.tasks.reevaluate"
_JUDGING = "judge "  # where word is left that an organization is to be judged
AHEAD = timedelta(seconds=90)  # runs are asked for this long before; see `plan`


def judge_soon(organization_id: int) -> bool:
    """Have a worker judge the organization's thresholds; False: one is asked already.

    Many changes one after the other, as when budgets are set up, are judged together.
    """
    if not ask(_judging(organization_id)):
        return False
    enqueue(REEVALUATE, organization_id)
    return True


def heard(organization_id: int) -> None:
    """Note that a worker begins to judge: who changes something now asks anew."""
    hear(_judging(organization_id))


def heard_all() -> None:
    """Note it of all organizations."""
    hear_all(_JUDGING)


def _judging(organization_id: int) -> str:
    return f"{_JUDGING}{organization_id}"


def plan_next(alerts: Iterable[Alert], now: datetime) -> None:
    """Have a worker come in time for the next steps of *alerts*, if they are close."""
    _come_at([alert.next_step_at for alert in alerts], now)


def plan_first(all_steps: Iterable[Sequence[LadderStep]], now: datetime) -> None:
    """Have a worker come for what follows those steps of new alerts that are due."""
    _come_at([next_at(steps, due(steps, 0, now)) for steps in all_steps], now)


def _come_at(moments: Iterable[datetime | None], now: datetime) -> None:
    """Have a worker come once for all that falls into one second."""
    near = {moment for moment in moments if moment and moment <= now + AHEAD}
    for moment in sorted({_whole_second(max(moment, now)) for moment in near}):
        enqueue_at(moment, ESCALATE)


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
