"""The SDK prices and judges as the server does: both are asked the same."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llm_cost_ops.answers.controls import (
    BudgetFigures,
    CallNames,
    ModelNames,
    ModelPrice,
    PriceTier,
    RuleTerms,
)
from llm_cost_ops.calls import Attribution, Call, Tokens
from llm_cost_ops.errors import BadAnswerError
from llm_cost_ops.pricing import Price, price_of
from llm_cost_ops.rules import Rules
from llm_cost_ops.triggers import Facts, Names, Standing, compiled

from controls.expressions import read
from ledger.pricing import convert
from ledger.tariffs import Rates, Tariff

KINDS = ("input", "cached_input", "cache_write", "output", "reasoning", "per_request")
prices = st.integers(0, 10**12)
rates_given = st.fixed_dictionaries(dict.fromkeys(KINDS, prices))
counts = st.integers(0, 300_000)


@given(
    rates_given,
    rates_given,
    st.tuples(counts, counts, counts, counts, counts),
    st.decimals("0.0001", "200", places=6),
)
def test_a_call_costs_what_the_server_books(
    plain: dict[str, Any],
    above: dict[str, Any],
    parts: tuple[int, int, int, int, int],
    rate: Decimal,
) -> None:
    fresh, cached, written, produced, reasoned = parts
    tier = PriceTier(above=200_000, **above)
    listed = ModelPrice(**plain, currency="USD", tiers=(tier,))
    tariff = Tariff("USD", Rates(**plain), ((200_000, Rates(**above)),), "", None)
    used = Tokens(
        fresh + cached + written,
        produced + reasoned,
        cached=cached,
        cache_write=written,
        reasoning=reasoned,
    )

    booked = tariff.total(used.input, cached, written, used.output, used.reasoning)

    assert booked is not None
    assert Price(listed, None).cost(used) == booked
    assert Price(listed, rate).cost(used) == convert(booked, rate)


@given(rates_given, st.tuples(counts, counts, counts, counts, counts))
def test_nothing_costs_more_than_its_worst_case(
    plain: dict[str, Any], parts: tuple[int, int, int, int, int]
) -> None:
    fresh, cached, written, produced, reasoned = parts
    used = Tokens(
        fresh + cached + written,
        produced + reasoned,
        cached=cached,
        cache_write=written,
        reasoning=reasoned,
    )
    price = Price(ModelPrice(**plain, currency="USD"), None)

    assert price.cost(used) <= price.worst(used.input, used.output)


def test_what_has_no_price_or_no_rate_is_not_free() -> None:
    unknown = ModelPrice(provider="p", model="m", priced=False)
    foreign = ModelPrice(provider="p", model="m", currency="EUR")

    assert price_of(unknown, "USD") is None
    assert price_of(foreign, "USD") is None
    assert price_of(foreign, "EUR") is not None


# -- Triggers

NOW = datetime(2026, 11, 16, 17, 30, tzinfo=UTC)  # a Monday
VALUES: dict[str, Any] = {
    "environment": "production",
    "project": "web",
    "team": "",
    "department": "",
    "user": "ada",
    "model": "gpt-4",
    "provider": "openai",
    "tags": {"team": "backend", "beta": "yes"},
    "estimated_cost": Decimal("0.05"),
    "input_tokens": 1_000,
    "budget_percentage": Decimal("0.9"),
    "spent": Decimal(90),
    "limit": Decimal(100),
    "remaining": Decimal(7),
    "forecast_probability": None,
    "hour": 18,  # in Berlin
    "minute": 30,
    "weekday": 0,
    "day": 16,
    "month": 11,
    "time": "18:30",
}
FIGURES = BudgetFigures(
    "b",
    "B",
    "USD",
    spent=Decimal(88),
    reserved=Decimal(5),
    limit=Decimal(100),
    timezone="Europe/Berlin",
)
WHO = Attribution(
    environment="production",
    project_id="web",
    user_id="ada",
    tags={"team": "backend", "beta": "yes"},
)
TRIGGERS = [
    "budget_percentage >= 0.9",
    "budget_percentage > 0.9",
    "budget_percentage >= 0.95",
    'environment == "production"',
    'environment != "production"',
    'model in ("gpt-4", "gpt-4o")',
    'not (model not in ("gpt-4", "gpt-4o"))',
    "hour >= 18 or weekday >= 5",
    "9 <= hour < 18",
    'time >= "18:00" and day == 16 and month == 11 and minute == 30',
    '"beta" in tags',
    '"gamma" in tags',
    'tags["team"] == "backend"',
    'tags["nobody"] == ""',
    "estimated_cost * 2 >= 0.1",
    "spent / limit >= 0.9 and remaining <= 7",
    "remaining - 7 > 0",
    "limit / (remaining - 7) > 1",
    "forecast_probability > 0.5",
    "not forecast_probability > 0.5",
    'forecast_probability > 0.5 or user == "ada"',
    'input_tokens >= 1000 and provider == "openai" and team == ""',
    "always",
]


NAMES = Names(
    CallNames("openai", "ada", (ModelNames("gpt-4", "gpt-4", meant_by=("gpt-4",)),)),
    "gpt-4",
)


def facts(**changes: Any) -> Facts:
    call = Call("openai", "gpt-4", WHO, 1_000, 10)
    found = Facts(call, 500_000_000, 2 * 10**10, NAMES)
    found.standing, found.was_now = Standing(FIGURES), NOW
    return found


@pytest.mark.parametrize("text", TRIGGERS)
def test_a_trigger_holds_here_when_it_holds_there(text: str) -> None:
    trigger = read(text)

    assert (compiled(trigger.wire)(facts()) is True) is trigger.holds(VALUES)


def test_tags_in_a_list_have_values_too() -> None:
    found = facts()
    found.call.who = Attribution(tags=["team:backend", "x"])

    assert compiled(["==", ["tag", "team"], "backend"])(found)
    assert compiled(["in", "x", {"name": "tags"}])(found)


@pytest.mark.parametrize(
    "form", [7, None, [], ["nonsense", 1], {"name": "nobody"}, ["and", 7], [[]]]
)
def test_a_form_that_the_contract_does_not_have_is_refused(form: Any) -> None:
    with pytest.raises(BadAnswerError):
        compiled(form)


# -- Rules

ALWAYS = ["==", {"number": "1"}, {"number": "1"}]
NEVER = ["==", {"number": "1"}, {"number": "2"}]


def judged(*rules: RuleTerms, user: str = "") -> tuple[str, str] | None:
    call = Call("openai", "gpt-4", Attribution(user_id=user), 0, 0)
    names = Names(CallNames("openai", user, (ModelNames("gpt-4", "gpt-4"),)), "gpt-4")
    found = Rules(rules, names, {"b": Standing(FIGURES)}).judge(call, 0, 0)
    return found and (found.action, found.model)


def test_the_order_of_effect_is_block_blocklist_downgrade_rate_limit() -> None:
    limit = RuleTerms("1", "b", "rate_limit", ALWAYS, max_requests_per_minute=1)
    lesser = RuleTerms("2", "b", "model_downgrade", ALWAYS, instead={"gpt-4": "x"})
    listed = RuleTerms("3", "b", "model_blocklist", ALWAYS, forbids=("gpt-4",))
    block = RuleTerms("4", "b", "block", ALWAYS)

    assert judged(limit, lesser, listed, block) == ("block", "")
    assert judged(limit, lesser, listed) == ("model_blocklist", "")
    assert judged(limit, lesser) == ("model_downgrade", "x")
    assert judged(limit) == ("rate_limit", "")
    assert judged(RuleTerms("5", "b", "notify", ALWAYS)) is None
    assert judged(RuleTerms("6", "b", "block", NEVER)) is None


def test_exempt_users_pass() -> None:
    block = RuleTerms("1", "b", "block", ALWAYS, exempt_users=("ada",))

    assert judged(block, user="ada") is None
    assert judged(block, user="bob") == ("block", "")
