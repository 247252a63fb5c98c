"""Giving a new budget the rules of the one that it is to be like."""

from datetime import datetime
from typing import Any

from accounts.audit import giving
from alerts import configuration
from alerts.api.schemas import ConfigurationIn
from budgets.models import Budget
from bulk.rules import RuleSheet

_BODIES = ("alerts", "escalation")


def take_rules(budget: Budget, like: Budget, *, now: datetime, reason: str) -> None:
    """Give *budget* the guardrail rules, alert rules and escalation of *like* itself;
    what that inherits it inherits by its place.

    Raises:
        Refusal: it can't have them.
    """
    with giving(reason):
        _take_guardrails(budget, like, now)
        _take_alerts(budget, like, now)


def _take_guardrails(budget: Budget, like: Budget, now: datetime) -> None:
    sheet = RuleSheet()
    wires = [_anew(body) for body in sheet.bodies(like)]
    if wires:
        sheet.configure(budget, sheet.read(wires), now, None)


def _take_alerts(budget: Budget, like: Budget, now: datetime) -> None:
    found = configuration.configuration(like)
    data = {name: found[name] for name in _BODIES if found.get(name)}
    if "alerts" in data:
        data["alerts"] = [_anew(body) for body in data["alerts"]]
    if data:
        shape = ConfigurationIn(data=data)
        shape.is_valid(raise_exception=True)
        configuration.configure(budget, shape.validated_data, now=now)


def _anew(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "id"}
