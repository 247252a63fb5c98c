"""What was metered at the price of each kind, as one would work it out by hand."""

import os
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from budgets.rollup import roll_up
from ledger.models import CostRecord
from ledger.prices import add_price
from tests.budgets.worlds import differences, january_budget, undone
from tests.factories import NOON, make_organization, report, usage_record
from tests.sizes import examples

EXAMPLES = int(os.environ.get("EXAMPLES", "0"))
MILLION = 1_000_000

# What the bundled catalogue has, written out: (above, prices by kind), by model. A
# price is for a million tokens, or for one thing.
LISTED: dict[str, list[tuple[int, dict[str, str]]]] = {
    "claude-sonnet-4-5": [
        (
            0,
            {
                "input_tokens": "3",
                "cached_tokens": "0.3",
                "cache_write_tokens": "3.75",
                "cache_write_5m_tokens": "=cache_write_tokens",
                "cache_write_1h_tokens": "6",
                "output_tokens": "15",
                "searches": "0.01",
            },
        ),
        (
            200_000,
            {
                "input_tokens": "6",
                "cached_tokens": "0.6",
                "cache_write_tokens": "7.5",
                "cache_write_5m_tokens": "=cache_write_tokens",
                "cache_write_1h_tokens": "12",
                "output_tokens": "22.5",
                "searches": "0.01",
            },
        ),
    ],
    "gpt-realtime": [
        (
            0,
            {
                "input_tokens": "4",
                "cached_tokens": "0.4",
                "output_tokens": "16",
                "audio_input_tokens": "32",
                "audio_cached_tokens": "0.4",
                "audio_output_tokens": "64",
                "image_input_tokens": "5",
                "image_cached_tokens": "0.5",
            },
        )
    ],
    "of-our-own": [],
}
PROVIDERS = {"claude-sonnet-4-5": "anthropic", "gpt-realtime": "openai"}
FREE_KINDS = ("hats", "searches", "seconds", "odd_tokens")
SET_KINDS = (
    "input_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "reasoning_tokens",
    "audio_input_tokens",
    "audio_cached_tokens",
    "audio_output_tokens",
    *FREE_KINDS,
)
STAND_INS = {
    "cached_tokens": "input_tokens",
    "audio_cached_tokens": "audio_input_tokens",
    "image_cached_tokens": "image_input_tokens",
}
Prices = dict[str, Fraction]

amounts = st.sampled_from(["0", "0.0000000001", "2.5", "3.3333333333", "999"])
kind_prices = st.dictionaries(st.sampled_from(SET_KINDS), amounts, max_size=5)
overrides = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {
            "prices": kind_prices,
            "per_request": st.one_of(st.none(), amounts),
            "tiers": st.dictionaries(
                st.sampled_from([100, 200_000, 500_000]), kind_prices, max_size=2
            ),
        }
    ),
    st.sampled_from(["90", "0", "33.3333", "150"]),
)
counts = st.sampled_from([0, 0, 0, 1, 7, 120_000, 98_765_432_109])
uses = st.fixed_dictionaries(
    {
        **dict.fromkeys(
            (
                "text",
                "cached_text",
                "written",
                "written_5m",
                "written_1h",
                "fresh_audio",
                "cached_audio",
                "cached_image",
                "said",
                "thought",
                "spoken",
            ),
            counts,
        ),
        "things": st.dictionaries(
            st.sampled_from(FREE_KINDS), st.sampled_from([0, 1, 12]), max_size=2
        ),
        "half_seconds": st.booleans(),
        "requests": st.sampled_from([None, None, 1, 2, 40]),
    }
)


def sent_of(use: dict[str, Any]) -> dict[str, Any]:
    """Return *use* as a client sends it: wholes, and parts of them."""
    quantities = {
        "cache_write_5m_tokens": use["written_5m"],
        "cache_write_1h_tokens": use["written_1h"],
        "audio_input_tokens": use["fresh_audio"] + use["cached_audio"],
        "audio_cached_tokens": use["cached_audio"],
        "image_input_tokens": use["cached_image"],
        "image_cached_tokens": use["cached_image"],
        "audio_output_tokens": use["spoken"],
        **use["things"],
    }
    if use["half_seconds"] and "seconds" in quantities:
        quantities["seconds"] += 0.5
    cached = use["cached_text"] + use["cached_audio"] + use["cached_image"]
    written = use["written"] + use["written_5m"] + use["written_1h"]
    sent = {
        "input_tokens": use["text"] + cached + written + use["fresh_audio"],
        "cached_tokens": cached,
        "cache_write_tokens": written,
        "output_tokens": use["said"] + use["thought"] + use["spoken"],
        "reasoning_tokens": use["thought"],
        "quantities": quantities,
    }
    return sent if use["requests"] is None else {**sent, "requests": use["requests"]}


def metered(use: dict[str, Any]) -> dict[str, Fraction]:
    """Return how much of each kind, each token once."""
    found = {
        "input_tokens": use["text"],
        "cached_tokens": use["cached_text"],
        "cache_write_tokens": use["written"],
        "cache_write_5m_tokens": use["written_5m"],
        "cache_write_1h_tokens": use["written_1h"],
        "audio_input_tokens": use["fresh_audio"],
        "audio_cached_tokens": use["cached_audio"],
        "image_cached_tokens": use["cached_image"],
        "output_tokens": use["said"],
        "reasoning_tokens": use["thought"],
        "audio_output_tokens": use["spoken"],
        **use["things"],
    }
    if use["half_seconds"] and "seconds" in found:
        found["seconds"] += Fraction(1, 2)
    return {kind: Fraction(amount) for kind, amount in found.items() if amount}


def listed_at(model: str, tokens: Fraction) -> dict[str, str]:
    fitting = [prices for above, prices in LISTED[model] if tokens > above or not above]
    return fitting[-1] if fitting else {}


def set_at(override: dict[str, Any], tokens: Fraction) -> Prices:
    prices = dict(override["prices"])
    for above in sorted(override["tiers"]):
        if tokens > above:
            prices |= override["tiers"][above]
    return {kind: Fraction(price) for kind, price in prices.items()}


def prices_of(
    model: str, override: dict[str, Any] | str | None, tokens: Fraction
) -> Prices:
    """Return the prices of a request with so many input tokens."""
    listed = listed_at(model, tokens)
    same = {kind: price[1:] for kind, price in listed.items() if price[0] == "="}
    own = {kind: Fraction(listed[kind]) for kind in listed.keys() - same.keys()}
    if isinstance(override, dict):
        own |= set_at(override, tokens)
    elif override is not None:
        share = Fraction(override) / 100
        own = {kind: rounded_price(kind, price * share) for kind, price in own.items()}
    same["reasoning_tokens"] = "output_tokens"
    for kind, other in same.items():
        if other in own:
            own.setdefault(kind, own[other])
    return own


def rounded_price(kind: str, price: Fraction) -> Fraction:
    plain = kind in {
        "input_tokens",
        "cached_tokens",
        "cache_write_tokens",
        "output_tokens",
    }
    return Fraction(round(price * 10**10), 10**10) if plain else price


def expected(
    model: str, override: dict[str, Any] | str | None, use: dict[str, Any]
) -> tuple[Decimal | None, list[str], list[str]]:
    """Return the cost, the kinds without a price, and those that are assumed."""
    requests = use["requests"] or 1
    tokens = Fraction(sent_of(use)["input_tokens"])
    prices = prices_of(model, override, tokens / requests)
    unpriced, assumed = [], set()
    fee = override["per_request"] if isinstance(override, dict) else None
    cost = Fraction(fee or 0) * requests
    for kind, amount in metered(use).items():
        price = prices.get(kind)
        if price is None and kind in STAND_INS:
            price = prices.get(STAND_INS[kind])
            if price is not None:
                assumed.add(kind)
        if price is None:
            unpriced.append(kind)
            continue
        cost += amount * price / (MILLION if kind.endswith("_tokens") else 1)
    if unpriced:
        return None, sorted(unpriced), []
    if requests > 1 and any(tokens > above for above in starts(model, override)):
        assumed.add("requests")
    return Decimal(round(cost * 10**10)).scaleb(-10), [], sorted(assumed)


def starts(model: str, override: dict[str, Any] | str | None) -> set[int]:
    found = {above for above, _ in LISTED[model] if above}
    return found | set(override["tiers"] if isinstance(override, dict) else ())


def set_override(model: str, override: dict[str, Any] | str, **values: Any) -> bool:
    values |= {"provider": PROVIDERS.get(model, "house"), "model": model}
    values["effective_from"] = NOON - timedelta(days=1)
    if isinstance(override, str):
        add_price(**values, percent_of_list=Decimal(override))
        return True
    if not (override["prices"] or override["tiers"] or override["per_request"]):
        return False
    add_price(
        **values,
        quantities=dict(override["prices"]),
        per_request=override["per_request"] and Decimal(override["per_request"]),
        tiers=[
            {"above_input_tokens": above, "prices": dict(prices)}
            for above, prices in override["tiers"].items()
        ],
    )
    return True


@pytest.mark.django_db
@settings(
    max_examples=EXAMPLES or examples(8, 600),
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(
    override=overrides,
    model=st.sampled_from(list(LISTED)),
    batches=st.lists(st.lists(uses, min_size=1, max_size=5), min_size=1, max_size=2),
)
def test_usage_costs_each_kind_at_its_own_price_or_is_unpriced(
    override: dict[str, Any] | str | None,
    model: str,
    batches: list[list[dict[str, Any]]],
) -> None:
    with undone():
        organization = make_organization()
        budget = january_budget(organization)
        if override is not None and not set_override(
            model, override, organization=organization
        ):
            override = None

        answers: dict[str, tuple[Decimal | None, list[str], list[str]]] = {}
        for batch in batches:
            records = []
            for use in batch:
                name = f"u{len(answers)}"
                known = model in PROVIDERS or isinstance(override, dict)
                answers[name] = (
                    expected(model, override, use) if known else (None, [], [])
                )
                provider = PROVIDERS.get(model, "house")
                records.append(
                    usage_record(
                        id=name, provider=provider, model=model, **sent_of(use)
                    )
                )
            report(organization, *records)

        booked = {
            row.usage_id: (
                row.total_cost,
                row.unpriced_kinds or [],
                row.assumed_kinds or [],
            )
            for row in CostRecord.objects.all()
        }
        assert booked == answers
        assert differences(organization) == []
        roll_up(organization.pk)
        assert differences(organization) == []
        period = budget.periods.get()
        uses_made = [use for batch in batches for use in batch]
        assert period.requests == sum(use["requests"] or 1 for use in uses_made)
        assert period.unpriced_requests == sum(
            cost is None for cost, _, _ in answers.values()
        )
