import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Organization
from budgets.rollup import roll_up_all
from intake.repricing import reprice_at_once
from ledger.costs import CostQuery, records_of
from ledger.prices import add_price
from ledger.repricing import Selection
from lib.money import quantize, wire
from lib.query_params import listed
from tests.factories import Api, make_api, make_organization, report
from tests.factories import usage_record as usage

START = datetime(2025, 3, 28, tzinfo=UTC)  # the clocks of Europe change on the 30th
MODELS = ["gpt-4o", "gpt-4o-mini", "unheard-of", "unheard-of-too"]


def fill(acme: Organization, dice: random.Random) -> None:
    """Book 120 records of four days, of which some are corrected, half rolled up."""
    for batch in range(6):
        report(
            acme,
            *[
                usage(
                    id=f"u{batch}-{n}",
                    timestamp=str(START + timedelta(seconds=dice.randrange(345_600))),
                    model=dice.choice(MODELS),
                    project_id=dice.choice(["p1", "p2", ""]),
                    tags=dice.choice([[], ["x"], {"team": "core"}, ["x", "y"]]),
                    input_tokens=dice.randrange(5_000),
                    output_tokens=dice.randrange(5_000),
                )
                for n in range(20)
            ],
        )
        if batch == 1:
            add_price(
                organization=acme,
                provider="openai",
                model="unheard-of",
                effective_from=START,
                input_per_million=Decimal(3),
            )
            reprice_at_once(acme, Selection(), reason="a price was found")
        if batch == 3:
            roll_up_all()


def brute_force(question: CostQuery) -> dict[str, Any]:
    """Sum the cost records up one by one."""
    records = list(records_of(question).select_related("attribution"))
    corrected = {row.usage_id for row in records if row.correction}
    total = sum((row.total_cost or Decimal(0) for row in records), Decimal(0))
    first = [row for row in records if not row.correction]
    by_model: dict[str, Decimal] = defaultdict(Decimal)
    by_project: dict[str, Decimal] = defaultdict(Decimal)
    for row in records:
        by_model[row.attribution.model] += row.total_cost or 0
        by_project[row.attribution.project] += row.total_cost or 0
    return {
        "total_cost": wire(total),
        "total_requests": len(first),
        "avg_cost_per_request": wire(quantize(total / len(first))) if first else "0",
        "unpriced_requests": sum(
            row.total_cost is None and row.usage_id not in corrected for row in first
        ),
        "input_tokens": sum(row.input_tokens for row in records),
        "cached_tokens": 0,
        "output_tokens": sum(row.output_tokens for row in records),
        "currency": "USD",
        "by_model": {name: wire(cost) for name, cost in by_model.items()},
        "by_project": {name: wire(cost) for name, cost in by_project.items()},
    }


@pytest.mark.parametrize("seed", range(3))
def test_a_summary_is_the_sum_of_its_cost_records(
    acme: Organization, api: Api, seed: int
) -> None:
    dice = random.Random(seed)
    fill(acme, dice)

    for _ in range(15):
        moments = [START + timedelta(minutes=dice.randrange(6000)) for _ in range(2)]
        start, end = sorted(moments)
        tag = dice.choice(["", "", "&tag=x", "&tag=team:core&model=gpt-4o,unheard-of"])
        query = f"start_date={start:%FT%T}&end_date={end:%FT%T}{tag}"
        answer = api.get(f"analytics/summary?{query}&group_by=model,project")
        question = CostQuery(acme, start, end)
        if tag:
            tags = [[tag[5:].partition("&")[0]]]
            values = {"model": ["gpt-4o", "unheard-of"]} if "&model" in tag else {}
            question = CostQuery(acme, start, end, values, tags)
        assert answer.body == brute_force(question), query


def test_a_summary_without_a_range_is_of_everything(
    acme: Organization, api: Api
) -> None:
    fill(acme, random.Random(9))

    found = api.get("analytics/summary?group_by=model,project").body

    assert found == brute_force(CostQuery(acme))


def test_nothing_costs_nothing(api: Api) -> None:
    found = api.get("analytics/summary").body

    assert found["total_cost"] == "0.0000000000"
    assert found["avg_cost_per_request"] == "0"
    assert found["by_provider"] == found["by_model"] == found["by_project"] == {}


def test_groups_go_by_either_name_and_by_tag(acme: Organization, api: Api) -> None:
    report(
        acme,
        usage(id="a", user_id="u", tags={"team": "core", "hot": ""}),
        usage(id="b", tags=["x"]),
        usage(id="c", provider="anthropic", model="claude-3-haiku-20240307"),
    )

    found = api.get("analytics/summary?group_by=user_id,tag,provider").body

    assert found["by_user"] == {"": "0.0140000000", "u": "0.0125000000"}
    assert found["by_tag"] == {
        "hot": "0.0125000000",
        "team:core": "0.0125000000",
        "x": "0.0125000000",
        "": "0.0015000000",
    }
    assert list(found["by_provider"]) == ["openai", "anthropic"]


def test_an_unknown_group_is_named(api: Api) -> None:
    answer = api.get("analytics/summary?group_by=model,planet")

    assert answer.status == 400
    assert "planet" in answer.body["detail"]


def test_other_organizations_are_not_summed(acme: Organization, api: Api) -> None:
    report(make_organization("other"), usage())

    assert api.get("analytics/summary").body["total_requests"] == 0
    assert api.get("analytics/summary?organization_id=other").status == 403
    assert api.get("analytics/timeseries?organization_id=other").status == 403


def test_comparing_organizations_takes_a_platform_key_and_others_are_told_so(
    acme: Organization, api: Api
) -> None:
    report(acme, usage())
    other = make_organization("other")
    platform = make_api("costs:read")

    refused = make_api("costs:read", organization=other).get(
        f"analytics/summary?organization_id={acme.slug}"
    )
    compared = [
        platform.get(f"analytics/summary?organization_id={slug}").body["total_requests"]
        for slug in (acme.slug, other.slug)
    ]

    assert refused.status == 403
    assert "its own is other" in refused.body["detail"]
    assert "platform key" in refused.body["detail"]
    assert compared == [1, 0]


def test_a_summary_is_one_statement(acme: Organization, api: Api) -> None:
    report(acme, usage())
    api.get("analytics/summary")

    with CaptureQueriesContext(connection) as queries:
        api.get("analytics/summary?start_date=2025-01-14T07:00:00")

    sums = [query for query in queries if "ledger_" in query["sql"]]
    assert len(sums) == 1


@pytest.mark.parametrize("interval", ["hour", "day", "week", "month"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kathmandu"])
@pytest.mark.parametrize("groups", ["", "model", "project,tag"])
def test_points_are_the_sums_of_their_cost_records(
    acme: Organization, api: Api, interval: str, zone: str, groups: str
) -> None:
    fill(acme, random.Random(interval + zone))
    start, end = START + timedelta(hours=7, minutes=13), START + timedelta(days=3.3)

    points = api.get(
        f"analytics/timeseries?start_date={start:%FT%T}&end_date={end:%FT%T}"
        f"&interval={interval}&timezone={zone}&group_by={groups}"
    ).body["points"]

    found = {
        (point["start"], *(point[group] for group in listed(groups))): (
            point["cost"],
            point["requests"],
        )
        for point in points
        if point["requests"] or point["cost"] != "0.0000000000"
    }
    assert found == expected_points(
        CostQuery(acme, start, end), interval, ZoneInfo(zone), listed(groups)
    )


def expected_points(
    question: CostQuery, interval: str, zone: ZoneInfo, groups: list[str]
) -> dict[tuple[str, ...], tuple[str | None, int]]:
    costs: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    counts: dict[tuple[str, ...], int] = defaultdict(int)
    for row in records_of(question).select_related("attribution"):
        of_it = row.attribution
        tags = of_it.tags
        names = (
            [f"{name}:{value}" for name, value in tags.items()]
            if isinstance(tags, dict)
            else tags
        ) or [""]
        for tag in names if "tag" in groups else [""]:
            values = {"model": of_it.model, "project": of_it.project, "tag": tag}
            key = (_start(row.timestamp, interval, zone), *(values[g] for g in groups))
            costs[key] += row.total_cost or 0
            counts[key] += not row.correction
    return {key: (wire(costs[key]), counts[key]) for key in costs}


def _start(at: datetime, interval: str, zone: ZoneInfo) -> str:
    local = at.astimezone(zone).replace(minute=0, second=0, microsecond=0)
    if interval != "hour":
        local = local.replace(hour=0, fold=0)
    if interval == "week":
        local -= timedelta(days=local.weekday())
    if interval == "month":
        local = local.replace(day=1)
    return local.isoformat().replace("+00:00", "Z")


def test_empty_buckets_are_there_when_nothing_is_grouped(
    acme: Organization, api: Api
) -> None:
    report(acme, usage(timestamp="2025-01-02T10:00:00Z"))

    query = "start_date=2025-01-01&end_date=2025-01-03&interval=day"
    plain = api.get(f"analytics/timeseries?{query}").body["points"]
    grouped = api.get(f"analytics/timeseries?{query}&group_by=model").body["points"]

    assert [(p["start"], p["requests"]) for p in plain] == [
        ("2025-01-01T00:00:00Z", 0),
        ("2025-01-02T00:00:00Z", 1),
        ("2025-01-03T00:00:00Z", 0),
    ]
    assert plain[0]["cost"] == "0.0000000000"
    assert [(p["start"], p["model"]) for p in grouped] == [
        ("2025-01-02T00:00:00Z", "gpt-4o")
    ]


@pytest.mark.django_db
def test_days_begin_where_the_organization_is() -> None:
    kiwi = make_organization("kiwi", timezone="Pacific/Auckland")
    report(kiwi, usage(timestamp="2025-01-15T11:30:00Z"))

    found = make_api(organization=kiwi).get("analytics/timeseries").body

    assert found["timezone"] == "Pacific/Auckland"
    assert [point["start"] for point in found["points"]] == [
        "2025-01-16T00:00:00+13:00"
    ]


def test_hours_of_a_long_time_are_refused_with_the_remedy(api: Api) -> None:
    long = api.get(
        "analytics/timeseries?interval=hour&start_date=2025-01-01&end_date=2025-02-01"
    )
    fits = api.get(
        "analytics/timeseries?interval=hour&start_date=2025-01-01&end_date=2025-01-31"
    )

    assert long.status == 400
    assert "interval=day" in long.body["detail"]
    assert len(fits.body["points"]) == 31 * 24


def test_points_come_as_csv_too(acme: Organization, api: Api) -> None:
    report(acme, usage(project_id="=x"))

    answer = api.get("analytics/timeseries?group_by=project&format=csv")

    assert "2025-01-15T00:00:00Z,'=x,0.0125000000,1," in answer.body
