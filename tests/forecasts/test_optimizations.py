"""What use would have cost otherwise: against each record priced by itself."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Organization
from forecasts.optimizations import (
    Hint,
    HintKind,
    HintQuestion,
    Hints,
    hints_of,
    month_before,
    month_of,
)
from intake.corrections import correct
from ledger.models import CostRecord, Price
from ledger.pricing import PriceBook
from ledger.tariffs import Metered
from ledger.usage import decode_one
from lib.money import from_units
from tests.budgets.worlds import jan, january_budget, undone
from tests.factories import Api, make_organization, report, spend, usage_record
from tests.sizes import examples

pytestmark = pytest.mark.django_db

GPT = {"provider": "openai", "model": "gpt-4o"}
CLAUDE = {"provider": "anthropic", "model": "claude-sonnet-4-5"}


@pytest.fixture(autouse=True)
def _in_february() -> Iterator[None]:
    with time_machine.travel(datetime.fromisoformat("2025-02-10T12Z"), tick=False):
        yield


def use(acme: Organization, at: datetime | None = None, **fields: Any) -> None:
    spend(acme, None, at or jan(10), **{**GPT, **fields})


def january(acme: Organization, **question: Any) -> Hints:
    return hints_of(HintQuestion(acme, month_of(acme, jan(10)), **question))


def by_kind(found: Hints) -> dict[HintKind, Hint]:
    return {hint.kind: hint for hint in found.hints}


def test_the_same_tokens_at_other_prices(acme: Organization) -> None:
    """$2.50 and $10 a million; a half by batch; 0.15 and 0.60 for the mini."""
    use(acme, input_tokens=1_000_000, output_tokens=100_000, requests=100)

    found = by_kind(january(acme))

    batch, mini = found[HintKind.BATCH], found[HintKind.SMALLER_MODEL]
    assert (batch.cost, batch.saved, batch.requests) == (Decimal("3.5"), 1.75, 100)
    assert batch.certainty == "certain"
    assert mini.instead == "gpt-4o-mini"
    assert mini.saved == Decimal("3.5") - Decimal("0.15") - Decimal("0.06")
    assert mini.certainty == "needs_trying"
    cache = found[HintKind.CACHING]  # half of the input at 1.25
    assert cache.saved == Decimal("0.5") * Decimal("1.25")
    assert cache.words.startswith("0\N{NO-BREAK SPACE}% of its input came from the")


def test_what_is_cached_already_is_not_saved_again(acme: Organization) -> None:
    use(acme, input_tokens=10_000, cached_tokens=6_000, output_tokens=1)

    assert HintKind.CACHING not in by_kind(january(acme))
    more = by_kind(january(acme, cached_share=Decimal("0.8")))[HintKind.CACHING]
    assert more.saved == Decimal(2_000) * Decimal("1.25") / 1_000_000


def test_short_prompts_are_not_cached(acme: Organization) -> None:
    use(acme, input_tokens=1_023, output_tokens=1)
    assert HintKind.CACHING not in by_kind(january(acme))

    use(acme, input_tokens=1_024, output_tokens=1)
    found = by_kind(january(acme))[HintKind.CACHING]
    assert found.requests == 1


def test_writing_to_the_cache_is_reckoned_where_it_costs(acme: Organization) -> None:
    use(acme, None, **CLAUDE, input_tokens=100_000, output_tokens=1)

    found = by_kind(january(acme))[HintKind.CACHING]

    fresh, read, written = (Decimal(one) for one in ("3", "0.3", "3.75"))
    each = (fresh - read / 2 - written / 2) / 1_000_000
    assert found.saved == 100_000 * each
    assert "reckoned as written to the cache" in found.words


def test_prices_are_those_that_were_in_force(acme: Organization) -> None:
    Price.objects.create(
        organization=acme,
        **GPT,
        input_per_million=1,
        output_per_million=1,
        effective_from=jan(20),
    )
    acme.touch()
    use(acme, jan(19), input_tokens=1_000_000, output_tokens=0, requests=1_000)
    use(acme, jan(21), input_tokens=1_000_000, output_tokens=0, requests=1_000)

    found = by_kind(january(acme))

    assert found[HintKind.SMALLER_MODEL].cost == Decimal("3.5")
    assert found[HintKind.SMALLER_MODEL].saved == Decimal("3.5") - Decimal("0.3")


def test_a_smaller_model_that_takes_less_is_not_named(acme: Organization) -> None:
    use(
        acme,
        provider="anthropic",
        model="claude-opus-4-6",
        input_tokens=500_000,
        output_tokens=10,
    )

    found = by_kind(january(acme))

    assert found[HintKind.SMALLER_MODEL].instead == "claude-sonnet-4-6"


def test_what_can_not_be_priced_otherwise_is_told(acme: Organization) -> None:
    use(acme, model="gpt-unheard-of", input_tokens=10, output_tokens=1)
    spend(acme, "7", jan(10), **GPT, input_tokens=5_000, output_tokens=5)
    use(acme, input_tokens=10, output_tokens=1, quantities={"searches": 1})
    use(acme, input_tokens=10, output_tokens=1, quantities={"audio_input_tokens": 1})

    found = january(acme)

    assert found.hints == []
    assert {(one.model, one.requests, one.reason) for one in found.left_out} == {
        ("gpt-unheard-of", 1, "No price is known."),
        ("gpt-4o", 1, "Its cost was sent with it, not reckoned from prices."),
        ("gpt-4o", 1, "More was used than text tokens."),
        ("gpt-4o", 1, "No price is known."),
    }


def test_batch_and_flex_are_what_they_are(acme: Organization) -> None:
    use(acme, input_tokens=1_000, output_tokens=1, service_tier="batch")

    assert HintKind.BATCH not in by_kind(january(acme))


def test_a_budget_asks_about_what_it_is_charged_for(acme: Organization) -> None:
    ml = january_budget(acme, "ML", scope={"teams": ["ml"]})
    use(acme, input_tokens=1_000, output_tokens=1, team_id="ml")
    use(acme, input_tokens=5_000, output_tokens=1, team_id="web")

    assert january(acme).hints[0].requests == 2
    assert january(acme, budget=ml).hints[0].requests == 1
    empty = january_budget(acme, "None", scope={"teams": ["none"]})
    assert january(acme, budget=empty) == Hints([], Decimal(0), [])


_TOKENS = st.sampled_from([0, 1, 1_000, 1_024, 5_000, 128_001, 200_000, 300_000])
_USES = st.lists(
    st.tuples(
        st.sampled_from([GPT, CLAUDE, {**GPT, "model": "gpt-4o-2024-08-06"}]),
        _TOKENS,
        _TOKENS,
        st.sampled_from([jan(1), jan(19, 23), jan(20), jan(31, 23)]),
        st.booleans(),  # it is corrected later
    ),
    max_size=6,
)


@settings(max_examples=examples(25, 400), deadline=None)
@given(_USES)
def test_sums_are_what_each_record_by_itself_comes_to(uses: list[Any]) -> None:
    with undone():
        acme = make_organization("oracle")
        Price.objects.create(
            organization=acme,
            provider="openai",
            model="gpt-4o-mini",
            input_per_million=Decimal("0.5"),
            effective_from=jan(20),
        )
        for number, (whose, read, written, at, is_corrected) in enumerate(uses):
            record = usage_record(
                id=f"u{number}",
                timestamp=at.isoformat(),
                cost=None,
                input_tokens=read,
                output_tokens=written,
                **whose,
            )
            report(acme, record)
            if is_corrected:
                correct_to(acme, {**record, "input_tokens": read + 1})

        found = january(acme)

        for kind, (model, tier) in {
            HintKind.BATCH: ("", "batch"),
            HintKind.SMALLER_MODEL: ("smaller", ""),
        }.items():
            told = sum(one.saved for one in found.hints if one.kind is kind)
            assert told == saved_by_each(acme, model, tier)


_SMALLER = {"gpt-4o": "gpt-4o-mini", "claude-sonnet-4-5": "claude-haiku-4-5"}


def saved_by_each(acme: Organization, model: str, tier: str) -> Decimal:
    """Return what all records that count would have saved, one by one."""
    book, saved = PriceBook(acme.pk), Decimal(0)
    for row in CostRecord.objects.standing().select_related("attribution"):
        whose = row.attribution
        name = _SMALLER[whose.model] if model else whose.sent_model
        tariff = book.span_at(whose.provider, name, tier, row.timestamp).tariff
        if tariff is None or row.total_cost is None:
            continue
        used = Metered(row.input_tokens, 0, 0, row.output_tokens, 0)
        then = tariff.bill(used).total
        assert then is not None
        saved += max(row.total_cost - from_units(then), Decimal(0))
    return saved


def correct_to(acme: Organization, record: dict[str, Any]) -> None:
    """Have a record say something else."""
    correct(acme.pk, [decode_one(msgspec.json.encode(record))], reason="wrong")


def test_it_is_told_over_the_api(api: Api, acme: Organization) -> None:
    use(acme, input_tokens=1_000_000, output_tokens=100_000, requests=100)

    body = api.get("optimizations?month=2025-01&cached_share=0.25").body
    last = api.get("optimizations").body

    assert body["currency"] == "USD"
    assert body["total_cost"] == "3.5000000000"
    first, *_ = body["optimizations"]
    assert first["kind"] == "smaller_model"
    assert first["instead"] == "gpt-4o-mini"
    assert first["saved"] == "3.2900000000"
    saved = [Decimal(one["saved"]) for one in body["optimizations"]]
    assert saved == sorted(saved, reverse=True)
    assert last["start"] == "2025-01-01T00:00:00Z"
    assert month_before(acme, datetime.fromisoformat("2025-02-10T12Z")).end == (
        jan(31) + timedelta(days=1)
    )


@pytest.mark.parametrize(
    ("query", "attr"),
    [("month=1-25", "month"), ("cached_share=2", "cached_share")],
)
def test_what_is_no_month_or_share_is_refused(api: Api, query: str, attr: str) -> None:
    answer = api.get(f"optimizations?{query}")

    assert answer.status == 400
    assert answer.body["errors"][0]["attr"] == attr


def test_what_was_priced_later_is_judged_like_the_rest(
    acme: Organization, api: Api
) -> None:
    own: dict[str, Any] = {"provider": "openai", "model": "our-own"}
    use(acme, **own, input_tokens=1_000_000, output_tokens=0)
    Price.objects.create(
        organization=acme,
        **own,
        input_per_million=4,
        output_per_million=4,
        effective_from=jan(1),
    )
    acme.touch()

    assert api.post("repricings", {"reason": "A price"}).status == 201

    assert january(acme).cost == Decimal(4)
