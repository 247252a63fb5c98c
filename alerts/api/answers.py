"""Alerts, and what raises them, as the API answers them."""

from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from alerts.configuration import configuration
from alerts.models import (
    BASES,
    Alert,
    AlertEvent,
    AlertState,
    RuleType,
    Sensitivity,
    Severity,
    SpikeWindow,
)
from alerts.types import Origin
from budgets.models import Budget
from lib.answers import Exact, Moment, Money, NamedOut, Out, choices, note
from lib.money import wire

# Of these, threshold and value are no amounts.
_SHARES = frozenset({RuleType.THRESHOLD.value})


class AlertStepOut(Out, frozen=True):
    """Something that happened to an alert; the last three where it is a step."""

    kind: Annotated[str, choices(AlertEvent.Kind.values)]
    at: Moment
    actor: str | None
    text: str
    level: int | UnsetType = UNSET
    recipients: list[str] | UnsetType = UNSET
    channels: list[str] | UnsetType = UNSET


class AlertOut(Out, frozen=True):
    """What is wrong with a budget, who was told, who takes care of it."""

    id: str
    type: Annotated[str, choices(RuleType.values)]
    severity: Annotated[str, choices(Severity.values)]
    state: Annotated[str, choices(AlertState.values)]
    budget: Annotated[str, note("Its id.")]
    budget_name: str
    organization_id: str
    currency: str
    period_start: Moment
    period_end: Moment
    threshold: Annotated[
        float | Exact | None, note("A share; text where it is money or a probability.")
    ]
    value: Annotated[float | Exact | None, note("As the threshold.")]
    basis: Annotated[str, choices(BASES), note("Of a threshold: what came to it.")]
    spent: Money
    limit: Money
    message: str
    details: dict[str, Any]
    fired_at: Moment
    acknowledged_by: str | None
    acknowledged_until: Moment | None
    snoozed_until: Moment | None
    resolved_at: Moment | None
    resolved_by: str | None
    next_step_at: Moment | None
    timeline: list[AlertStepOut]


class AlertRuleOut(Out, frozen=True):
    """What a budget is watched for, and who is told."""

    type: Annotated[str, choices(RuleType.values)]
    threshold: Annotated[
        float | Exact | None, note("A share of the limit is a number, money text.")
    ]
    basis: Annotated[
        str | None,
        choices([*BASES, None]),
        note("Of a threshold: what is held against the share."),
    ]
    probability: Annotated[
        float | None, note("Of a threshold's forecast: from which it tells.")
    ]
    condition: str
    sensitivity: Annotated[str | None, choices([*Sensitivity.values, None])]
    window: Annotated[str | None, choices([*SpikeWindow.values, None])]
    channels: list[str]
    recipients: list[str]
    message: str
    cooldown: Annotated[int, note("Seconds.")]
    severity: Annotated[str, choices(Severity.values)]
    enabled: bool
    not_set_up: Annotated[list[str], note("Channels that lead nowhere yet.")]


class OwnRuleOut(AlertRuleOut, frozen=True):
    """A rule of the budget itself."""

    id: Annotated[str | None, note("Null: a share of the budget's own alerts.")]


class InheritedAlertRuleOut(AlertRuleOut, frozen=True):
    """A rule of a budget above, or a built-in one."""

    origin: Annotated[str, choices(Origin)]
    from_: NamedOut = msgspec.field(name="from")


class HoursOut(Out, frozen=True):
    """When a level may be told, by the clocks of its time zone."""

    from_: str = msgspec.field(name="from")
    until: str
    days: Annotated[list[int], note("0: Monday.")]
    timezone: str | UnsetType = UNSET


class LevelOut(Out, frozen=True):
    """Who is told when, if nobody has acknowledged by then."""

    delay: Annotated[int, note("Seconds.")]
    recipients: list[str]
    channels: list[str]
    hours: HoursOut | None
    not_set_up: list[str]


class EscalationOut(Out, frozen=True):
    """The levels that are told one after the other."""

    name: str
    enabled: bool
    levels: list[LevelOut]
    repeat: int
    repeat_after: Annotated[int, note("Seconds.")]
    timezone: str
    holidays: list[str]


class InheritedEscalationOut(EscalationOut, frozen=True):
    """An escalation of a budget above, or of the organization."""

    from_: NamedOut | None = msgspec.field(name="from")


class AlertConfigurationOut(Out, frozen=True):
    """All that watches a budget, and who is told."""

    budget: Annotated[str, note("Its id.")]
    alerts: list[OwnRuleOut]
    inherited: list[InheritedAlertRuleOut]
    escalation: EscalationOut | None
    inherited_escalation: InheritedEscalationOut | None
    usual_recipients: list[str]
    not_set_up: list[str]
    dropped: Annotated[
        list[str] | UnsetType,
        note("The rules that these have replaced; left out where none were given."),
    ] = UNSET


def configuration_out(
    budget: Budget, dropped: list[str] | None = None
) -> AlertConfigurationOut:
    """Return a budget's rules and escalation, and what it inherits; of a change what
    it drops."""
    found = msgspec.convert(configuration(budget), AlertConfigurationOut)
    if dropped is None:
        return found
    return msgspec.structs.replace(found, dropped=dropped)


def alert_out(alert: Alert) -> AlertOut:
    """Return an alert; its events and budget are at hand.

    A threshold's numbers are shares; all others are amounts, rates or probabilities,
    as text.
    """
    return AlertOut(
        id=str(alert.uid),
        type=alert.type,
        basis=alert.basis,
        severity=alert.severity,
        state=alert.state,
        budget=str(alert.budget.uid),
        budget_name=alert.budget.name,
        organization_id=alert.organization.slug,
        currency=alert.budget.currency,
        period_start=alert.period_starts_at,
        period_end=alert.period_ends_at,
        threshold=_number(alert, alert.threshold),
        value=_number(alert, alert.value),
        spent=wire(alert.spent),
        limit=wire(alert.limit),
        message=alert.message,
        details=alert.details,
        fired_at=alert.fired_at,
        acknowledged_by=alert.acknowledged_by or None,
        acknowledged_until=alert.acknowledged_until,
        snoozed_until=alert.snoozed_until,
        resolved_at=alert.resolved_at,
        resolved_by=alert.resolved_by or None,
        next_step_at=alert.next_step_at,
        timeline=[_step_out(alert, event) for event in alert.events.all()],
    )


def _number(alert: Alert, value: Decimal | None) -> float | str | None:
    if value is None or alert.type not in _SHARES:
        return wire(value)
    return float(value)


def _step_out(alert: Alert, event: AlertEvent) -> AlertStepOut:
    step: dict[str, Any] = {}
    if event.step is not None and event.step < len(alert.steps):
        step = alert.steps[event.step]
    return AlertStepOut(
        kind=event.kind,
        at=event.at,
        actor=event.actor or None,
        text=event.text,
        level=step.get("level", UNSET),
        recipients=step.get("recipients", UNSET),
        channels=step.get("channels", UNSET),
    )
