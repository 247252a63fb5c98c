"""Proof that every due step of an escalation really ran."""

import logging
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from alerts import escalation
from alerts.events import event_of
from alerts.models import Alert, AlertEvent, AlertState

logger = logging.getLogger("alerts")

_NO_TRACE = "It was counted as done, but nothing tells of it."


def audit(now: datetime) -> int:
    """Make the steps that should have run long ago and didn't; return how many.

    Each becomes an event of its own ("step missed") and is told after all, and the
    organization's finance admins get a mail. Then every step that is counted as done is
    looked up in the timeline: one that left no trace is missed too.
    """
    late = Alert.objects.with_step_due(now - escalation.LATE)
    found = sum(_made_late(alert, now) for alert in late.select_related("budget"))
    running = Alert.objects.unresolved().filter(next_step__gt=0)
    return found + sum(_traced(alert, now) for alert in running.order_by("pk"))


def _made_late(alert: Alert, now: datetime) -> int:
    made = escalation.run_due(now, [alert.pk])
    still = Alert.objects.with_step_due(now - escalation.LATE).filter(pk=alert.pk)
    if made or not still.exists():
        return made
    # It can't be made: whoever looks after the alerts must know.
    logger.error("The escalation of alert %s stands still.", alert.uid)
    return 1


@transaction.atomic
def _traced(alert: Alert, now: datetime) -> int:
    """Record the done steps of *alert* of which nothing tells; return how many."""
    kept = alert.events.filter(step__isnull=False).values_list("step", flat=True)
    missing: Sequence[int] = sorted(set(range(alert.next_step)) - set(kept))
    if not missing or alert.state == AlertState.RESOLVED:
        return 0
    made = AlertEvent.objects.bulk_create(
        [
            event_of(alert, AlertEvent.Kind.MISSED, now, text=_NO_TRACE, step=number)
            for number in missing
        ],
        ignore_conflicts=True,
    )
    escalation.raise_alarms(
        [(alert, number, "left no trace") for number in missing], now
    )
    return len(made)
