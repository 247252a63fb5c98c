"""Leases as the API answers them: money set aside, and what its holder decides by."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from msgspec import UNSET, UnsetType

from controls.api.answers import ReasonOut, reason_out
from controls.decisions.types import LeaseAnswer
from controls.policy import Guard, Plan
from controls.types import ControlAction, Rule, Subject
from ledger.patterns import pattern_of
from ledger.tariffs import Rates
from lib.answers import Exact, Moment, Money, Out, choices, note
from lib.money import wire_units

REFRESH_S = 15  # how often the holder of a lease looks for new rules and figures


class BudgetFiguresOut(Out, frozen=True):
    """Where a budget stands in its present period, in its own currency."""

    id: str
    name: str
    currency: str
    spent: Money
    reserved: Money
    limit: Money
    timezone: str
    forecast_probability: Annotated[float | None, note("Null: too little is known.")]
    enforcement: Literal["soft", "hard"]
    period_end: Moment
    rate: Annotated[Exact, note("1 of the organization's currency in the budget's.")]


class ModelNamesOut(Out, frozen=True):
    """What a model is, however it was asked for."""

    asked: str
    model: str
    version: Annotated[str, note("Empty: the name does not say.")]
    meant_by: Annotated[list[str], note("Of the texts that triggers compare with.")]


class CallNamesOut(Out, frozen=True):
    """What the names of a lease's calls mean: the model, and those instead of it."""

    provider: str
    user_id: str
    models: list[ModelNamesOut]


class RuleTermsOut(Out, frozen=True):
    """A rule as clients apply it; `trigger` is in prefix form.

    `forbids` and `instead` say what its lists come to for the models that the lease's
    `names` know, as they were asked for.
    """

    id: str
    budget: str
    action: Annotated[str, choices(ControlAction.values)]
    trigger: Any
    exempt_users: list[str]
    message: str
    downgrades: dict[str, str]
    blocked_models: Sequence[str]
    allowed_models: Sequence[str]
    forbids: list[str]
    instead: dict[str, str]
    max_requests_per_minute: int | None
    max_cost_per_hour: Money | None


class TokenPricesOut(Out, frozen=True):
    """Prices of one token of each kind, in 10^-16 of the currency.

    `per_request` is in units of 10^-10.
    """

    input: int
    cached_input: int
    cache_write: int
    output: int
    reasoning: int
    per_request: int


class PriceTierOut(TokenPricesOut, frozen=True):
    """What all tokens of a request with more than `above` input tokens cost."""

    above: int


class ModelPriceOut(Out, frozen=True, kw_only=True):
    """What a model costs until `until`; not `priced`: no price is known."""

    provider: str
    model: str
    priced: bool
    until: Moment | None
    currency: str | UnsetType = UNSET
    input: int | UnsetType = UNSET
    cached_input: int | UnsetType = UNSET
    cache_write: int | UnsetType = UNSET
    output: int | UnsetType = UNSET
    reasoning: int | UnsetType = UNSET
    per_request: int | UnsetType = UNSET
    tiers: list[PriceTierOut] | UnsetType = UNSET
    rate: Annotated[
        Exact | UnsetType | None, note("1 of its currency in the organization's.")
    ] = UNSET


class LeaseGrantOut(Out, frozen=True):
    """Money set aside for one client, and what it decides by."""

    id: str | None
    mode: Annotated[
        Literal["lease", "ask", "block"],
        note("ask: a rate limit is in force, ask for each call."),
    ]
    granted: Annotated[Money, note("Added by this request.")]
    held: Money
    currency: str
    expires_at: Moment | None
    ttl_s: float
    refresh_s: int
    dimensions: Sequence[str]
    unpriced_policy: Literal["allow", "block"]
    reasons: list[ReasonOut]
    budgets: list[BudgetFiguresOut]
    names: CallNamesOut
    rules: list[RuleTermsOut]
    prices: list[ModelPriceOut]


def lease_out(answer: LeaseAnswer, now: datetime) -> LeaseGrantOut:
    """Return a lease with all that its holder needs to decide alone."""
    guard = answer.guard
    rules = _distinct(
        rule
        for plan in answer.plans.values()
        for rule in plan.rules
        if not rule.waits(now)
    )
    subjects = [plan.subject for plan in answer.plans.values()]
    until = answer.expires_at
    return LeaseGrantOut(
        id=str(answer.uid) if answer.uid else None,
        mode=_mode_of(answer),
        granted=wire_units(answer.units),
        held=wire_units(answer.held),
        currency=guard.currency,
        expires_at=until,
        ttl_s=max((until - now).total_seconds(), 0) if until else 0,
        refresh_s=REFRESH_S,
        dimensions=guard.dimensions,
        unpriced_policy="block" if guard.blocks_unpriced else "allow",
        reasons=[reason_out(reason) for reason in answer.reasons],
        budgets=_budgets(guard, answer),
        names=names_out(subjects, rules),
        rules=[rule_out(rule, subjects) for rule in rules],
        prices=[price_out(plan) for plan in answer.plans.values()],
    )


def _mode_of(answer: LeaseAnswer) -> Literal["lease", "ask", "block"]:
    if answer.decision == "block":
        return "block"
    return "ask" if answer.ask_each else "lease"


def _distinct(rules: Iterable[Rule]) -> list[Rule]:
    return list({rule.id: rule for rule in rules}.values())


def _budgets(guard: Guard, answer: LeaseAnswer) -> list[BudgetFiguresOut]:
    found = {}
    for plan in answer.plans.values():
        for target in plan.looked_at:
            budget_id = target.budget.id
            named, figures = guard.budgets[budget_id], answer.figures[budget_id]
            rate = dict(plan.span.currencies).get(target.currency)
            probability = _number(figures.forecast_probability)
            found[budget_id] = BudgetFiguresOut(
                id=named.uid,
                name=named.name,
                currency=named.currency,
                spent=wire_units(figures.spent),
                reserved=wire_units(figures.reserved),
                limit=wire_units(figures.limit),
                timezone=figures.zone.key,
                forecast_probability=None
                if probability is None
                else float(probability),
                enforcement="hard" if target in plan.hard else "soft",
                period_end=target.window.end,
                rate="1" if rate is None else f"{rate:f}",
            )
    return list(found.values())


def names_out(subjects: Sequence[Subject], rules: Sequence[Rule]) -> CallNamesOut:
    """Return what the names in a lease mean: holders know no models of their own.

    *subjects* are of the model that was asked for, and of those that downgrades lead
    to. `meant_by` is what triggers compare models with and this one is meant by.
    """
    texts = sorted({text for rule in rules for text in rule.trigger.models})
    return CallNamesOut(
        provider=subjects[0].provider,
        user_id=subjects[0].user,
        models=[
            ModelNamesOut(
                asked=one.model,
                model=one.name.model,
                version=one.name.version,
                meant_by=[text for text in texts if pattern_of(text).reaches(one.name)],
            )
            for one in subjects
        ],
    )


def rule_out(rule: Rule, subjects: Sequence[Subject]) -> RuleTermsOut:
    """Return a rule as the holder of a lease applies it: `forbids` and `instead` say
    what the lists come to for the models of *subjects*, as they were asked for."""
    most = rule.max_cost_per_hour
    instead = {one.model: rule.cheaper.instead_of(one.name) for one in subjects}
    return RuleTermsOut(
        id=rule.uid,
        budget=rule.budget_uid,
        action=rule.action.value,
        trigger=rule.trigger.wire,
        exempt_users=sorted(rule.exempt_users),
        message=rule.message,
        downgrades=dict(rule.downgrades),
        blocked_models=rule.blocked_models,
        allowed_models=rule.allowed_models,
        forbids=[one.model for one in subjects if rule.forbids(one.name)],
        instead={old: new for old, new in instead.items() if new is not None},
        max_requests_per_minute=rule.max_requests_per_minute,
        max_cost_per_hour=None if most is None else wire_units(most),
    )


def price_out(plan: Plan) -> ModelPriceOut:
    """Return what one token costs, in 10^-16 of the tariff's currency."""
    tariff, rate = plan.span.tariff, plan.span.rate
    named: dict[str, Any] = {
        "provider": plan.where.provider,
        "model": plan.model,
        "until": plan.span.end,
    }
    if tariff is None or tariff.rates.input is None:
        return ModelPriceOut(**named, priced=False)
    tiers = [
        PriceTierOut(**_token_prices(rates), above=start)
        for start, rates in tariff.tiers
    ]
    return ModelPriceOut(
        **named,
        **_token_prices(tariff.rates),
        priced=True,
        currency=tariff.currency,
        tiers=tiers,
        rate=None if rate is None else f"{rate:f}",
    )


def _token_prices(rates: Rates) -> dict[str, Any]:
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


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
