"""Seasonal amounts: each month has its own, every year, and what is over keeps its."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Organization, User
from accounts.scopes import Role
from budgets.closing import sweep_periods
from budgets.models import AmountLine, Budget, BudgetPeriod
from budgets.organizations import FiscalYearInUse, change_organization
from budgets.phasing import by_percents, set_phasing
from budgets.seasons import shared_out
from budgets.services import archive_budget, change_budget, plan_of
from budgets.status import status_at
from tests.budgets.moments import examples
from tests.budgets.worlds import differences, undone
from tests.factories import Api, make_budget, make_key, make_organization, make_person

NOW = datetime(2026, 11, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)
# January 10, February 20, ... December 120.
RISING = [Decimal(10 * month) for month in range(1, 13)]


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as travelling:
        yield travelling


def amounts(budget: Budget, *months: tuple[int, int]) -> list[Decimal]:
    """Return the limits in the middle of *months* of years, as of the present."""
    return [
        status_at(
            budget,
            at=(at := datetime(year, month, 15, tzinfo=UTC)),
            now=max(at, NOW),
        ).status.limit
        for year, month in months
    ]


@pytest.mark.django_db
def test_each_month_has_its_own_every_year(acme: Organization) -> None:
    budget = make_budget(acme, starts_at=datetime(2026, 9, 1, tzinfo=UTC))

    lines = set_phasing(budget, RISING, now=NOW, reason="As every year")

    assert amounts(budget, (2026, 10), (2026, 11), (2026, 12)) == [1000, 1000, 120]
    assert status_at(budget, at=NOW, now=NOW).status.limit == 110  # from now on
    assert amounts(budget, (2027, 1), (2027, 12)) == [10, 120]
    assert {line.kind for line in lines} == {"change"}
    assert {line.reason for line in lines} == {"As every year"}
    assert budget.amount == 1000
    assert differences(acme) == []
    sweep_periods(now=NOW + 30 * DAY)
    later = datetime(2027, 1, 1, tzinfo=UTC)
    sweep_periods(now=later)  # 2028 comes into sight
    assert amounts(budget, (2028, 1), (2028, 12)) == [10, 120]
    assert AmountLine.objects.filter(reason="Goes on as phased").count() == 12
    assert differences(acme) == []


@pytest.mark.django_db
def test_periods_that_are_over_and_open_ones_have_what_is_phased(
    acme: Organization,
) -> None:
    budget = make_budget(acme, starts_at=datetime(2026, 10, 1, tzinfo=UTC), now=NOW)
    sweep_periods(now=NOW - 20 * DAY)
    sweep_periods(now=NOW)

    set_phasing(budget, RISING, now=NOW)

    rows = BudgetPeriod.objects.filter(budget=budget).order_by("starts_at")
    assert [row.amount for row in rows] == [1000, 110]
    set_phasing(budget, RISING[::-1], now=NOW + DAY)
    assert [row.amount for row in rows.all()] == [1000, 20]
    set_phasing(budget, [], now=NOW + 2 * DAY)
    assert [row.amount for row in rows.all()] == [1000, 1000]
    assert differences(acme) == []


@pytest.mark.django_db
def test_a_quarterly_budget_begins_with_the_fiscal_year() -> None:
    april = make_organization("april", fiscal_year_start_month=4)
    budget = make_budget(april, period="quarterly", now=NOW)

    set_phasing(budget, [Decimal(n) for n in (1, 2, 3, 4)], now=NOW)

    assert amounts(budget, (2026, 12), (2027, 2), (2027, 4), (2027, 7)) == [3, 4, 1, 2]
    with pytest.raises(FiscalYearInUse):
        change_organization(april, {"fiscal_year_start_month": 5})


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "limits"),
    [
        ({"amount": Decimal(2000)}, [220, 240, 20]),
        ({"amount": Decimal(0)}, [0, 0, 0]),
        ({"timezone": "Asia/Tokyo"}, [110, 120, 10]),
        ({"period": "weekly"}, [1000, 1000, 1000]),
        ({"name": "Other"}, [110, 120, 10]),
    ],
    ids=str,
)
def test_phases_follow_a_change_of_the_budget(
    acme: Organization, changes: dict[str, Any], limits: list[int]
) -> None:
    budget = make_budget(acme, now=NOW)
    set_phasing(budget, RISING, now=NOW)
    plan = plan_of(budget)
    for name, value in changes.items():
        setattr(plan, name, value)

    changed = change_budget(budget, plan, now=NOW + DAY)

    months = (2026, 11), (2026, 12), (2027, 1)
    assert [
        status_at(changed, at=at, now=at).status.limit
        for at in (datetime(y, m, 20, tzinfo=UTC) for y, m in months)
    ] == limits
    assert differences(acme) == []


@pytest.mark.django_db
def test_phases_follow_into_another_currency(acme: Organization) -> None:
    budget = make_budget(acme, now=NOW)
    set_phasing(budget, RISING, now=NOW)
    plan = plan_of(budget)
    plan.currency, plan.amount = "EUR", Decimal(900)

    changed = change_budget(budget, plan, now=NOW + DAY)

    assert changed.phasing[0] == "9.0000000000"
    assert differences(acme) == []


@examples(20)
@given(
    units=st.integers(0, 10**13),
    weights=st.lists(st.integers(0, 1000), min_size=12, max_size=12).filter(any),
    currency=st.sampled_from(["USD", "JPY", "KWD"]),
)
def test_what_is_shared_out_adds_up(
    units: int, weights: list[int], currency: str
) -> None:
    total = Decimal(units).scaleb(-3)

    parts = shared_out(total, [Decimal(one) for one in weights], currency)

    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert part >= 0
        assert abs(part - total * weight / sum(weights)) <= 1


@st.composite
def years_in_percents(draw: st.DrawFn) -> tuple[str, list[Decimal]]:
    period, seasons = draw(st.sampled_from([("monthly", 12), ("quarterly", 4)]))
    cuts = draw(
        st.lists(st.integers(0, 100), min_size=seasons - 1, max_size=seasons - 1)
    )
    edges = [0, *sorted(cuts), 100]
    return period, [Decimal(end - start) for start, end in pairwise(edges)]


@pytest.mark.django_db
@examples(4)
@given(
    cents=st.integers(0, 10**9),
    year=years_in_percents(),
    fiscal_month=st.integers(1, 12),
    day=st.integers(0, 700),
)
def test_twelve_phased_months_and_four_quarters_total_the_year(
    cents: int, year: tuple[str, list[Decimal]], fiscal_month: int, day: int
) -> None:
    """Whenever it is phased, the periods from the present one on are a year."""
    (period, shares), now = year, NOW + day * DAY
    plan: dict[str, Any] = {"amount": Decimal(cents).scaleb(-2), "period": period}
    with undone():
        world = make_organization("world", fiscal_year_start_month=fiscal_month)
        budget = make_budget(world, **plan, now=now)

        set_phasing(budget, by_percents(budget, shares), now=now)

        apart = 12 // len(shares)  # months
        later = [now.month - 1 + apart * n for n in range(1, len(shares))]
        limits = amounts(budget, *((now.year + m // 12, m % 12 + 1) for m in later))
        present = status_at(budget, at=now, now=now).status.limit
        assert present + sum(limits) == len(shares) * budget.amount
        assert differences(world) == []


# -- Over the API


@pytest.mark.django_db
def test_the_api_tells_the_year_and_what_it_wrote(api: Api, acme: Organization) -> None:
    budget = make_budget(acme)
    path = f"budgets/{budget.uid}/phasing"

    before = api.get(path)
    put = api.send("PUT", path, {"percents": [12, *[8] * 11], "reason": "Launch"})
    after = api.get(path)

    assert (before.body["amounts"], before.body["total"][:5]) == ([], "12000")
    assert put.body["amounts"][:2] == ["1440.0000000000", "960.0000000000"]
    assert put.body["total"] == "12000.0000000000"
    assert [one["amount"] for one in put.body["lines"][:3]] == [
        *("-40.0000000000", "-40.0000000000", "440.0000000000")
    ]
    assert put.body["lines"][0]["reason"] == "Launch"
    assert [one["start"][:7] for one in put.body["periods"]] == ["2026-11", "2026-12"]
    assert after.body == {**put.body, "lines": []}
    assert before.headers["ETag"] != put.headers["ETag"] == after.headers["ETag"]
    stale = api.send("PUT", path, {"amounts": []}, if_match=before.headers["ETag"])
    assert (stale.status, stale.body["code"]) == (412, "changed_meanwhile")
    ended = api.send("PUT", path, {"amounts": []}, if_match=after.headers["ETag"])
    assert ended.body["amounts"] == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ({}, "amounts"),
        ({"amounts": [1] * 11}, "amounts"),
        ({"amounts": [1] * 13}, "amounts"),
        ({"amounts": ["-1", *[1] * 11]}, "amounts"),
        ({"amounts": [1] * 12, "percents": [1] * 12}, "percents"),
        ({"percents": [8] * 12}, "percents"),
        ({"percents": []}, "percents"),
        ({"amounts": [1] * 12, "from": 1}, "from"),
    ],
    ids=str,
)
def test_what_is_no_year_is_refused(
    api: Api, acme: Organization, body: dict[str, Any], attr: str
) -> None:
    path = f"budgets/{make_budget(acme).uid}/phasing"

    answer = api.send("PUT", path, body)

    assert answer.status == 400
    assert answer.body["errors"][0]["attr"].split(".")[0] == attr


@pytest.mark.django_db
def test_only_months_and_quarters_are_phased(api: Api, acme: Organization) -> None:
    weekly = make_budget(acme, period="weekly")
    over = make_budget(acme, "Over")
    archive_budget(over, now=NOW)

    body = {"amounts": [1] * 12}
    refused = api.send("PUT", f"budgets/{weekly.uid}/phasing", body)
    archived = api.send("PUT", f"budgets/{over.uid}/phasing", body)

    assert (refused.status, "weekly" in refused.body["detail"]) == (400, True)
    assert (archived.status, archived.body["code"]) == (409, "budget_archived")
    told = api.get(f"budgets/{weekly.uid}/phasing").body
    assert (told["amounts"], told["total"], told["periods"]) == ([], None, [])


@pytest.mark.django_db
def test_an_owner_phases_their_top_within_what_it_has(acme: Organization) -> None:
    pat: User = make_person("pat@acme.example", {acme: Role.BUDGET_OWNER})
    budget = make_budget(acme, owner=pat)
    api, path = Api(make_key(user=pat)), f"budgets/{budget.uid}/phasing"

    less = api.send("PUT", path, {"amounts": [2000, *[900] * 11]})
    more = api.send("PUT", path, {"amounts": [2000, *[1000] * 11]})

    assert (less.status, more.status) == (200, 403)
    assert more.body["code"] == "needs_request"


@pytest.mark.django_db
def test_an_owner_phases_no_money_into_what_is_left_of_the_year(
    acme: Organization,
) -> None:
    pat: User = make_person("pat@acme.example", {acme: Role.BUDGET_OWNER})
    budget = make_budget(acme, owner=pat)
    api, path = Api(make_key(user=pat)), f"budgets/{budget.uid}/phasing"
    present = 10  # November
    late = [*[100] * present, 5_500, 5_500]  # a year's money, of which most is spent
    put_off = [*[1000] * present, 0, 2000]  # what November had may be spent

    sent = [api.send("PUT", path, {"amounts": one}) for one in (late, put_off)]
    set_phasing(budget, [Decimal(100)] * 12, now=NOW)
    sent.append(api.send("PUT", path, {"amounts": []}))  # the planned 1000 again

    assert [one.body.get("code") for one in sent] == ["needs_request"] * 3
