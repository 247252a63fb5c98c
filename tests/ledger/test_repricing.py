from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Organization
from budgets.index import PeriodRef
from budgets.snapshots import open_snapshot
from ledger.models import CostRecord
from ledger.prices import add_price, add_rate, change_price
from ledger.repricing import Assessor, PriceChange, Selection, page_of, records_of
from lib.money import from_units
from tests.factories import NOON, report
from tests.factories import usage_record as usage


def assess(organization: Organization, **selected: Any) -> PriceChange[PeriodRef]:
    snapshot, _ = open_snapshot(organization.pk)
    rows = records_of(organization, Selection(**selected))
    return Assessor(snapshot).assess(page_of(rows, None, None))


def set_price(organization: Organization, **overrides: Any) -> Any:
    values = {
        "provider": "openai",
        "model": "gpt-4o",
        "effective_from": NOON.replace(hour=0),
        "input_per_million": Decimal(5),
        "output_per_million": Decimal(20),
    }
    return add_price(organization=organization, **{**values, **overrides})


def test_what_costs_what_it_should_is_left_alone(acme: Organization) -> None:
    report(acme, usage())

    assert assess(acme) == PriceChange()


def test_the_difference_to_todays_price_is_a_row_of_its_own(
    acme: Organization,
) -> None:
    report(acme, usage(project_id="p"))
    set_price(acme)

    found = assess(acme)

    (row,) = found.rows
    assert row.usage_id == "u1"
    assert row.correction == 1
    assert row.timestamp == NOON
    assert row.attribution_id == CostRecord.objects.get().attribution_id
    assert (row.input_tokens, row.output_tokens) == (0, 0)
    assert from_units(row.input_cost or 0) == Decimal("0.0025")
    assert from_units(row.output_cost or 0) == Decimal("0.01")
    assert from_units(row.total_cost or 0) == Decimal("0.0125")
    assert (found.priced, found.unpriced) == (0, 0)
    (sums,) = found.totals.values()
    assert (sums.requests, sums.unpriced) == (0, 0)


def test_the_price_at_the_usages_own_time_counts(acme: Organization) -> None:
    report(
        acme,
        usage(id="before", timestamp="2025-01-14T23:59:59Z"),
        usage(id="at", timestamp="2025-01-15T00:00:00Z"),
    )
    set_price(acme)

    assert [row.usage_id for row in assess(acme).rows] == ["at"]


def test_what_had_no_price_is_taken_off_the_unpriced(acme: Organization) -> None:
    report(acme, usage(model="new"), usage(id="u2", model="newer"))
    set_price(acme, model="new")

    found = assess(acme)

    (sums,) = found.totals.values()
    assert sums.unpriced == -1
    assert (found.priced, found.unpriced) == (1, 1)
    assert from_units(found.new) == Decimal("0.025")


def test_a_price_that_is_gone_takes_nothing_back(acme: Organization) -> None:
    price = set_price(acme, model="new")
    report(acme, usage(model="new"))
    change_price(price, effective_to=NOON)

    assert assess(acme).rows == []


def test_a_reported_cost_is_left_alone(acme: Organization) -> None:
    report(acme, usage(cost=1), usage(id="u2", cost=1, currency="EUR"))
    set_price(acme)
    add_rate(
        organization=acme, base="EUR", quote="USD", rate=Decimal(9), date=NOON.date()
    )

    assert assess(acme).rows == []


def test_a_reported_cost_is_exchanged_once_a_rate_is_known(acme: Organization) -> None:
    report(acme, usage(cost=900, currency="KPW"))
    add_rate(
        organization=acme,
        base="KPW",
        quote="USD",
        rate=Decimal("0.001"),
        date=NOON.date(),
    )

    (row,) = assess(acme).rows

    assert from_units(row.total_cost or 0) == Decimal("0.9")
    assert row.input_cost is row.output_cost is None
    assert (row.source_currency, row.exchange_rate) == ("KPW", Decimal("0.001"))
    assert row.reported


@pytest.mark.parametrize(
    ("selected", "found"),
    [
        ({}, "abcd"),
        ({"provider": "OpenAI"}, "abd"),
        ({"provider": "nobody"}, ""),
        ({"model": "gpt-4o"}, "ad"),
        ({"model": "GPT-4O*"}, "abd"),
        ({"start": NOON}, "abc"),
        ({"end": NOON}, "d"),
        ({"only_unpriced": True}, "c"),
        ({"provider": "openai", "model": "gpt-4o", "start": NOON}, "a"),
    ],
)
def test_selections(acme: Organization, selected: dict[str, Any], found: str) -> None:
    report(
        acme,
        usage(id="a"),
        usage(id="b", model="gpt-4o-mini"),
        usage(id="c", provider="other", model="unheard-of"),
        usage(id="d", timestamp="2025-01-15T11:59:59Z"),
    )

    rows = records_of(acme, Selection(**selected))

    assert "".join(sorted(row.usage_id for row in rows)) == found


def test_a_selection_is_kept_as_it_was_asked_for() -> None:
    kept = Selection(model="m", start=NOON, only_unpriced=True).described()

    assert kept == {
        "model": "m",
        "start": "2025-01-15T12:00:00Z",
        "only_unpriced": True,
    }
