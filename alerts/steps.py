"""The steps of an alert: its rules' own people first, then the policy's levels."""

from collections.abc import Iterable
from typing import NotRequired
from uuid import UUID

from notifications.steps import Step


class AlertStep(Step):
    """A step as it is frozen into an alert; level 0 is that of its rules."""

    usual: NotRequired[bool]  # the rule names nobody: whoever is usually told


def own_step(
    recipients: Iterable[str], channels: Iterable[str], *, usual: bool
) -> AlertStep:
    """Return the step by which a rule tells its own people, at once."""
    return AlertStep(
        level=0,
        at="",
        delay=0,
        recipients=list(recipients),
        channels=list(channels),
        hours=None,
        run=0,
        usual=usual,
    )


def step_key(alert_uid: UUID, number: int) -> str:
    """Return what the keys of a step's deliveries begin with."""
    return f"alert:{alert_uid}:{number}"
