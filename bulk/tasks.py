"""What workers do about bulk changes."""

from datetime import datetime

from django.utils import timezone

from accounts.audit import acting_as
from bulk import services
from bulk.models import BulkChange


def work(change_id: int) -> str:
    """Look at a change, or apply it. Safe to repeat."""
    change = BulkChange.objects.only("confirmed_by").get(pk=change_id)
    with acting_as(change.confirmed_by or "worker"):
        try:
            return services.work(change_id, clock=timezone.now)
        except Exception:
            services.give_up(change_id, now=timezone.now())  # or its page waits on
            raise


def take_up_lost(now: datetime) -> str:
    """Have done what is due, where a worker died over it."""
    return f"Took up {services.take_up_lost(now)} bulk changes anew."
