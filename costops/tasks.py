"""What workers do by the clock."""

from django.utils import timezone

from accounts.audit import acting_as
from costops.schedules import PERIODIC


def run_periodic(name: str) -> str:
    """Do the periodic work *name* and return what it did; safe to repeat."""
    (periodic,) = (one for one in PERIODIC if one.name == name)
    with acting_as("worker"):
        return periodic.run(timezone.now())
