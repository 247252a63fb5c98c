"""GET and POST /month-close."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import LateRecords, Organization
from ledger.models import CostRecord, MonthLock
from reports.models import Report, ReportState
from reports.monthly.frozen import frozen
from tests.factories import (
    NOON,
    Api,
    make_api,
    make_budget,
    make_organization,
    spend,
)
from tests.reports.monthly.factories import BEFORE, gathered, keep_report

pytestmark = pytest.mark.django_db
LOCK = {"month": "2025-01", "lock": True}
FORCED = {**LOCK, "force": True, "reason": "the auditors wait"}


@pytest.fixture
def acme() -> Organization:
    organization = make_organization(late_records=LateRecords.OPEN_MONTH)
    spend(organization, "10", NOON)
    return organization


@pytest.fixture
def api(acme: Organization) -> Api:
    return make_api(organization=acme)


def items_of(body: Any) -> dict[str, tuple[int, bool]]:
    return {item["name"]: (item["count"], item["ok"]) for item in body["items"]}


def test_the_checklist_counts_what_is_open(acme: Organization, api: Api) -> None:
    spend(acme, None, NOON, model="nobody-knows-it")

    answer = api.get("month-close?month=2025-01")

    assert (answer.status, answer.body["state"]) == (200, "open")
    items = items_of(answer.body)
    assert items["unpriced"] == (1, False)
    assert items["unreconciled"] == (0, True)
    assert items["late"] == (2, False)
    assert items["unsettled"] == (0, True)


def test_the_checklist_names_what_lacks_a_comment(acme: Organization, api: Api) -> None:
    company = make_budget(acme, now=BEFORE)
    report = keep_report(acme, company)
    figures = gathered(acme)  # 990 of 1,000 are unspent
    Report.objects.filter(pk=report.pk).update(figures=frozen(figures))

    commented = api.get("month-close?month=2025-01").body
    report.comments.all().delete()
    without = api.get("month-close?month=2025-01").body
    Report.objects.filter(pk=report.pk).update(state=ReportState.RUNNING)
    running = api.get("month-close?month=2025-01").body

    assert items_of(commented)["uncommented"] == (0, True)
    assert items_of(without)["uncommented"] == (1, False)
    told = {item["name"]: item["detail"] for item in without["items"]}
    assert told["uncommented"].startswith("“Company” needs a comment")
    assert items_of(running)["uncommented"] == (1, False)


def test_late_records_are_well_when_no_more_come(acme: Organization, api: Api) -> None:
    CostRecord.objects.update(recorded_at=timezone.now() - timedelta(days=2))

    answer = api.get("month-close?month=2025-01")

    assert items_of(answer.body)["late"] == (1, True)


def test_a_month_with_open_items_needs_force_and_a_reason(
    acme: Organization, api: Api
) -> None:
    plain = api.post("month-close", LOCK)
    without_reason = api.post("month-close", {**LOCK, "force": True})

    forced = api.post("month-close", FORCED)

    assert (plain.status, plain.body["code"]) == (409, "open_items")
    assert "late" in {one["attr"] for one in plain.body["errors"]}
    assert without_reason.status == 400
    assert without_reason.body["errors"][0]["attr"] == "reason"
    assert (forced.status, forced.body["state"]) == (200, "locked")
    lock = MonthLock.objects.get()
    assert (lock.month, lock.total, lock.requests) == (date(2025, 1, 1), 10, 1)
    assert forced.body["lock"]["reason"] == "the auditors wait"
    assert "late" in forced.body["lock"]["open_items"]


def test_a_closed_month_is_closed_once_and_opened_with_a_reason(api: Api) -> None:
    api.post("month-close", FORCED)

    again = api.post("month-close", FORCED)
    silent = api.post("month-close", {"month": "2025-01", "lock": False})
    opened = api.post(
        "month-close", {"month": "2025-01", "lock": False, "reason": "an invoice"}
    )

    assert (again.status, again.body["code"]) == (409, "month_locked")
    assert (silent.status, silent.body["errors"][0]["attr"]) == (400, "reason")
    assert (opened.status, opened.body["state"]) == (200, "open")
    (history,) = opened.body["history"]
    assert history["unlock_reason"] == "an invoice"
    never = api.post("month-close", {"month": "2025-01", "lock": False, "reason": "x"})
    assert (never.status, never.body["code"]) == (409, "month_open")


def test_adjustments_are_told_in_the_month_they_are_booked_in(
    acme: Organization, api: Api
) -> None:
    api.post("month-close", FORCED)
    spend(acme, "4", NOON)

    january = api.get("month-close?month=2025-01").body
    february = api.get("month-close?month=2025-02").body

    assert january["total"] == "10.0000000000"
    assert january["since"] == {"count": 0, "cost": "0.0000000000"}
    assert february["adjustments"] == {"count": 1, "cost": "4.0000000000"}


def test_where_late_records_stay_they_are_told_since_the_month_was_closed() -> None:
    beta = make_organization("beta")
    api = make_api(organization=beta)
    spend(beta, "1", NOON)
    api.post("month-close", FORCED)
    spend(beta, "4", NOON)

    found = api.get("month-close?month=2025-01").body

    assert found["since"] == {"count": 1, "cost": "4.0000000000"}
    assert (found["total"], found["lock"]["total"]) == ("5.0000000000", "1.0000000000")


def test_a_month_that_is_not_over_stays_open(api: Api) -> None:
    month = f"{datetime.now(UTC):%Y-%m}"

    answer = api.post("month-close", {**FORCED, "month": month})

    assert (answer.status, answer.body["code"]) == (409, "month_not_over")


def test_without_lock_nothing_changes(api: Api) -> None:
    answer = api.post("month-close", {"month": "2025-01"})

    assert (answer.status, answer.body["state"]) == (200, "open")
    assert not MonthLock.objects.exists()


@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ({}, "month"),
        ({"month": "soon"}, "month"),
        ({"month": "2025-00"}, "month"),
        ({**FORCED, "reason": "\x00"}, "reason"),
        ({**FORCED, "reason": "x" * 501}, "reason"),
        ({**FORCED, "lock": "maybe"}, "lock"),
        ({**FORCED, "what": 1}, "what"),
    ],
)
def test_odd_bodies_are_refused_by_name(api: Api, body: Any, attr: str) -> None:
    answer = api.post("month-close", body)

    assert answer.status == 400
    assert [one["attr"] for one in answer.body["errors"]] == [attr]


def test_keys_that_read_see_the_checklist_and_close_nothing(acme: Organization) -> None:
    reader = make_api("costs:read", organization=acme)

    assert reader.get("month-close?month=2025-01").status == 200
    assert reader.post("month-close", FORCED).status == 403


def test_other_organizations_are_not_closed(acme: Organization) -> None:
    beta = make_api(organization=make_organization("beta"))

    answer = beta.post("month-close", {**FORCED, "organization_id": "acme"})

    assert answer.status == 403
    assert not MonthLock.objects.exists()


def test_a_repeated_request_closes_once(api: Api) -> None:
    first = api.post("month-close", FORCED, idempotency_key="one")
    again = api.post("month-close", FORCED, idempotency_key="one")

    assert (first.status, again.status) == (200, 200)
    assert MonthLock.objects.count() == 1
