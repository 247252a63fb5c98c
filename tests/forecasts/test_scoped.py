"""The forecast of any part of the costs, over the API."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Organization
from budgets.rollup import roll_up
from forecasts.scoped import spent_in
from ledger.costs import CostQuery
from ledger.models import CostRecord
from lib.periods import start_of
from tests.budgets.worlds import jan, january_budget, undone
from tests.factories import Api, make_organization, report, spend, usage_record
from tests.sizes import examples

pytestmark = pytest.mark.django_db
NOW = jan(15, 12)  # a Wednesday


@pytest.fixture(autouse=True)
def _at_noon_of_the_fifteenth() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def _production(acme: Organization) -> None:
    """Spend 10 in production on each of the days from Christmas on, and 90 beside."""
    production = {"cost": "10", "project_id": "production", "team_id": "a"}
    research = {"cost": "90", "project_id": "research", "tags": ["x"]}
    records = [
        usage_record(
            id=f"{fields['project_id']}-{days}",
            timestamp=(NOW - timedelta(days)).isoformat(),
            **fields,
        )
        for days in range(1, 22)
        for fields in (production, research)
    ]
    report(acme, *records)


def forecast_of(api: Api, query: str = "?project_id=production") -> dict[str, Any]:
    answer = api.get(f"forecasts{query}")
    assert answer.status == 200, answer.body
    body: dict[str, Any] = answer.body
    return body


PERIODS = [
    # What is spent in it by now, the days to come, and what is left of them by halves.
    pytest.param("day", 0, 1, 5, id="day"),
    pytest.param("week", 20, 5, 45, id="week"),
    pytest.param("month", 140, 17, 165, id="month"),
    pytest.param("quarter", 140, 76, 755, id="quarter"),
    pytest.param("year", 140, 351, 3505, id="year"),
]


@pytest.mark.usefixtures("_production")
@pytest.mark.parametrize(("period", "spent", "days", "to_come"), PERIODS)
def test_a_scope_is_forecast_to_the_end_of_any_period(
    api: Api, period: str, spent: int, days: int, to_come: int
) -> None:
    body = forecast_of(api, f"?project_id=production&period={period}")

    assert body["days_ahead"] == days
    assert float(body["forecasted_cost"]) == pytest.approx(spent + to_come)
    assert body["currency"] == "USD"
    assert [day["actual"] for day in body["daily"][:21]] == ["10.0000000000"] * 21


@pytest.mark.usefixtures("_production")
@pytest.mark.parametrize(
    "query", ["?team_id=a", "?user_id=&project_id=production", "?provider=openai&tag="]
)
def test_any_dimension_parts_it(api: Api, acme: Organization, query: str) -> None:
    spend(acme, "1", NOW - timedelta(1), provider="anthropic")

    body = forecast_of(api, query)

    expected = 305 if "openai" not in query else 3050
    assert float(body["forecasted_cost"]) == pytest.approx(expected)


@pytest.mark.usefixtures("_production")
def test_without_a_budget_there_is_nothing_to_hold_it_against(api: Api) -> None:
    body = forecast_of(api)

    held = ("budget", "budget_limit", "projected_overrun", "probability_over_budget")
    assert {body[name] for name in held} == {None}
    assert {body["exceeded_on"], body["days_until_exceeded"]} == {None}
    assert float(body["recommended_budget"]) > 305


@pytest.mark.usefixtures("_production")
def test_the_budget_of_just_the_scope_is_its_limit(
    api: Api, acme: Organization
) -> None:
    scope = {"projects": ["production"]}
    january_budget(acme, amount=Decimal(900), scope=scope)
    own = january_budget(acme, amount=Decimal(200), scope=scope)
    january_budget(acme, amount=Decimal(1))  # of everything
    january_budget(acme, amount=Decimal(1), scope=scope, period="weekly")
    january_budget(acme, amount=Decimal(1), scope={**scope, "teams": ["a"]})
    january_budget(acme, amount=Decimal(1), scope=scope, timezone="Asia/Tokyo")

    body = forecast_of(api)

    # 140 spent, and 10 a day from noon on: the 200th is reached on the 21st.
    assert (body["budget"], body["budget_limit"]) == (str(own.uid), "200.0000000000")
    assert (body["exceeded_on"], body["days_until_exceeded"]) == ("2025-01-21", 6)
    assert body["probability_over_budget"] > 0.95


@pytest.mark.usefixtures("_production")
def test_a_limit_can_be_given(api: Api) -> None:
    body = forecast_of(api, "?project_id=production&limit=305")

    assert (body["budget"], body["budget_limit"]) == (None, "305.0000000000")
    assert body["probability_over_budget"] == pytest.approx(0.5)


def test_days_are_those_of_the_organizations_zone(api: Api, acme: Organization) -> None:
    acme.timezone = "Asia/Tokyo"
    acme.save()
    for day in range(11, 15):  # already the next day in Tokyo
        spend(acme, "10", jan(day, 20))

    body = forecast_of(api, "")

    assert body["data"]["days"] == 3  # of the fourth, which is today, 21 hours are over
    assert float(body["forecasted_cost"]) == pytest.approx(40 + 16 * 10 + 10 * 3 / 24)


ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kolkata", "Pacific/Apia"]


@given(
    spends=st.lists(
        st.tuples(st.integers(0, 6 * 48), st.integers(1, 999)), min_size=6, max_size=12
    ),
    zone=st.sampled_from(ZONES),
    rolled_up=st.booleans(),
)
@settings(max_examples=examples(10, 100))
def test_stretches_are_added_up_exactly(
    spends: list[tuple[int, int]], zone: str, *, rolled_up: bool
) -> None:
    """Of a week in which Samoa has no 30th, and of stretches that cut its days."""
    first = datetime(2011, 12, 27, tzinfo=UTC)
    with undone():
        acme = make_organization("stretched")
        for halves, cost in spends:
            spend(acme, f"{cost}.0000000001", first + halves * timedelta(minutes=30))
        if rolled_up:
            roll_up(acme.pk)
        edges = [start_of(date(2011, 12, 27 + day), ZoneInfo(zone)) for day in range(5)]
        stretches = [*pairwise(edges), (edges[0], edges[-1]), (first, NOW)]

        found = spent_in(CostQuery(acme), stretches)

        booked = CostRecord.objects.filter(organization=acme)
        costs = [
            (at, cost or Decimal(0))
            for at, cost in booked.values_list("timestamp", "total_cost")
        ]
    assert found == [
        sum((cost for at, cost in costs if start <= at < end), Decimal(0))
        for start, end in stretches
    ]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("?period=fortnight", "period"),
        ("?period=month&start_date=2025-01-01", "start_date"),
        ("?confidence=95", "confidence"),
        ("?limit=0", "limit"),
        ("?limit=nan", "limit"),
        ("?projectId=production", "projectId"),
    ],
)
def test_what_is_asked_wrongly_of_a_scope_is_named(
    api: Api, acme: Organization, query: str, named: str
) -> None:
    answer = api.get(f"forecasts{query}")

    assert answer.status == 400
    assert answer.body["errors"][0]["attr"] == named


@pytest.mark.usefixtures("_production")
def test_it_takes_few_queries_of_a_scope(
    api: Api, acme: Organization, django_assert_max_num_queries: Any
) -> None:
    january_budget(acme, scope={"projects": ["production"]})

    with django_assert_max_num_queries(13):
        forecast_of(api)
