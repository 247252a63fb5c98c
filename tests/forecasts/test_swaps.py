"""What other models would have cost, from what was really used."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Organization
from forecasts.assumptions import Swap
from forecasts.swaps import SwapEffect, switched_by
from ledger.models import CostRecord, Price
from ledger.pricing import PriceBook
from ledger.quantities import restored
from ledger.tariffs import Metered
from lib.errors import Invalid
from lib.money import from_units
from tests.budgets.worlds import jan, undone
from tests.factories import Api, make_organization, report, spend, usage_record
from tests.sizes import examples

pytestmark = pytest.mark.django_db
NOW = jan(15, 12)
MINI = Swap("gpt-4o", "gpt-4o-mini")


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def use(organization: Organization, days: float = 1, **fields: Any) -> None:
    """Report a use of gpt-4o: a million tokens, 400,000 of them cached, costs 3."""
    tokens = {
        "input_tokens": 1_000_000,
        "cached_tokens": 400_000,
        "output_tokens": 100_000,
    }
    spend(organization, at=NOW - timedelta(days), **{"cost": None, **tokens, **fields})


def effect_of(organization: Organization, swap: Swap = MINI) -> SwapEffect:
    (effect,) = switched_by([swap], organization, None, now=NOW).effects
    return effect


def test_cached_tokens_are_priced_as_such(acme: Organization) -> None:
    use(acme)
    spend(acme, "2", NOW - timedelta(2), provider="anthropic", model="claude-sonnet-4")

    found = switched_by([MINI], acme, None, now=NOW)

    # 0.6 x 2.50 + 0.4 x 1.25 + 0.1 x 10, and 0.6 x 0.15 + 0.4 x 0.075 + 0.1 x 0.60.
    (effect,) = found.effects
    assert (effect.cost, effect.would_cost) == (Decimal(3), Decimal("0.18"))
    assert found.factor == Decimal("0.436")  # (0.18 + 2) / (3 + 2)


def test_a_share_of_it_saves_as_much_less(acme: Organization) -> None:
    use(acme)

    found = switched_by([Swap("gpt-4o", "gpt-4o-mini", "", Decimal("0.5"))], acme,
                        None, now=NOW)  # fmt: skip

    assert found.factor == Decimal("0.53")  # (3 - 1.41) / 3


def test_several_are_switched_at_once(acme: Organization) -> None:
    use(acme)
    use(acme, model="gpt-4.1")  # 0.6 x 2 + 0.4 x 0.5 + 0.1 x 8

    found = switched_by([MINI, Swap("gpt-4.1*", "gpt-4o-mini")], acme, None, now=NOW)

    assert [one.cost for one in found.effects] == [Decimal(3), Decimal("2.2")]
    assert found.factor == Decimal("0.0692307692")  # 0.36 / 5.2


def test_an_override_is_the_price_of_the_new_model(acme: Organization) -> None:
    use(acme)
    Price.objects.create(
        organization=acme,
        provider="openai",
        model="house-model",
        effective_from=jan(1),
        currency="USD",
        input_per_million=Decimal(1),
        output_per_million=Decimal(2),
    )

    assert effect_of(acme, Swap("gpt-4o", "house-model")).would_cost == Decimal("1.2")


def test_another_provider_is_found_by_the_model_or_named(acme: Organization) -> None:
    use(acme)

    found = effect_of(acme, Swap("gpt-4o", "claude-3-5-haiku-20241022"))
    azures = effect_of(acme, Swap("gpt-4o", "gpt-4o-mini", "azure"))

    # 0.6 x 0.80 + 0.4 x 0.08 + 0.1 x 4
    assert found.would_cost == Decimal("0.912")
    assert azures.would_cost > 0


def test_requests_that_are_long_cost_what_long_ones_do(acme: Organization) -> None:
    long = {"input_tokens": 300_000, "cached_tokens": 0, "output_tokens": 1_000}
    for tokens in (long, {**long, "input_tokens": 100_000}):
        use(acme, **tokens)

    effect = effect_of(acme, Swap("gpt-4o", "gemini-2.5-pro"))

    # 300,000 x 2.50 + 1,000 x 15, and 100,000 x 1.25 + 1,000 x 10, each a million.
    assert effect.would_cost == Decimal("0.765") + Decimal("0.135")


def test_a_record_of_many_short_requests_is_not_long(acme: Organization) -> None:
    use(acme, input_tokens=300_000, cached_tokens=0, output_tokens=0)
    use(acme, input_tokens=400_000, cached_tokens=0, output_tokens=0, requests=800)

    effect = effect_of(acme, Swap("gpt-4o", "gemini-2.5-pro"))

    # 300,000 x 2.50, and 400,000 x 1.25: 500 each.
    assert effect.would_cost == Decimal("0.75") + Decimal("0.5")


def test_what_was_billed_is_cheaper_in_proportion(acme: Organization) -> None:
    use(acme, cost="1.5", currency="USD")  # half of the list price

    assert effect_of(acme).would_cost == Decimal("0.09")


def test_what_was_billed_without_tokens_stays(acme: Organization) -> None:
    spend(acme, "5", NOW - timedelta(1), model="gpt-4o", input_tokens=0,
          output_tokens=0)  # fmt: skip

    effect = effect_of(acme)

    assert effect.cost == effect.would_cost == Decimal(5)


def test_usage_counts_as_it_stands_now(acme: Organization, api: Api) -> None:
    use(acme, id="right")
    use(acme, id="wrong", input_tokens=2_000_000, quantities={"searches": 2}, cost="7")
    record = usage_record(
        id="wrong",
        timestamp=(NOW - timedelta(1)).isoformat(),
        input_tokens=1_000_000,
        cached_tokens=400_000,
        output_tokens=100_000,
        reason="It was counted twice",
    )

    assert api.post("usage/wrong/correction", record).status == 201

    effect = effect_of(acme)
    assert (effect.requests, effect.cost, effect.would_cost) == (2, 6, Decimal("0.36"))


def test_written_tokens_are_input_where_nothing_is_sold_so(acme: Organization) -> None:
    use(
        acme,
        provider="anthropic",
        model="claude-sonnet-4-20250514",
        cached_tokens=0,
        cache_write_tokens=500_000,
        quantities={"cache_write_1h_tokens": 200_000},
    )

    effect = effect_of(acme, Swap("claude-sonnet-4*", "gpt-4o-mini"))

    assert effect.would_cost == Decimal("0.15") + Decimal("0.06")


def test_costs_of_a_currency_are_in_the_organizations(acme: Organization) -> None:
    euros = make_organization("euros", currency="EUR")
    use(euros)
    use(acme)

    there, here = effect_of(euros), effect_of(acme)

    assert there.would_cost / there.cost == pytest.approx(
        here.would_cost / here.cost, abs=Decimal("1e-6")
    )
    assert there.cost != here.cost


def test_what_is_long_ago_is_not_looked_at(acme: Organization) -> None:
    use(acme, 40)
    spend(acme, "1", NOW - timedelta(1), provider="anthropic", model="claude")

    with pytest.raises(Invalid, match="cost nothing here in the last 28 days"):
        effect_of(acme)


@pytest.mark.parametrize(
    ("swap", "named", "said"),
    [
        (Swap("gpt-4", "gpt-4o-mini"), "from", "cost nothing here"),
        (Swap("gpt-4o", "no-such-model"), "to", "by openai is known"),
        (Swap("gpt-4o", "gpt-4o", "nobody"), "to", "by nobody is known"),
    ],
)
def test_what_cannot_be_switched_is_told(
    acme: Organization, swap: Swap, named: str, said: str
) -> None:
    use(acme)

    with pytest.raises(Invalid, match=said) as refused:
        effect_of(acme, swap)

    assert [error.attr for error in refused.value.errors] == [named]


def test_kinds_without_a_price_are_told(acme: Organization) -> None:
    use(acme, quantities={"tiles": 3}, cost="9", currency="USD")

    with pytest.raises(Invalid, match="has no price of tiles"):
        effect_of(acme)


def test_one_model_is_switched_once(acme: Organization) -> None:
    use(acme)

    with pytest.raises(Invalid, match="switch it once"):
        switched_by([MINI, Swap("gpt-4*", "o3"), Swap("gpt-4o*", "o3")], acme, None,
                    now=NOW)  # fmt: skip


@st.composite
def _records(draw: st.DrawFn) -> dict[str, Any]:
    inputs = draw(st.sampled_from([1_000, 150_000, 200_000, 200_001, 900_000]))
    output = draw(st.integers(0, 50_000))
    searches = draw(st.integers(0, 2))
    return {
        "model": draw(st.sampled_from(["gpt-4o", "gpt-4o-2024-08-06"])),
        "user_id": draw(st.sampled_from(["ann", "bob"])),
        "service_tier": draw(st.sampled_from(["", "batch"])),
        "input_tokens": inputs,
        "cached_tokens": draw(st.integers(0, inputs)),
        "output_tokens": output,
        "reasoning_tokens": draw(st.integers(0, output)),
        **({"quantities": {"searches": searches}} if searches else {}),
    }


@given(st.lists(_records(), min_size=1, max_size=8))
@settings(max_examples=examples(10, 100))
def test_sums_are_priced_as_their_uses_one_by_one(uses: list[dict[str, Any]]) -> None:
    with undone():
        acme = make_organization("sums")
        Price.objects.create(
            organization=acme,
            provider="google",
            model="gemini-2.5-pro",
            effective_from=jan(1),
            currency="USD",
            quantities={"searches": "0.014"},
        )
        report(
            acme,
            *(
                usage_record(
                    id=f"use-{place}", timestamp=jan(14).isoformat(), cost=None, **one
                )
                for place, one in enumerate(uses)
            ),
        )

        effect = effect_of(acme, Swap("gpt-4o", "gemini-2.5-pro"))

        book, units = PriceBook(acme.pk), 0
        for record in CostRecord.objects.filter(organization=acme):
            span = book.span_at("google", "gemini-2.5-pro", record.service_tier, NOW)
            assert span.tariff is not None
            total = span.tariff.bill(
                Metered(
                    record.input_tokens,
                    record.cached_tokens,
                    record.cache_write_tokens,
                    record.output_tokens,
                    record.reasoning_tokens,
                    record.requests,
                    restored(record.quantities),
                )
            ).total
            assert total is not None
            units += total
    rounding = Decimal(len(uses)) / 10**10
    assert abs(effect.would_cost - from_units(units)) <= rounding
