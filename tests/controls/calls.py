"""Makers of rules, figures and calls that were never written down."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from controls.expressions import read
from controls.rules import judge
from controls.types import (
    BudgetFigures,
    ControlAction,
    ProposedCall,
    Rule,
    Ruling,
    Subject,
)

NOW = datetime(2026, 11, 10, 17, 30, tzinfo=UTC)  # a Tuesday
UNIT = 10**10  # of one dollar


def a_rule(action: str = "block", trigger: str = "always", **values: Any) -> Rule:
    number = values.pop("id", 1)
    return Rule(
        **{
            "id": number,
            "uid": f"rule-{number}",
            "budget_id": 7,
            "budget_uid": "budget-7",
            "budget_name": "ML Team",
            "action": ControlAction(action),
            "trigger": read(trigger),
            "notify": False,
            "exempt_users": frozenset(),
            "message": "",
            "downgrades": {},
            "blocked_models": (),
            "allowed_models": (),
            "max_requests_per_minute": None,
            "max_cost_per_hour": None,
            **values,
        }
    )


def figures(
    spent: float = 0,
    limit: float = 100,
    reserved: float = 0,
    zone: str = "UTC",
    probability: Any = None,
) -> BudgetFigures:
    return BudgetFigures(
        spent=round(spent * UNIT),
        reserved=round(reserved * UNIT),
        limit=round(limit * UNIT),
        zone=ZoneInfo(zone),
        forecast_probability=probability,
    )


def a_call(
    model: str = "gpt-4", estimate: float | None = 0.01, **values: Any
) -> ProposedCall:
    tokens = values.pop("input_tokens", 100)
    where = {
        "provider": "openai",
        "department": "",
        "team": "",
        "project": "",
        "environment": "production",
        "user": "ann@acme.example",
        **values,
    }
    subject = Subject.of(SimpleNamespace(**where), model, where.get("tags", []))
    units = None if estimate is None else round(estimate * UNIT)
    return ProposedCall(subject, units, tokens)


def said(
    *rules: Rule,
    call: ProposedCall | None = None,
    known: BudgetFigures | None = None,
    now: datetime = NOW,
    uses: Any = None,
) -> Ruling:
    """Return what *rules* say, all of a budget that has *known*."""
    return judge(
        rules,
        call or a_call(),
        lambda budget_id: known or figures(),
        (uses or {}).get,
        now,
    )
