import csv
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Organization
from ledger import costs
from ledger.costs import FIELDS
from tests.factories import NOON, Api, make_api, make_organization, report
from tests.factories import usage_record as usage


def ids(answer: Any) -> list[str]:
    assert answer.status == 200, answer.body
    return [record["usage_id"] for record in answer.body]


def test_a_cost_record_has_the_fields_of_the_contract(
    acme: Organization, api: Api
) -> None:
    report(
        acme,
        usage(
            cached_tokens=400,
            reasoning_tokens=100,
            project_id="p",
            user_id="u",
            tags={"team": "core"},
            latency_ms=120,
            metadata={"trace": "t"},
        ),
    )

    (record,) = api.get("costs").body

    assert tuple(record) == FIELDS
    del record["id"]
    assert record == {
        "usage_id": "u1",
        "correction": 0,
        "corrected": False,
        "organization_id": "acme",
        "project_id": "p",
        "department_id": None,
        "team_id": None,
        "environment": None,
        "user_id": "u",
        "provider": "openai",
        "model": "gpt-4o",
        "model_version": None,
        "sent_provider": "openai",
        "sent_model": "gpt-4o",
        "service_tier": "",
        "input_tokens": 1000,
        "cached_tokens": 400,
        "cache_write_tokens": 0,
        "output_tokens": 1000,
        "reasoning_tokens": 100,
        "requests": 1,
        "quantities": {},
        "input_cost": "0.0020000000",
        "output_cost": "0.0100000000",
        "other_cost": "0.0000000000",
        "total_cost": "0.0120000000",
        "computed_cost": "0.0120000000",
        "currency": "USD",
        "priced": True,
        "unpriced_kinds": [],
        "assumed_kinds": [],
        "reported": False,
        "source_cost": None,
        "source_currency": None,
        "exchange_rate": None,
        "timestamp": "2025-01-15T12:00:00Z",
        "used_at": None,
        "latency_ms": 120,
        "response_id": None,
        "run_id": None,
        "tags": {"team": "core"},
        "metadata": {"trace": "t"},
    }


def test_a_reported_cost_stands_beside_the_computed_one(
    acme: Organization, api: Api
) -> None:
    report(acme, usage(cost="-1.5", currency="EUR"))

    (record,) = api.get("costs").body

    rate = Decimal(record["exchange_rate"])
    assert Decimal(record["total_cost"]) == round(Decimal("-1.5") * rate, 10)
    assert record["source_cost"] == "-1.5000000000"
    assert record["source_currency"] == "EUR"
    assert record["computed_cost"] == "0.0125000000"
    assert record["reported"]


def test_an_unknown_price_is_null_never_zero(acme: Organization, api: Api) -> None:
    report(acme, usage(model="unheard-of"))

    (record,) = api.get("costs?unpriced=include").body

    assert record["priced"] is False
    assert record["total_cost"] is record["computed_cost"] is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "abcde"),
        ("provider=openai", "abde"),
        ("provider=openai,anthropic", "abcde"),
        ("model=gpt-4o", "abd"),
        ("project_id=p1", "a"),
        ("project_id=p1,p2", "abc"),
        ("project_id=p1&project_id=p2", "abc"),
        ("project_id=p1&model=gpt-4o-mini", ""),
        ("tag=core", "bd"),
        ("tag=team", "a"),
        ("tag=team:core", "ac"),
        ("tag=team:core,core", "abcd"),
        ("tag=core&tag=urgent", "b"),
        ("tag=team:other", ""),
        ("environment=none", ""),
    ],
)
def test_filters(acme: Organization, api: Api, query: str, found: str) -> None:
    report(
        acme,
        usage(id="a", project_id="p1", tags={"team": "core"}),
        usage(id="b", project_id="p2", tags=["core", "urgent"]),
        usage(
            id="c",
            provider="anthropic",
            model="claude-3-5-sonnet-20241022",
            project_id="p2",
            tags=["team:core"],
        ),
        usage(id="d", tags=["core"]),
        usage(id="e", model="gpt-4o-mini"),
    )

    assert ids(api.get(f"costs?{query}")) == list(found)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("start_date=2025-01-15", ["first", "noon", "last"]),
        ("start_date=2025-01-15T12:00:00Z", ["noon", "last"]),
        ("start_date=2025-01-15T12:00:00.000001", ["last"]),
        ("end_date=2025-01-15T12:00:00", ["before", "first"]),
        ("end_date=2025-01-14", ["before"]),
        ("end_date=2025-01-15", ["before", "first", "noon", "last"]),
        ("start_date=2025-01-15&end_date=2025-01-15", ["first", "noon", "last"]),
        ("start_date=2025-01-15T13:00:00%2B01:00", ["noon", "last"]),
        ("start_date=2025-01-15T13:00:00+01:00", ["noon", "last"]),
        ("end_date=2025-01-15T00:00:00", ["before"]),
    ],
)
def test_ranges_are_half_open(
    acme: Organization, api: Api, query: str, found: list[str]
) -> None:
    report(
        acme,
        usage(id="before", timestamp="2025-01-14T23:59:59.999999Z"),
        usage(id="first", timestamp="2025-01-15T00:00:00Z"),
        usage(id="noon", timestamp="2025-01-15T12:00:00Z"),
        usage(id="last", timestamp="2025-01-15T23:59:59.999999Z"),
    )

    assert ids(api.get(f"costs?{query}")) == found


def test_the_stream_is_complete_whatever_the_page(
    acme: Organization, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Many share a moment, so that pages part within it.
    times = [NOON + timedelta(seconds=n // 7) for n in range(60)]
    made = [
        usage(id=f"u{n:02}", timestamp=at.isoformat()) for n, at in enumerate(times)
    ]
    report(acme, *reversed(made))
    monkeypatch.setattr(costs.pages_of, "__kwdefaults__", {"after": None, "size": 5})

    found = api.get("costs").body

    assert sorted(record["usage_id"] for record in found) == [r["id"] for r in made]
    order = [(record["timestamp"], record["id"]) for record in found]
    assert order == sorted(order)


def test_pages_lead_to_one_another(acme: Organization, api: Api) -> None:
    report(acme, *[usage(id=f"u{n}", project_id="a b") for n in range(7)])

    found, path = [], "costs?limit=3&project_id=a%20b"
    for size in (3, 3, 1):
        answer = api.get(path)
        assert len(answer.body) == size
        found += ids(answer)
        link = answer.headers.get("Link", "")
        path = link.partition("/api/v1/")[2].partition(">")[0]

    assert sorted(found) == [f"u{n}" for n in range(7)]
    assert link == ""


def test_nothing_found_is_an_empty_array(api: Api) -> None:
    assert api.get("costs").body == []
    assert api.get("costs?limit=10").body == []
    assert api.get("costs?format=csv").body.splitlines() == [",".join(FIELDS)]


def test_csv_has_numbers_that_count_and_texts_that_do_not_run(
    acme: Organization, api: Api
) -> None:
    report(acme, usage(id="=1+1", cost="-12.5", user_id="@me", tags=["+x"]))

    answer = api.get("costs?format=csv")

    (row,) = csv.DictReader(StringIO(answer.body))
    assert answer.headers["Content-Type"] == "text/csv"
    assert row["usage_id"] == "'=1+1"
    assert row["user_id"] == "'@me"
    assert row["total_cost"] == "-12.5000000000"
    assert row["timestamp"] == "2025-01-15T12:00:00Z"
    assert row["tags"] == '["+x"]'
    assert row["department_id"] == ""


def test_nobody_reads_another_organization(
    acme: Organization, api: Api, platform: Api
) -> None:
    other = make_organization("other")
    report(other, usage())

    assert ids(api.get("costs")) == []
    assert api.get("costs?organization_id=other").status == 403
    assert api.get("costs?organization_id=nobody").status == 403
    assert ids(platform.get("costs?organization_id=other")) == ["u1"]
    assert platform.get("costs?organization_id=nobody").status == 404
    assert platform.get("costs").status == 404


def test_a_platform_key_need_not_name_the_only_organization(
    acme: Organization, platform: Api
) -> None:
    report(acme, usage())

    assert ids(platform.get("costs")) == ["u1"]


def test_reading_needs_the_scope(acme: Organization) -> None:
    assert make_api("usage:write", organization=acme).get("costs").status == 403
    assert make_api("costs:read", organization=acme).get("costs").status == 200
    assert Api("nonsense").get("costs").status == 401


def test_a_page_costs_few_queries(acme: Organization, api: Api) -> None:
    report(acme, *[usage(id=f"u{n}", project_id=f"p{n}") for n in range(30)])
    api.get("costs")  # the key is remembered from here on

    with CaptureQueriesContext(
        connection,
    ) as queries:
        api.get("costs?provider=openai")

    # The organization, whether anything is unpriced, the last record, the attributions
    # asked for, the records, whether any is corrected, their attributions.
    assert len(queries) == 7


def test_unpriced_usage_is_listed_by_model(acme: Organization, api: Api) -> None:
    report(
        acme,
        usage(id="a", model="new-1", timestamp="2025-01-01T00:00:00Z"),
        usage(id="b", model="new-1", timestamp="2025-01-03T00:00:00Z"),
        usage(id="c", model="new-2", service_tier="batch"),
        usage(id="d"),
    )

    found = api.get("costs/unpriced").body["results"]

    assert found[0] == {
        "provider": "openai",
        "model": "new-1",
        "sent_model": "new-1",
        "service_tier": "",
        "requests": 2,
        "input_tokens": 2000,
        "output_tokens": 2000,
        "first_seen": "2025-01-01T00:00:00Z",
        "last_seen": "2025-01-03T00:00:00Z",
    }
    assert [row["model"] for row in found] == ["new-1", "new-2"]
    later = api.get("costs/unpriced?start_date=2025-01-02&model=new-1").body["results"]
    assert [row["requests"] for row in later] == [1]
