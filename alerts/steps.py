"""The steps of an alert: its rules' own people first, then the policy's levels."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NotRequired
from uuid import UUID

from alerts.policies import Oversight
from notifications.models import ChannelType
from notifications.steps import LadderStep, steps_of

ALERT_KEYS = "alert:"  # what the keys of all deliveries about alerts begin with


class AlertStep(LadderStep):
    """A step as it is frozen into an alert; level 0 is that of its rules."""

    usual: NotRequired[bool]  # the rule names nobody: whoever is usually told


def freeze_steps(
    oversight: Oversight,
    told: Iterable[tuple[Sequence[str], Sequence[str]]],
    *,
    now: datetime,
) -> list[LadderStep]:
    """Return the steps of a new alert: the rules' own people, then the policy's levels.

    *told* has channels and recipients of each rule that is told with it.
    """
    own: list[AlertStep] = []
    for channels, recipients in told:
        names = list(channels) or [ChannelType.EMAIL.value]
        usual = not recipients
        people = _named(recipients, names, oversight.usual)
        step = _own_step(people, names, usual=usual)
        if step not in own:
            own.append(step)
    policy = oversight.policy
    if policy is None or not policy.enabled:
        return steps_of(now, [], first=own, timezone="UTC")
    return steps_of(
        now,
        levels_of(policy.levels, oversight.usual),
        first=own,
        timezone=policy.timezone,
        holidays=policy.holidays,
        repeat=policy.repeat,
        repeat_after_s=policy.repeat_after_s,
    )


def levels_of(
    levels: Iterable[Mapping[str, Any]], usual: Sequence[str]
) -> list[dict[str, Any]]:
    """Return *levels*; those that mail nobody by name mail whoever is usually told."""
    return [
        {
            **level,
            "recipients": _named(
                level.get("recipients") or (), level.get("channels") or (), usual
            ),
        }
        for level in levels
    ]


def _named(
    recipients: Sequence[str], channels: Iterable[str], usual: Sequence[str]
) -> list[str]:
    by_mail = ChannelType.EMAIL in channels
    return list(recipients or (usual if by_mail else ()))


def _own_step(
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
    return f"{ALERT_KEYS}{alert_uid}:{number}"
