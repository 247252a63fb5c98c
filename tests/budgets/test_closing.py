from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Organization
from budgets import backfill, services
from budgets.carrying import preview_rollover, undo_rollover
from budgets.closing import Closed, sweep_periods
from budgets.errors import NothingCarried
from budgets.models import AmountLine, Backfill, Budget, BudgetPeriod
from budgets.temporary import raise_amount
from tests.budgets.worlds import differences, jan, january_budget, period_of
from tests.factories import Api, make_organization, spend

pytestmark = pytest.mark.django_db
INSTANT = timedelta(microseconds=1)
FEBRUARY = datetime(2025, 2, 1, tzinfo=UTC)
MARCH = datetime(2025, 3, 1, tzinfo=UTC)
APRIL = datetime(2025, 4, 1, tzinfo=UTC)


def carried(budget: Budget) -> list[Decimal]:
    rows = BudgetPeriod.objects.filter(budget=budget).order_by("starts_at")
    return list(rows.values_list("carried_over", flat=True))


def lines_of(budget: Budget) -> QuerySet[AmountLine]:
    return AmountLine.objects.filter(budget=budget, kind="rollover").order_by("pk")


def rolling(organization: Organization, mode: str = "both", **plan: Any) -> Budget:
    return january_budget(organization, rollover_mode=mode, **plan)


def test_what_is_current_is_opened_and_what_is_over_closed(acme: Organization) -> None:
    budget = january_budget(acme)

    assert sweep_periods(now=jan(15)) == Closed(opened=1, closed=0, carried=0)
    assert sweep_periods(now=FEBRUARY) == Closed(opened=1, closed=1, carried=0)
    assert period_of(budget, jan(15)).closed_at == FEBRUARY
    assert period_of(budget, FEBRUARY).closed_at is None


def test_sweeping_again_changes_nothing(acme: Organization) -> None:
    budget = rolling(acme)
    spend(acme, "30", jan(15))
    sweep_periods(now=FEBRUARY)

    again = sweep_periods(now=FEBRUARY + INSTANT)

    assert again == Closed(opened=0, closed=0, carried=0)
    assert carried(budget) == [0, 70]


@pytest.mark.parametrize(
    ("now", "closed"),
    [(FEBRUARY - INSTANT, 0), (FEBRUARY, 1), (FEBRUARY + INSTANT, 1)],
    ids=["last instant", "first instant after", "later"],
)
def test_a_period_closes_with_its_last_instant(
    acme: Organization, now: datetime, closed: int
) -> None:
    january_budget(acme)
    spend(acme, "1", jan(15))

    assert sweep_periods(now=now).closed == closed


def test_what_has_not_begun_or_is_over_or_archived_is_not_opened(
    acme: Organization,
) -> None:
    january_budget(acme, starts_at=FEBRUARY)
    january_budget(acme, ends_at=jan(10))
    services.archive_budget(january_budget(acme), now=jan(12))

    assert sweep_periods(now=jan(15)).opened == 0


def test_only_what_comes_after_the_close_is_late(acme: Organization) -> None:
    budget = january_budget(acme)
    spend(acme, "5", jan(15))
    sweep_periods(now=FEBRUARY - INSTANT)
    spend(acme, "7", jan(16))
    sweep_periods(now=FEBRUARY)
    spend(acme, "11", jan(17))
    spend(acme, "-1", jan(17))
    spend(acme, "13", FEBRUARY)

    january, february = period_of(budget, jan(15)), period_of(budget, FEBRUARY)
    assert (january.spent, january.late_spend) == (22, 10)
    assert (february.spent, february.late_spend) == (13, 0)
    assert differences(acme) == []


@pytest.mark.parametrize(
    ("mode", "spent", "cap", "goes_on"),
    [
        ("none", "30", None, "0"),
        ("none", "130", None, "0"),
        ("unused", "30", None, "70"),
        ("unused", "130", None, "0"),
        ("unused", "100", None, "0"),
        ("overspend", "30", None, "0"),
        ("overspend", "130", None, "-30"),
        ("both", "30", None, "70"),
        ("both", "130", None, "-30"),
        ("both", "-30", None, "130"),
        ("both", "0.0000000001", None, "99.9999999999"),
        ("unused", "30", "0.25", "25"),
        ("unused", "80", "0.25", "20"),
        ("unused", "30", "0", "0"),
        ("overspend", "130", "0.25", "-25"),
        ("overspend", "120", "0.25", "-20"),
        ("both", "130", "0.25", "-25"),
        ("both", "75", "0.25", "25"),
    ],
)
def test_into_the_next_period_goes(
    acme: Organization, mode: str, spent: str, cap: str | None, goes_on: str
) -> None:
    budget = rolling(acme, mode, rollover_cap=cap and Decimal(cap))
    spend(acme, spent, jan(15))

    sweep_periods(now=FEBRUARY)

    february = period_of(budget, FEBRUARY)
    assert february.carried_over == Decimal(goes_on)
    assert february.limit == 100 + Decimal(goes_on)
    assert lines_of(budget).count() == (goes_on != "0")


def test_the_cap_is_a_share_of_the_next_periods_own_amount(acme: Organization) -> None:
    budget = rolling(acme, rollover_cap=Decimal("0.5"))
    sweep_periods(now=jan(15))
    spend(acme, "0", FEBRUARY)
    BudgetPeriod.objects.filter(starts_at=FEBRUARY).update(amount=40)

    sweep_periods(now=FEBRUARY)

    assert carried(budget) == [0, 20]


def test_what_is_carried_is_carried_on(acme: Organization) -> None:
    budget = rolling(acme)
    spend(acme, "30", jan(15))
    spend(acme, "60", FEBRUARY)
    spend(acme, "250", MARCH)

    sweep_periods(now=APRIL)

    assert carried(budget) == [0, 70, 110, -40]


def test_periods_nothing_happened_in_carry_too(acme: Organization) -> None:
    budget = rolling(acme)
    spend(acme, "30", jan(15))

    swept = sweep_periods(now=APRIL)

    assert carried(budget) == [0, 70, 170, 270]
    assert swept == Closed(opened=3, closed=3, carried=3)


def test_periods_before_the_first_spend_carry_too(acme: Organization) -> None:
    budget = rolling(acme, starts_at=datetime(2024, 11, 15, tzinfo=UTC))
    spend(acme, "30", jan(15))

    sweep_periods(now=FEBRUARY)

    assert carried(budget) == [0, 100, 200, 270]
    assert differences(acme) == []


def test_only_what_carries_is_opened_for_times_without_spend(
    acme: Organization,
) -> None:
    budget = january_budget(acme, period="daily", starts_at=jan(1))
    spend(acme, "30", jan(5))

    sweep_periods(now=jan(15))

    assert budget.periods.count() == 2


def test_late_spend_makes_a_further_line_all_along(acme: Organization) -> None:
    budget = rolling(acme)
    spend(acme, "30", jan(15))
    sweep_periods(now=MARCH)
    spend(acme, "25", jan(20))

    swept = sweep_periods(now=MARCH + INSTANT)

    assert swept == Closed(opened=0, closed=0, carried=2)
    assert carried(budget) == [0, 45, 145]
    lines = lines_of(budget).filter(effective_from=FEBRUARY)
    assert list(lines.values_list("amount", flat=True)) == [70, -25]
    assert differences(acme) == []


def test_a_change_of_mind_takes_back_what_was_carried(acme: Organization) -> None:
    budget = rolling(acme)
    spend(acme, "30", jan(15))
    sweep_periods(now=FEBRUARY)
    plan = services.plan_of(Budget.objects.get())
    plan.rollover_mode = "none"
    services.change_budget(budget, plan, now=FEBRUARY)

    sweep_periods(now=FEBRUARY)

    assert carried(budget) == [0, 0]
    assert differences(acme) == []


def test_the_last_period_of_a_budget_that_ends_carries_nothing(
    acme: Organization,
) -> None:
    rolling(acme, ends_at=FEBRUARY)
    spend(acme, "30", jan(15))

    assert sweep_periods(now=MARCH) == Closed(opened=0, closed=1, carried=0)


def test_a_period_that_was_cut_carries_by_its_whole_amount(acme: Organization) -> None:
    budget = rolling(acme, starts_at=jan(20))
    spend(acme, "30", jan(21))

    sweep_periods(now=FEBRUARY)

    assert carried(budget) == [0, 70]


def test_an_archived_budgets_last_period_is_closed(acme: Organization) -> None:
    budget = rolling(acme)
    spend(acme, "30", jan(10))
    services.archive_budget(budget, now=jan(15))

    assert sweep_periods(now=jan(15)).closed == 1
    assert carried(budget) == [0]


def test_a_daily_budget_carries_over_a_short_and_a_left_out_day(
    acme: Organization,
) -> None:
    began = datetime(2011, 12, 28, 12, tzinfo=UTC)
    budget = rolling(acme, period="daily", timezone="Pacific/Apia", now=began)
    spend(acme, "90", began)

    sweep_periods(now=began + timedelta(days=3))

    assert carried(budget) == [0, 10, 110, 210]  # the 28th, 29th, 31st and 1st
    assert differences(acme) == []


def test_what_a_backfill_still_fills_is_neither_closed_nor_carried(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    spend(acme, "30", jan(15))
    monkeypatch.setattr(backfill, "AT_ONCE", 0)
    monkeypatch.setattr(backfill, "enqueue", lambda *task: None)
    budget = rolling(acme)

    during = sweep_periods(now=FEBRUARY)
    backfill.step(Backfill.objects.get().pk)
    after = sweep_periods(now=FEBRUARY)

    assert (during.closed, during.carried) == (0, 0)
    assert (after.closed, after.carried) == (1, 1)
    assert carried(budget) == [0, 70]
    assert period_of(budget, jan(15)).late_spend == 0


def test_every_organization_is_swept(acme: Organization) -> None:
    january_budget(acme)
    january_budget(make_organization("other"))

    assert sweep_periods(now=jan(15)).opened == 2


def test_what_would_go_over_is_what_does(acme: Organization) -> None:
    """Also with more for a while, which does not, and a cap."""
    budget = rolling(acme, rollover_cap=Decimal("0.5"))
    raise_amount(budget, Decimal(40), until=FEBRUARY, now=jan(15, 12))
    spend(acme, "30", jan(15, 13))

    found = preview_rollover(budget, now=jan(20))
    sweep_periods(now=FEBRUARY)

    assert (found.left.limit, found.left.for_good, found.most) == (140, 70, 50)
    assert [found.carries] == carried(budget)[1:] == [50]
    assert found.following is not None
    assert found.following.start == FEBRUARY


def test_nothing_would_go_over_where_the_budget_ends(acme: Organization) -> None:
    budget = rolling(acme, ends_at=FEBRUARY)

    found = preview_rollover(budget, now=jan(20))

    assert (found.following, found.carries) == (None, 0)


def test_what_was_carried_over_is_taken_back_for_good(acme: Organization) -> None:
    budget = rolling(acme)
    spend(acme, "30", jan(15))
    sweep_periods(now=FEBRUARY)

    line = undo_rollover(budget, now=FEBRUARY, reason="A new year")
    spend(acme, "10", jan(16))  # late
    sweep_periods(now=FEBRUARY + INSTANT)

    assert (line.amount, line.reason) == (-70, "A new year")
    assert carried(budget) == [0, 0]
    assert preview_rollover(budget, now=FEBRUARY).is_undone
    assert differences(acme) == []
    with pytest.raises(NothingCarried):
        undo_rollover(budget, now=FEBRUARY)
    sweep_periods(now=MARCH)
    assert carried(budget) == [0, 0, 100]  # what February left


def test_the_api_previews_and_undoes(acme: Organization, api: Api) -> None:
    budget = rolling(acme, now=timezone.now() - timedelta(days=40))
    sweep_periods(now=timezone.now())
    path = f"budgets/{budget.uid}/rollover"

    before = api.get(path).body
    undone = api.post(f"{path}/undo", {"reason": "A new year"})
    after = api.get(path).body

    assert (undone.status, undone.body["lines"][0]["kind"]) == (201, "rollover")
    assert undone.body["lines"][0]["amount"] == "-" + before["carried_in"]
    assert (after["carried_in"], after["undone"]) == ("0.0000000000", True)
    assert Decimal(before["limit"]) == 100 + Decimal(before["carried_in"]) > 100
    assert after["carries"] == after["limit"] == "100.0000000000"
    again = api.post(f"{path}/undo", {})
    assert (again.status, again.body["code"]) == (409, "nothing_carried")
