"""What workers do about reports."""

from datetime import datetime

from django.utils import timezone

from accounts.audit import acting_as
from reports.monthly import services


def make(report_id: int) -> str:
    """Make the draft of a report. Safe to repeat."""
    with acting_as("worker"):
        try:
            return services.make(report_id, clock=timezone.now)
        except Exception:
            services.give_up(report_id)  # or its page would wait for ever
            raise


def take_up_lost(now: datetime) -> str:
    """Have what was asked for made, where a worker died over it."""
    return f"Took up {services.take_up_lost(now)} reports anew."
