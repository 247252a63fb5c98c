"""What a variance is made of: its parts add up to it, at whatever rates."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Organization
from budgets import variances
from budgets.rollup import roll_up
from budgets.variance_parts import Exchanged, parts_of
from ledger.models import ExchangeRate
from tests.budgets.worlds import SHILLING, jan, january_budget
from tests.factories import (
    Api,
    make_api,
    make_organization,
    report,
    spend,
    usage_record,
)

money = st.decimals(-(10**6), 10**6, places=10)
rates = st.decimals("0.000001", 10**4, places=12)
LEEWAY = Fraction(1, 10**9)  # three roundings of ten places


@st.composite
def exchanged(draw: st.DrawFn) -> Exchanged:
    amount, rate = draw(money), draw(rates)
    charged = Decimal(round(Fraction(amount) * Fraction(rate) * 10**10)).scaleb(-10)
    return Exchanged(
        draw(st.sampled_from(["gpt-4o", "mini", "opus"])),
        amount,
        charged,
        rate,
        draw(st.just(rate) | rates),
        draw(st.integers(0, 1000)),
        draw(st.integers(0, 10**6)),
    )


uses = st.lists(exchanged(), max_size=6)


def by_hand(
    now: Sequence[Exchanged], before: Sequence[Exchanged]
) -> tuple[Fraction, Fraction]:
    """Return price and currency in fractions, model by model."""
    price = Fraction(0)
    for model in {one.model for one in now}:
        costs, units = [], []
        for used in (now, before):
            own = [one for one in used if one.model == model]
            at_plan = [
                Fraction(one.charged)
                - Fraction(one.amount)
                * (Fraction(one.rate) - Fraction(one.planned_rate))
                for one in own
            ]
            costs.append(sum(at_plan, Fraction(0)))
            units.append(
                (sum(one.tokens for one in own), sum(one.requests for one in own))
            )
        place = 0 if units[0][0] and units[1][0] else 1
        count, reference = units[0][place], units[1][place]
        if count and reference:
            price += costs[0] - costs[1] * count / reference
    currency = sum(
        (
            Fraction(one.amount) * (Fraction(one.rate) - Fraction(one.planned_rate))
            for one in now
        ),
        Fraction(0),
    )
    return price, currency


@given(money, uses, uses)
def test_the_parts_add_up_and_are_as_by_hand(
    variance: Decimal, now: list[Exchanged], before: list[Exchanged]
) -> None:
    parts = parts_of(variance, now, before)

    price, currency = by_hand(now, before)
    whole = sum(map(Fraction, (parts.volume, parts.price, parts.currency)), Fraction(0))
    assert whole == Fraction(variance)
    assert abs(Fraction(parts.price) - price) <= LEEWAY
    assert abs(Fraction(parts.currency) - currency) <= LEEWAY


@given(money, uses)
def test_at_the_planned_rates_there_is_no_currency_part(
    variance: Decimal, now: list[Exchanged]
) -> None:
    planned = [
        Exchanged(
            one.model,
            one.amount,
            one.charged,
            one.rate,
            one.rate,
            one.requests,
            one.tokens,
        )
        for one in now
    ]

    assert parts_of(variance, planned, []).currency == 0


# -- Through the API


def variance(api: Api, budget: Any, at: datetime) -> dict[str, Any]:
    query = at.isoformat().replace("+00:00", "Z")
    answer = api.get(f"budgets/{budget.uid}/variance?at={query}")
    assert answer.status == 200, answer.body
    body: dict[str, Any] = answer.body
    parts = [Decimal(body["parts"][name]) for name in ("volume", "price", "currency")]
    assert sum(parts) == Decimal(body["absolute_variance"])
    return body


@pytest.mark.django_db
def test_a_rate_that_changes_is_a_line_of_its_own(acme: Organization, api: Api) -> None:
    rates_of(acme, {1: "100", 11: "110"})
    budget = january_budget(acme, amount="3100", currency=SHILLING, starts_at=jan(1))
    spend(acme, "10", jan(5))
    spend(acme, "10", jan(15))

    body = variance(api, budget, jan(21))

    assert body["actual_spend"] == "2100.0000000000"  # 10 x 100 and 10 x 110
    assert body["expected_spend"] == "2000.0000000000"
    assert body["parts"] == {
        "volume": "0.0000000000",
        "price": "0.0000000000",
        "currency": "100.0000000000",
    }


@pytest.mark.django_db
def test_costs_in_another_currency_than_the_organizations_count_too() -> None:
    shilling = make_organization("nairobi", currency=SHILLING)
    rates_of(shilling, {1: "100", 11: "90"})
    api = make_api(organization=shilling)
    budget = january_budget(shilling, amount="3100", starts_at=jan(1))
    spend(shilling, "20", jan(15), currency="USD")

    body = variance(api, budget, jan(21))

    assert body["actual_spend"] == "1800.0000000000"
    assert body["parts"] == {
        "volume": "0.0000000000",
        "price": "0.0000000000",
        "currency": "-200.0000000000",
    }


@pytest.mark.django_db
def test_a_dearer_token_is_price_and_more_of_them_volume(
    acme: Organization, api: Api
) -> None:
    budget = january_budget(
        acme, amount="310", starts_at=datetime(2024, 12, 1, tzinfo=UTC)
    )
    used: dict[str, Any] = {"model": "gpt-4o", "output_tokens": 0}
    december = datetime(2024, 12, 10, tzinfo=UTC)
    spend(acme, "100", december, input_tokens=1000, **used)
    spend(acme, "390", jan(5), input_tokens=3000, **used)  # 0.13 a token, it was 0.10

    body = variance(api, budget, jan(21))

    assert body["absolute_variance"] == "190.0000000000"
    assert body["parts"] == {
        "volume": "100.0000000000",  # 300 at the price of before, 200 expected
        "price": "90.0000000000",
        "currency": "0.0000000000",
    }


@pytest.mark.django_db
@pytest.mark.parametrize("is_rolled_up", [True, False])
def test_daily_spend_and_records_say_the_same(
    acme: Organization,
    api: Api,
    monkeypatch: pytest.MonkeyPatch,
    is_rolled_up: bool,
) -> None:
    rates_of(acme, {1: "100", 11: "110"})
    budget = january_budget(
        acme,
        amount="310",
        timezone="America/St_Johns",
        starts_at=datetime(2024, 12, 1, tzinfo=UTC),
    )
    december = datetime(2024, 12, 31, tzinfo=UTC)
    for place, at in enumerate((december, jan(1, 3), jan(1, 4), jan(12, 9), jan(20))):
        cost = str(place + 1)
        spend(acme, cost, at, model="gpt-4o", input_tokens=1000 + 300 * place)
        spend(acme, cost, at, model="o3", input_tokens=7, currency=SHILLING)
        spend(acme, cost, at, model="o3", input_tokens=9)
        unpriced = usage_record(
            id=f"unpriced-{place}",
            provider="nobody",
            model="o3",
            timestamp=at.isoformat(),
            input_tokens=50,
        )
        report(acme, unpriced)
    if is_rolled_up:
        roll_up(acme.pk)

    by_days = variance(api, budget, jan(20, 7))["parts"]
    monkeypatch.setattr(variances, "MOST_STRETCHES", -1)
    by_records = variance(api, budget, jan(20, 7))["parts"]

    assert by_days == by_records
    assert all(Decimal(amount) for amount in by_days.values())  # there is each of them


def rates_of(organization: Organization, by_day: dict[int, str]) -> None:
    for day, rate in by_day.items():
        ExchangeRate.objects.create(
            organization=organization,
            base="USD",
            quote=SHILLING,
            date=date(2025, 1, day),
            rate=Decimal(rate),
        )
    organization.touch()
