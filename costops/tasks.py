"""What workers do by the clock, and after a change."""

from typing import Any

from django.utils import timezone

from accounts.audit import acting_as
from costops.schedules import FOLLOWING, PERIODIC


def run_periodic(name: str) -> str:
    """Do the periodic work *name* and return what it did; safe to repeat."""
    (periodic,) = (one for one in PERIODIC if one.name == name)
    with acting_as("worker"):
        return periodic.run(timezone.now())


def follow(change: str, *args: Any) -> str:
    """Do what follows a *change* that was announced, and return what that did."""
    return " ".join(task(*args) for task in FOLLOWING[change])
