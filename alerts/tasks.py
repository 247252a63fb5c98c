"""What workers do for alerts. Every task may run twice, and at the same time."""

from datetime import datetime

from django.utils import timezone

from accounts.audit import acting_as
from accounts.models import Organization
from alerts import escalation, services
from alerts.evaluation import evaluate_thresholds
from alerts.schedule import plan
from alerts.watchdog import audit


def escalate() -> str:
    """Do what is due now: asked for by an alert, at the moment it is due."""
    with acting_as("worker"):
        return escalate_at(timezone.now())


def escalate_at(now: datetime) -> str:
    """Tell what is due, and let lapse, wake and end what is due; say how much it was.

    Called every minute as well, so that nothing waits for a task that got lost.
    """
    back = services.come_back(now)
    told = escalation.run_due(now)
    ended = services.end_over(now)  # after what is told of it
    plan(now)
    return (
        f"Told {told} escalation steps; {back} alerts were taken up again, {ended} "
        "ended with their period."
    )


def reevaluate(organization_id: int) -> str:
    """Evaluate one organization's thresholds anew: an amount or a rule was changed.

    Alerts that this ends are ended at once, and may fire again.
    """
    with acting_as("worker"):
        organization = Organization.objects.get(pk=organization_id)
        done = evaluate_thresholds(organization, now=timezone.now())
    return f"Raised {done.raised} alerts and ended {done.ended}."


def audit_at(now: datetime) -> str:
    """Prove that no step was forgotten; say what was found."""
    return f"Found {audit(now)} escalation steps that had not run in time."
