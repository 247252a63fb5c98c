"""Authorizations and leases as the wire has them: money as strings."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from budgets.models import Reservation
from controls.decisions.types import CallAnswer, LeaseAnswer
from controls.policy import Guard, Plan
from controls.types import BudgetFigures, Reason, Rule, Subject
from ledger.patterns import pattern_of
from ledger.tariffs import Rates, Tariff
from lib.money import wire, wire_units

REFRESH_S = 15  # how often the holder of a lease looks for new rules and figures


def answer_body(answer: CallAnswer) -> dict[str, Any]:
    return {
        "id": answer.uid and str(answer.uid),
        "decision": answer.decision,
        "model": answer.model,
        "reserved": wire_units(answer.units),
        "currency": answer.currency,
        "expires_at": answer.expires_at,
        "retry_after_s": answer.retry_after_s,
        "priced": answer.priced,
        "reasons": [reason_body(reason) for reason in answer.reasons],
    }


def reason_body(reason: Reason) -> dict[str, Any]:
    return {
        "budget": reason.budget,
        "budget_name": reason.budget_name,
        "rule": reason.rule,
        "message": reason.message,
        "left": None if reason.left is None else wire_units(reason.left),
        "currency": reason.currency,
    }


def reservation_body(row: Reservation, currency: str) -> dict[str, Any]:
    """Return an authorization or lease as it stands."""
    return {
        "id": str(row.uid),
        "kind": row.kind,
        "state": row.state,
        "model": row.path["model"],
        "provider": row.path["provider"],
        "reserved": wire(row.granted),
        "held": wire(row.held),
        "settled": wire(row.settled),
        "currency": currency,
        "created_at": row.at,
        "expires_at": row.expires_at,
        "ended_at": row.ended_at,
        "reasons": row.details.get("reasons", []),
    }


def lease_body(answer: LeaseAnswer, now: datetime) -> dict[str, Any]:
    """Return a lease with all that its holder needs to decide alone."""
    guard = answer.guard
    rules = _distinct(rule for plan in answer.plans.values() for rule in plan.rules)
    subjects = [plan.subject for plan in answer.plans.values()]
    blocked = answer.decision == "block"
    mode = "block" if blocked else "ask" if answer.ask_each else "lease"
    until = answer.expires_at
    return {
        "id": answer.uid and str(answer.uid),
        "mode": mode,
        "granted": wire_units(answer.units),
        "held": wire_units(answer.held),
        "currency": guard.currency,
        "expires_at": until,
        "ttl_s": max((until - now).total_seconds(), 0) if until else 0,
        "refresh_s": REFRESH_S,
        "dimensions": guard.dimensions,
        "unpriced_policy": "block" if guard.blocks_unpriced else "allow",
        "reasons": [reason_body(reason) for reason in answer.reasons],
        "budgets": _budgets(guard, answer),
        "names": names_body(subjects, rules),
        "rules": [rule_body(rule, subjects) for rule in rules],
        "prices": [price_body(plan) for plan in answer.plans.values()],
    }


def _distinct(rules: Iterable[Rule]) -> list[Rule]:
    return list({rule.id: rule for rule in rules}.values())


def _budgets(guard: Guard, answer: LeaseAnswer) -> list[dict[str, Any]]:
    bodies = {}
    for plan in answer.plans.values():
        for target in plan.looked_at:
            budget_id = target.budget.id
            named = guard.budgets[budget_id]
            rate = dict(plan.span.currencies).get(target.currency)
            bodies[budget_id] = {
                "id": named.uid,
                "name": named.name,
                "currency": named.currency,
                **_figures_body(answer.figures[budget_id]),
                "enforcement": "hard" if target in plan.hard else "soft",
                "period_end": target.window.end,
                "rate": "1" if rate is None else f"{rate:f}",
            }
    return list(bodies.values())


def _figures_body(figures: BudgetFigures) -> dict[str, Any]:
    probability = figures.forecast_probability
    return {
        "spent": wire_units(figures.spent),
        "reserved": wire_units(figures.reserved),
        "limit": wire_units(figures.limit),
        "timezone": figures.zone.key,
        "forecast_probability": None if probability is None else float(probability),
    }


def names_body(subjects: Sequence[Subject], rules: Sequence[Rule]) -> dict[str, Any]:
    """Return what the names in a lease mean: holders know no models of their own.

    *subjects* are of the model that was asked for, and of those that downgrades lead
    to. `meant_by` is what triggers compare models with and this one is meant by.
    """
    texts = sorted({text for rule in rules for text in rule.trigger.models})
    return {
        "provider": subjects[0].provider,
        "user_id": subjects[0].user,
        "models": [
            {
                "asked": one.model,
                "model": one.name.model,
                "version": one.name.version,
                "meant_by": [
                    text for text in texts if pattern_of(text).reaches(one.name)
                ],
            }
            for one in subjects
        ],
    }


def rule_body(rule: Rule, subjects: Sequence[Subject]) -> dict[str, Any]:
    """Return a rule as the holder of a lease applies it: `forbids` and `instead` say
    what the lists come to for the models of *subjects*, as they were asked for."""
    most = rule.max_cost_per_hour
    instead = {one.model: rule.cheaper.instead_of(one.name) for one in subjects}
    return {
        "id": rule.uid,
        "budget": rule.budget_uid,
        "action": rule.action.value,
        "trigger": rule.trigger.wire,
        "exempt_users": sorted(rule.exempt_users),
        "message": rule.message,
        "downgrades": dict(rule.downgrades),
        "blocked_models": rule.blocked_models,
        "allowed_models": rule.allowed_models,
        "forbids": [one.model for one in subjects if rule.forbids(one.name)],
        "instead": {old: new for old, new in instead.items() if new is not None},
        "max_requests_per_minute": rule.max_requests_per_minute,
        "max_cost_per_hour": None if most is None else wire_units(most),
    }


def price_body(plan: Plan) -> dict[str, Any]:
    """Return what one token costs, in 10^-16 of the tariff's currency."""
    tariff, rate = plan.span.tariff, plan.span.rate
    body: dict[str, Any] = {
        "provider": plan.where.provider,
        "model": plan.model,
        "priced": tariff is not None and tariff.rates.input is not None,
        "until": plan.span.end,
    }
    if tariff is not None and tariff.rates.input is not None:
        body |= _tariff_body(tariff)
        body["rate"] = None if rate is None else f"{rate:f}"
    return body


def _tariff_body(tariff: Tariff) -> dict[str, Any]:
    return {
        "currency": tariff.currency,
        **_rates_body(tariff.rates),
        "tiers": [
            {"above": start, **_rates_body(rates)} for start, rates in tariff.tiers
        ],
    }


def _rates_body(rates: Rates) -> dict[str, int]:
    """Return rates to reserve by: what has no price of its own as the rest of it.

    What is then used and has none is kept unpriced when it is booked.
    """
    of_input, of_output = rates.input or 0, rates.output or 0
    cached, written = rates.cached_input, rates.cache_write
    return {
        "input": of_input,
        "cached_input": of_input if cached is None else cached,
        "cache_write": of_input if written is None else written,
        "output": of_output,
        "reasoning": of_output if rates.reasoning is None else rates.reasoning,
        "per_request": rates.per_request,
    }
