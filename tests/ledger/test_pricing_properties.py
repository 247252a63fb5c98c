"""Prices and rates as one would look them up by hand, against what is booked."""

import os
from collections import Counter
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from budgets.rollup import roll_up
from ledger.models import CostRecord, DailySpend
from ledger.prices import PriceOverlaps, add_price, add_rate
from ledger.verification import differences
from tests.budgets.worlds import undone
from tests.factories import make_organization, report, usage_record
from tests.sizes import examples

EXAMPLES = int(os.environ.get("EXAMPLES", "0"))
BEGIN = datetime(2024, 2, 28, 12, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
# What the names that prices are set for mean, of those that are used.
MEANT = {
    "large-2": {"large-2", "LARGE-2"},
    "Large-2": {"large-2", "LARGE-2"},
    "large*": {"large-2", "large-3", "LARGE-2"},
    "l*": set(),  # a name goes on at a dash
    "*": {"large-2", "large-3", "small", "LARGE-2", "other"},
    "small": {"small"},
}
LIST_TIERS = {"", "default", "standard", "auto", "on_demand"}
Price = dict[str, Any]

moments = st.builds(
    lambda hours, by: BEGIN + timedelta(hours=hours) + by,
    st.integers(0, 12).map(lambda n: n * 6),
    st.sampled_from([timedelta(0), -INSTANT, INSTANT]),
)
amounts = st.sampled_from(["0", "0.0000000001", "2.5", "3.3333333333", "1000000"])
prices = st.fixed_dictionaries(
    {
        "own": st.booleans(),
        "provider": st.sampled_from(["house", "House"]),
        "model": st.sampled_from(["large-2", "Large-2", "large*", "l*", "*", "small"]),
        "service_tier": st.sampled_from(["", "", "batch"]),
        "effective_from": moments,
        "effective_to": st.one_of(st.none(), moments),
        "currency": st.sampled_from(["USD", "USD", "KES"]),
        "input_per_million": amounts,
        "output_per_million": amounts,
        "cached_input_per_million": st.one_of(st.none(), amounts),
        "per_request": st.sampled_from(["0", "0.01"]),
    }
)
rates = st.dictionaries(
    st.integers(-1, 4).map(lambda days: (BEGIN + timedelta(days=days)).date()),
    st.sampled_from(["0.007751937984", "1", "129.333333333333"]),
    max_size=3,
)
uses = st.fixed_dictionaries(
    {
        "timestamp": moments,
        "provider": st.sampled_from(["house", "HOUSE"]),
        "model": st.sampled_from(["large-2", "large-3", "small", "LARGE-2", "other"]),
        "service_tier": st.sampled_from([None, "default", "batch", "flex"]),
        "input_tokens": st.sampled_from([0, 1, 7, 1000, 999_999]),
        "cached_tokens": st.sampled_from([0, 0, 1]),
        "output_tokens": st.sampled_from([0, 3, 12_345]),
    }
).map(
    lambda use: {**use, "cached_tokens": min(use["cached_tokens"], use["input_tokens"])}
)


def is_for(price: Price, use: dict[str, Any]) -> bool:
    at, tier = use["timestamp"], use["service_tier"] or ""
    return (
        price["effective_from"] <= at
        and (price["effective_to"] is None or at < price["effective_to"])
        and price["provider"].lower() == use["provider"].lower()
        and use["model"] in MEANT[price["model"]]
        and (
            price["service_tier"] == tier
            if price["service_tier"]
            else tier in LIST_TIERS
        )
    )


def price_of(known: list[Price], use: dict[str, Any]) -> Price | None:
    """Return the organization's own, for the tier, exact, or else the longest."""
    fitting = [price for price in known if is_for(price, use)]
    for preference in (
        lambda price: price["own"],
        lambda price: price["service_tier"] != "",
        lambda price: not price["model"].endswith("*"),
    ):
        fitting = [price for price in fitting if preference(price)] or fitting
    longest = max((len(price["model"]) for price in fitting), default=0)
    fitting = [price for price in fitting if len(price["model"]) == longest]
    assert len(fitting) <= 1
    return fitting[0] if fitting else None


def rounded(exact: Fraction) -> Decimal:
    context = Context(prec=80)
    quotient = context.divide(Decimal(exact.numerator), Decimal(exact.denominator))
    return quotient.quantize(Decimal("1E-10"), ROUND_HALF_EVEN, context)


def cost_of(
    known: list[Price], rates: dict[date, str], use: dict[str, Any]
) -> Decimal | None:
    price = price_of(known, use)
    if price is None:
        return None
    cached = price["cached_input_per_million"] or price["input_per_million"]
    exact = Fraction(price["per_request"]) + (
        (use["input_tokens"] - use["cached_tokens"])
        * Fraction(price["input_per_million"])
        + use["cached_tokens"] * Fraction(cached)
        + use["output_tokens"] * Fraction(price["output_per_million"])
    ) / Fraction(1_000_000)
    cost = rounded(exact)
    if price["currency"] == "USD":
        return cost
    days = [day for day in rates if day <= use["timestamp"].date()]
    if not days:
        return None
    return rounded(Fraction(cost) * Fraction(rates[max(days)]))


@pytest.mark.django_db
@settings(
    max_examples=EXAMPLES or examples(10, 400),
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(
    given_prices=st.lists(prices, max_size=8),
    rates=rates,
    batches=st.lists(st.lists(uses, min_size=1, max_size=6), min_size=1, max_size=3),
)
def test_usage_costs_what_the_price_of_its_own_time_says(
    given_prices: list[Price],
    rates: dict[date, str],
    batches: list[list[dict[str, Any]]],
) -> None:
    with undone():
        organization = make_organization()
        known = []
        for price in given_prices:
            values = {name: value for name, value in price.items() if name != "own"}
            to = price["effective_to"]
            if to is not None and to <= price["effective_from"]:
                continue
            with suppress(PriceOverlaps):
                owner = organization if price["own"] else None
                add_price(organization=owner, **values)
                known.append(price)
        for day, rate in rates.items():
            add_rate(organization=None, base="KES", quote="USD", rate=rate, date=day)

        expected: dict[str, Decimal | None] = {}
        for batch in batches:
            records = []
            for use in batch:
                name = f"u{len(expected)}"
                expected[name] = cost_of(known, rates, use)
                sent = {**use, "timestamp": use["timestamp"].isoformat()}
                records.append(usage_record(id=name, **sent))
            report(organization, *records)

        assert (
            dict(CostRecord.objects.values_list("usage_id", "total_cost")) == expected
        )
        assert_parts_and_days_add_up()
        assert list(differences(organization)) == []
        roll_up(organization.pk)
        assert list(differences(organization)) == []
        assert_days_are_kept()


def assert_parts_and_days_add_up() -> None:
    for record in CostRecord.objects.all():
        if record.total_cost is None:
            assert record.input_cost is record.output_cost is None
        else:
            assert record.input_cost + record.output_cost == record.total_cost
            assert record.input_cost >= 0
            assert record.output_cost >= 0


def assert_days_are_kept() -> None:
    costs: dict[date, Decimal] = {}
    requests: Counter[date] = Counter()
    unpriced: Counter[date] = Counter()
    for record in CostRecord.objects.all():
        day = record.timestamp.date()
        costs[day] = costs.get(day, Decimal(0)) + (record.total_cost or 0)
        requests[day] += 1
        unpriced[day] += record.total_cost is None
    kept: dict[date, tuple[Decimal, int, int]] = {}
    for row in DailySpend.objects.all():
        cost, count, missing = kept.get(row.day, (Decimal(0), 0, 0))
        kept[row.day] = cost + row.cost, count + row.requests, missing + row.unpriced
    assert kept == {
        day: (cost, requests[day], unpriced[day]) for day, cost in costs.items()
    }
