"""What workers do for alerts. Every task may run twice, and at the same time."""

from datetime import datetime

from django.utils import timezone

from accounts.audit import acting_as
from accounts.models import Organization
from alerts import escalation, services
from alerts.confirmed import tell_held
from alerts.evaluation import evaluate_thresholds
from alerts.schedule import ESCALATE, heard, judge_soon, plan
from alerts.turns import turn
from alerts.watchdog import audit
from lib.queue import enqueue
from notifications.outsiders import confirmed_lately

MOST_S = 8  # that telling may take, and ending; then a worker is asked to go on


def escalate() -> str:
    """Do what is due now: asked for by an alert, at the moment it is due."""
    with acting_as("worker"):
        return _escalate(timezone.now())


def escalate_at(now: datetime) -> str:
    """Tell what is due, and let lapse, wake and end what is due; say how much it was.

    Called every minute as well, so that nothing waits for a task that got lost; then
    workers are asked to come in the minute that follows.
    """
    plan(now)
    return _escalate(now)


def _escalate(now: datetime) -> str:
    with turn("escalate") as mine:
        if mine is None:
            return "Another worker tells what is due."
        back = services.come_back(now)
        told = escalation.run_due(now, most_s=MOST_S)
        ended = services.end_over(now, most_s=MOST_S)  # after what is told of it
        is_cut = mine.has_passed(MOST_S)
    if mine.again or is_cut:
        enqueue(ESCALATE)
    return (
        f"Told {told} escalation steps; {back} alerts were taken up again, {ended} "
        "ended with their period."
    )


def reevaluate_soon(organization_id: int) -> str:
    """Have the thresholds evaluated anew, once for all changes that wait for it."""
    is_new = judge_soon(organization_id)
    return "Asked for judging." if is_new else "Judging is asked for already."


def reevaluate(organization_id: int) -> str:
    """Evaluate one organization's thresholds anew: an amount or a rule was changed.

    Alerts that this ends are ended at once, and may fire again.
    """
    with acting_as("worker"):
        heard(organization_id)
        organization = Organization.objects.get(pk=organization_id)
        done = evaluate_thresholds(organization, now=timezone.now())
    return f"Raised {done.raised} alerts and ended {done.ended}."


def audit_at(now: datetime) -> str:
    """Prove that no step was forgotten; say what was found."""
    return f"Found {audit(now)} escalation steps that had not run in time."


def tell_confirmed(outsider_id: int) -> str:
    """Tell somebody who has just confirmed what was held back from them."""
    with acting_as("worker"):
        return _tell_confirmed(timezone.now(), outsider_id)


def tell_confirmed_at(now: datetime) -> str:
    """Tell whoever confirmed lately; so nothing waits for a task that got lost."""
    return _tell_confirmed(now)


def _tell_confirmed(now: datetime, *outsider_ids: int) -> str:
    rows = confirmed_lately(now)
    if outsider_ids:
        rows = rows.filter(pk__in=outsider_ids)
    told = sum(tell_held(one, now=now) for one in rows)
    return f"Told {told} things that had waited for their reader to confirm."
