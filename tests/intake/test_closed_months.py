"""Usage of months that are closed, by every door."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction

from accounts.models import LateRecords, Organization
from budgets.models import BudgetPeriod
from intake.repricing import reprice
from ledger.models import CostRecord
from ledger.months import hold_to_close, lock_month, sums_of, unlock_month
from ledger.prices import add_price, change_price
from ledger.repricing import Selection
from tests.budgets.worlds import differences, january_budget
from tests.factories import (
    NOON,
    Api,
    make_api,
    make_key,
    make_organization,
    report,
    spend,
    usage_record,
)
from tests.intake.otlp_exports import Exporter, make_span

pytestmark = pytest.mark.django_db

JANUARY, FEBRUARY = date(2025, 1, 1), date(2025, 2, 1)
MARCH_2 = datetime(2025, 3, 2, tzinfo=UTC)
FIRST_NOON = datetime(2025, 2, 1, 12, tzinfo=UTC)
LATE = {"id": "late", "timestamp": NOON.isoformat(), "cost": "4"}


@pytest.fixture
def acme() -> Organization:
    return make_organization("acme", late_records=LateRecords.OPEN_MONTH)


@pytest.fixture
def api(acme: Organization) -> Api:
    return make_api(organization=acme)


def close(organization: Organization, month: date = JANUARY) -> None:
    with transaction.atomic():
        hold_to_close(organization, month, now=MARCH_2)
        lock_month(organization, month, reason="", open_items=[])


def total_of(organization: Organization, month: date) -> Decimal:
    return sums_of(organization, month).total


def test_a_late_record_is_booked_in_the_open_month_and_says_so(
    acme: Organization, api: Api
) -> None:
    budget = january_budget(acme)
    spend(acme, "10", NOON)
    close(acme)

    answer = api.post("usage", usage_record(**LATE))

    assert (answer.status, answer.body["booked_in"]) == (201, "2025-02")
    row = CostRecord.objects.get(usage_id="late")
    assert (row.timestamp, row.used_at) == (FIRST_NOON, NOON)
    assert total_of(acme, JANUARY) == 10
    assert total_of(acme, FEBRUARY) == 4
    periods = BudgetPeriod.objects.filter(budget=budget).order_by("starts_at")
    assert list(periods.values_list("spent", flat=True)) == [10, 4]
    assert differences(acme) == []


def test_by_default_a_late_record_counts_in_its_own_month() -> None:
    beta = make_organization("beta")
    spend(beta, "10", NOON)
    close(beta)

    answer = make_api(organization=beta).post("usage", usage_record(**LATE))

    assert answer.body["booked_in"] == "2025-01"
    assert total_of(beta, JANUARY) == 14
    assert CostRecord.objects.get(usage_id="late").used_at is None
    assert differences(beta) == []


def test_a_late_record_sent_again_counts_once_and_is_no_conflict(
    acme: Organization, api: Api
) -> None:
    close(acme)
    api.post("usage", usage_record(**LATE))

    again = api.post("usage", usage_record(**LATE))
    otherwise = api.post("usage", usage_record(**{**LATE, "cost": "5"}))

    assert (again.status, again.body["booked_in"]) == (200, "2025-02")
    assert (again.body["conflict"], otherwise.body["conflict"]) == (False, True)
    assert total_of(acme, FEBRUARY) == 4


def test_a_record_booked_before_the_month_was_closed_stays_there(
    acme: Organization, api: Api
) -> None:
    api.post("usage", usage_record(**LATE))
    close(acme)

    again = api.post("usage", usage_record(**LATE))

    assert (again.status, again.body["booked_in"]) == (200, "2025-01")
    assert total_of(acme, FEBRUARY) == 0


def test_a_batch_names_those_that_count_elsewhere(acme: Organization, api: Api) -> None:
    close(acme)
    february = usage_record(id="own", timestamp="2025-02-03T00:00:00Z")

    answer = api.post("usage/batch", [february, usage_record(**LATE)])

    assert answer.body["booked_in"] == [
        {"index": 1, "id": "late", "booked_in": "2025-02"}
    ]
    assert answer.body["accepted"] == 2


def test_a_repeated_response_is_told_where_it_is_booked(
    acme: Organization, api: Api
) -> None:
    close(acme)
    api.post("usage", usage_record(**LATE, response_id="r1"))

    again = api.post("usage", usage_record(**{**LATE, "id": "b"}, response_id="r1"))

    assert (again.body["duplicate_of"], again.body["booked_in"]) == ("late", "2025-02")


def test_it_is_priced_as_of_when_it_was_used(acme: Organization) -> None:
    february = datetime(2025, 2, 1, tzinfo=UTC)
    first = datetime(2020, 1, 1, tzinfo=UTC)
    for start, end, dollars in ((first, february, "1"), (february, None, "100")):
        add_price(
            provider="house",
            model="own",
            effective_from=start,
            effective_to=end,
            input_per_million=Decimal(dollars),
            output_per_million=Decimal(dollars),
        )
    close(acme)

    outcome = spend(
        acme, None, NOON, provider="house", model="own", input_tokens=1_000_000
    )

    assert outcome.cost == Decimal("1.001")


def test_two_closed_months_are_skipped(acme: Organization, api: Api) -> None:
    close(acme)
    close(acme, FEBRUARY)

    answer = api.post("usage", usage_record(**LATE))

    assert answer.body["booked_in"] == "2025-03"


def test_spans_of_a_closed_month_count_in_the_open_one(acme: Organization) -> None:
    close(acme)
    exporter = Exporter(make_key(organization=acme))

    exporter.send(make_span())

    (row,) = CostRecord.objects.all()
    assert (row.timestamp, row.used_at) == (FIRST_NOON, NOON)
    assert total_of(acme, JANUARY) == 0
    assert differences(acme) == []


def test_a_file_says_how_much_of_it_was_booked_elsewhere(
    acme: Organization, tmp_path: Path, capsys: Any
) -> None:
    close(acme)
    path = tmp_path / "usage.jsonl"
    path.write_text(json.dumps(usage_record(**LATE)))

    call_command("import_usage", str(path), organization="acme")

    said = capsys.readouterr().out
    assert "1 records loaded" in said
    assert "1 of closed months booked in 2025-02" in said
    assert total_of(acme, JANUARY) == 0


def test_a_correction_of_a_closed_month_is_booked_in_the_open_one(
    acme: Organization, api: Api
) -> None:
    budget = january_budget(acme)
    api.post("usage", usage_record(**LATE))
    close(acme)

    answer = api.post(
        "usage/late/correction",
        {**usage_record(**LATE), "cost": "1", "reason": "wrong"},
    )

    assert (answer.status, answer.body["booked_in"]) == (201, "2025-02")
    assert total_of(acme, JANUARY) == 4
    assert total_of(acme, FEBRUARY) == -3
    spent = BudgetPeriod.objects.filter(budget=budget).order_by("starts_at")
    assert list(spent.values_list("spent", flat=True)) == [4, -3]
    assert differences(acme) == []


def test_a_repricing_of_a_closed_month_is_booked_in_the_open_one(
    acme: Organization,
) -> None:
    price = add_price(
        provider="house",
        model="own",
        effective_from=datetime(2020, 1, 1, tzinfo=UTC),
        input_per_million=Decimal(1_000),
        output_per_million=Decimal(0),
    )
    january_budget(acme)
    january_budget(acme, "Euros", currency="EUR")
    spend(acme, None, NOON, provider="house", model="own")
    spend(acme, None, NOON, provider="house", model="none yet")
    close(acme)
    change_price(price, input_per_million=Decimal(3_000))

    reprice(acme, Selection(), reason="dearer")

    assert total_of(acme, JANUARY) == 1
    assert total_of(acme, FEBRUARY) == 2
    assert differences(acme) == []


def test_usage_is_listed_once_with_its_corrections_in_other_months(
    acme: Organization, api: Api
) -> None:
    api.post("usage", usage_record(**LATE))
    price = add_price(
        provider="house",
        model="own",
        effective_from=datetime(2020, 1, 1, tzinfo=UTC),
        input_per_million=Decimal(1_000),
        output_per_million=Decimal(0),
    )
    spend(acme, None, NOON, id="priced", provider="house", model="own")
    close(acme)
    change_price(price, input_per_million=Decimal(3_000))
    reprice(acme, Selection(), reason="dearer")
    close(acme, FEBRUARY)
    correction = {**usage_record(**LATE), "cost": "1", "reason": "wrong"}
    api.post("usage/late/correction", correction)

    january = api.get("costs?start_date=2025-01-01&end_date=2025-02-01").body
    march = api.get("costs?start_date=2025-03-01&end_date=2025-04-01").body

    listed = [(one["usage_id"], Decimal(one["total_cost"])) for one in january]
    assert listed == [("priced", 3)]
    (late,) = march
    assert (late["usage_id"], Decimal(late["total_cost"])) == ("late", 1)
    assert late["used_at"] == "2025-01-15T12:00:00Z"
    assert late["timestamp"] == "2025-03-01T12:00:00Z"


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Kiritimati"])
def test_a_budget_of_any_zone_is_charged_in_the_month_that_is_open(
    acme: Organization, api: Api, zone: str
) -> None:
    budget = january_budget(acme, timezone=zone)
    close(acme)

    api.post("usage", usage_record(**LATE))

    (period,) = BudgetPeriod.objects.filter(budget=budget, spent=4)
    assert period.window.start > datetime(2025, 1, 31, tzinfo=UTC).replace(hour=9)


def test_a_month_that_is_opened_again_takes_what_is_late(
    acme: Organization, api: Api
) -> None:
    close(acme)
    api.post("usage", usage_record(**LATE))

    unlock_month(acme, JANUARY, reason="an invoice came", now=MARCH_2)
    answer = api.post("usage", usage_record(**{**LATE, "id": "later"}))

    assert answer.body["booked_in"] == "2025-01"
    assert (total_of(acme, JANUARY), total_of(acme, FEBRUARY)) == (4, 4)
    assert differences(acme) == []


def test_an_organization_that_changes_its_mind_keeps_what_is_booked(
    acme: Organization, api: Api
) -> None:
    close(acme)
    told = api.patch("organizations/acme", {"late_records": "period"})
    api.post("usage", usage_record(**LATE))
    api.patch("organizations/acme", {"late_records": "open_month"})

    answer = api.post("usage", usage_record(**{**LATE, "id": "later"}))

    assert told.body["late_records"] == "period"
    assert answer.body["booked_in"] == "2025-02"
    assert total_of(acme, JANUARY) == 4
    assert differences(acme) == []


def test_verify_finds_what_was_booked_in_a_closed_month(acme: Organization) -> None:
    spend(acme, "10", NOON)
    close(acme)
    Organization.objects.update(late_records=LateRecords.PERIOD)
    acme.refresh_from_db()
    acme.touch()
    spend(acme, "1", NOON)
    Organization.objects.update(late_records=LateRecords.OPEN_MONTH)
    acme.refresh_from_db()

    (found,) = differences(acme)

    assert "January 2025 was closed with 10.0000000000 in 1 requests" in found


def test_other_organizations_are_not_concerned(acme: Organization) -> None:
    beta = make_organization("beta", late_records=LateRecords.OPEN_MONTH)
    close(acme)

    spend(beta, "1", NOON)

    assert total_of(beta, JANUARY) == 1


def test_closed_months_cost_a_batch_no_query(
    acme: Organization, django_assert_num_queries: Callable[..., Any]
) -> None:
    close(acme)
    report(acme, usage_record(**LATE))

    def queries() -> int:
        with django_assert_num_queries(1_000, exact=False) as captured:
            spend(acme, "1", datetime(2025, 2, 3, tzinfo=UTC))
        return len(captured)

    queries()
    first = queries()
    unlock_month(acme, JANUARY, reason="again", now=MARCH_2)
    queries()

    assert queries() == first
