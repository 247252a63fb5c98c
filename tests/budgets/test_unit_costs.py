"""What one request, user, customer or outcome cost a budget."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Organization
from budgets.models import Budget
from budgets.services import change_budget, plan_of
from budgets.unit_costs import Per, unit_costs
from ledger.models import OutcomeRecord
from lib.money import quantize
from lib.periods import Window, day_of, start_of
from tests.budgets.worlds import jan, january_budget, undone
from tests.factories import Api, make_api, make_organization, spend
from tests.sizes import examples

pytestmark = pytest.mark.django_db
BERLIN = ZoneInfo("Europe/Berlin")


def achieve(api: Api, number: int, at: datetime, **fields: Any) -> Any:
    return api.post(
        "outcomes",
        {
            "id": f"o-{number}",
            "name": "tickets_solved",
            "timestamp": at.isoformat(),
            **fields,
        },
    )


def asked(api: Api, budget: Budget, **query: str) -> Any:
    words = "&".join(f"{name}={value}" for name, value in query.items())
    answer = api.get(f"budgets/{budget.uid}/unit-cost?{words}")
    assert answer.status == 200, answer.body
    return answer.body


JANUARY = {"start_date": "2025-01-14", "end_date": "2025-01-16"}


def test_a_days_cost_is_held_against_what_was_achieved(
    acme: Organization, api: Api
) -> None:
    budget = january_budget(acme, scope={"teams": ["ml"]})
    spend(acme, "10", jan(14, 12), team_id="ml")
    spend(acme, "1", jan(15, 12), team_id="ml")
    spend(acme, "99", jan(14, 12), team_id="sales")
    achieve(api, 1, jan(14, 9), team_id="ml", count=2)
    achieve(api, 2, jan(14, 23, 59), team_id="ml")
    achieve(api, 3, jan(14, 9), team_id="sales", count=50)
    achieve(api, 4, jan(14, 9), team_id="ml", name="orders", count=7)

    body = asked(api, budget, per="outcome:tickets_solved", **JANUARY)

    assert [
        (one["start"], one["cost"], one["count"], one["unit_cost"])
        for one in body["points"]
    ] == [
        ("2025-01-14T00:00:00Z", "10.0000000000", 3, "3.3333333333"),
        ("2025-01-15T00:00:00Z", "1.0000000000", 0, None),
        ("2025-01-16T00:00:00Z", "0.0000000000", 0, None),
    ]
    assert body["total"] == {
        "cost": "11.0000000000",
        "count": 3,
        "unit_cost": "3.6666666667",
    }
    assert (body["per"], body["interval"], body["currency"]) == (
        "outcome:tickets_solved",
        "day",
        "USD",
    )


def test_requests_users_and_customers_are_counted(acme: Organization, api: Api) -> None:
    budget = january_budget(acme)
    for day, user, customer in (
        (14, "ann", "x"),
        (14, "ann", "y"),
        (14, "bob", "x"),
        (15, "ann", "x"),
        (15, "", ""),
    ):
        tags = {"customer": customer} if customer else {}
        spend(acme, "1", jan(day, 12), user_id=user, tags=tags)
    spend(acme, "1", jan(15, 12), user_id="cat", tags=["customer=z"])

    def counts(per: str) -> tuple[list[int], int]:
        body = asked(api, budget, per=per, **JANUARY)
        return [one["count"] for one in body["points"][:2]], body["total"]["count"]

    assert counts("request") == ([3, 3], 6)
    assert counts("user") == ([2, 2], 3)
    assert counts("customer") == counts("tag:customer") == ([2, 2], 3)
    assert counts("tag:order") == ([0, 0], 0)


def test_days_are_the_budgets_own_and_months_are_whole(
    acme: Organization, api: Api
) -> None:
    budget = january_budget(acme, timezone="Europe/Berlin", starts_at=jan(1) - 60 * DAY)
    spend(acme, "5", jan(14, 23, 30), user_id="ann")  # the 15th in Berlin
    achieve(api, 1, jan(14, 23, 30))

    by_day = asked(api, budget, per="outcome:tickets_solved", **JANUARY)
    users = asked(api, budget, per="user", **JANUARY)
    by_month = asked(
        api,
        budget,
        per="user",
        interval="month",
        start_date="2025-01-01",
        end_date="2025-01-31",
    )

    for body in (by_day, users):
        assert [one["count"] for one in body["points"]] == [0, 1, 0]
        assert body["points"][1]["start"] == "2025-01-14T23:00:00Z"
    assert [one["unit_cost"] for one in by_month["points"]] == ["5.0000000000"]


def test_without_dates_it_is_the_present_period(acme: Organization, api: Api) -> None:
    budget = january_budget(acme, ends_at=jan(20))

    body = asked(api, budget)

    assert body["per"] == "request"
    assert len(body["points"]) == 19  # the budget's last period


def test_a_changed_scope_covers_other_outcomes(acme: Organization, api: Api) -> None:
    budget = january_budget(acme, scope={"teams": ["ml"]})
    achieve(api, 1, jan(15, 9), team_id="sales", count=5)
    plan = plan_of(Budget.objects.get(pk=budget.pk))
    plan.scope = {"teams": ["sales"]}
    change_budget(budget, plan, now=jan(15, 12))

    body = asked(api, budget, per="outcome:tickets_solved", **JANUARY)

    assert body["total"]["count"] == 5


def test_a_parent_counts_what_its_children_do_once(
    acme: Organization, api: Api
) -> None:
    above = january_budget(acme, scope={"departments": ["eng"]})
    january_budget(acme, "ML", parent=above, scope={"teams": ["ml"]})
    achieve(api, 1, jan(15, 9), team_id="ml", department_id="eng", count=5)
    achieve(api, 2, jan(15, 9), team_id="ml", count=2)

    body = asked(api, above, per="outcome:tickets_solved", **JANUARY)

    assert body["total"]["count"] == 7


REFUSED = {
    "per": ("per=cow", "per"),
    "a tag without a name": ("per=tag:", "per"),
    "interval": ("interval=hour", "interval"),
    "far too many": ("start_date=2001-01-01&end_date=2025-01-01", "interval"),
    "no date": ("start_date=yesterday", "start_date"),
    "backwards": ("start_date=2025-01-02&end_date=2025-01-01", "end_date"),
}


@pytest.mark.parametrize(("query", "field"), REFUSED.values(), ids=REFUSED.keys())
def test_what_can_not_be_asked_is_named(
    acme: Organization, api: Api, query: str, field: str
) -> None:
    budget = january_budget(acme, starts_at=datetime(2000, 1, 1, tzinfo=UTC))

    answer = api.get(f"budgets/{budget.uid}/unit-cost?{query}")

    assert answer.status == 400
    assert answer.body["errors"][0]["attr"] == field


def test_it_takes_few_queries(
    acme: Organization, api: Api, django_assert_max_num_queries: Any
) -> None:
    budget = january_budget(acme)
    for number in range(5):
        spend(acme, "1", jan(14 + number % 2, 12), user_id=f"u{number}")
        achieve(api, number, jan(14, 9))
    budget = Budget.objects.select_related("organization").get(pk=budget.pk)
    span = Window(jan(14), jan(16))

    # PostgreSQL takes a few more to stream.
    for per, queries in (("request", 1), ("outcome:tickets_solved", 2), ("user", 11)):
        with django_assert_max_num_queries(queries):
            unit_costs(budget, Per.of(per), span, "day")


# -- Reporting


def test_an_outcome_counts_once(acme: Organization, api: Api) -> None:
    first = achieve(api, 1, jan(14, 9), count=2)
    again = achieve(api, 1, jan(14, 9), count=2)
    other = achieve(api, 1, jan(14, 9), count=3)

    told = {"status": "success", "id": "o-1", "name": "tickets_solved", "count": 2}
    assert (first.status, first.body) == (201, {**told, "duplicate": False})
    assert (again.status, again.body) == (200, {**told, "duplicate": True})
    assert (other.status, other.body) == (
        200,
        {**told, "duplicate": True, "conflict": True},
    )
    assert OutcomeRecord.objects.get().count == 2


BAD = {
    "no id": ({"id": ""}, "id"),
    "no name": ({"name": " "}, "name"),
    "nothing": ({"count": 0}, "count"),
    "less than nothing": ({"count": -1}, "count"),
    "a part": ({"count": 1.5}, "count"),
    "too many": ({"count": 10**13}, "count"),
    "long ago": ({"timestamp": "1999-12-31T00:00:00Z"}, "timestamp"),
    "no time": ({"timestamp": "yesterday"}, "timestamp"),
    "no tags": ({"tags": 5}, "tags"),
    "NUL": ({"user_id": "a\x00b"}, "user_id"),
    "unknown": ({"cows": 1}, "cows"),
}


@pytest.mark.parametrize(("fields", "field"), BAD.values(), ids=BAD.keys())
def test_what_is_no_outcome_is_refused(
    api: Api, fields: dict[str, Any], field: str
) -> None:
    answer = achieve(api, 1, jan(14, 9), **fields)

    assert answer.status == 400, answer.body
    assert answer.body["errors"][0]["attr"] == field
    assert not OutcomeRecord.objects.exists()


def test_outcomes_stay_in_their_organization(acme: Organization, api: Api) -> None:
    foreign = make_organization("globex")
    strange = make_api(organization=foreign)
    achieve(strange, 1, jan(14, 9))

    named = achieve(api, 1, jan(14, 9), organization_id="globex")
    own = achieve(api, 1, jan(14, 9))
    readable = make_api("budgets:read", organization=acme)

    assert named.status == 403
    assert (own.status, own.body["duplicate"]) == (201, False)
    assert achieve(readable, 2, jan(14, 9)).status == 403
    assert OutcomeRecord.objects.filter(organization=acme).count() == 1


# -- Against a slow count

DAY = timedelta(days=1)
moments = st.datetimes(
    datetime(2025, 3, 28),  # noqa: DTZ001 - hypothesis adds the zone
    datetime(2025, 4, 2),  # noqa: DTZ001
    timezones=st.just(UTC),
)  # the clocks go forward on the 30th
teams = st.sampled_from(["ml", "sales", ""])


@given(
    spent=st.lists(st.tuples(moments, teams, st.decimals(0, 99, places=4)), max_size=6),
    done=st.lists(st.tuples(moments, teams, st.integers(1, 9)), max_size=6),
)
@settings(max_examples=examples(12, 200))
def test_points_are_as_counted_by_hand(
    spent: list[tuple[datetime, str, Decimal]], done: list[tuple[datetime, str, int]]
) -> None:
    with undone():
        organization = make_organization("oracle")
        api = make_api(organization=organization)
        first = start_of(date(2025, 3, 28), BERLIN)
        budget = january_budget(
            organization,
            timezone="Europe/Berlin",
            scope={"teams": ["ml"]},
            starts_at=first,
        )
        for at, team, cost in spent:
            spend(organization, f"{cost}", at, team_id=team)
        for number, (at, team, count) in enumerate(done):
            achieve(api, number, at, team_id=team, count=count)
        budget = Budget.objects.select_related("organization").get(pk=budget.pk)
        span = Window(first, first + 5 * DAY)
        found = unit_costs(budget, Per.of("outcome:tickets_solved"), span, "day")

    for point in found.points:
        day = day_of(point.window.start, BERLIN)
        inside = [one for one in spent if one[1] == "ml" and one[0] in point.window]
        cost = sum((one[2] for one in inside), Decimal(0))
        count = sum(one[2] for one in done if one[1] == "ml" and one[0] in point.window)
        assert (day, point.cost, point.count) == (day, cost, count)
        assert point.each == (quantize(cost / count) if count else None)
