"""Whatever comes in, the answer is never a 500: one table over every endpoint."""

from typing import Any

import pytest

from accounts.models import Organization
from tests.factories import Api, report, usage_record

PRICE = {"provider": "p", "model": "m", "input_per_million": 1}
RATE = {"base": "EUR", "quote": "USD", "rate": 1, "date": "2025-01-01"}
ASKED = ("costs", "costs/unpriced", "analytics/summary", "analytics/timeseries")

QUERIES = [
    *(
        f"{path}?{query}"
        for path in ASKED
        for query in (
            "provider=%00",
            "start_date=yesterday",
            "start_date=0001-01-01",
            "start_date=9999-12-31T23:59:59-23:00",
            "end_date=2025-02-30",
            "end_date=99999-01-01",
            "end_date=-1",
            "start_date=2025-01-02&end_date=2025-01-01T00:00:00",
            "start_date=2025-01-01T00:00:00%2B99:00",
            "colour=red",
            "format=pdf",
            f"model={'x' * 300}",
            f"tag={','.join('abcdefghij' * 60)}x,{','.join(map(str, range(600)))}",
            "organization_id=%00",
        )
    ),
    "costs?limit=0",
    "costs?limit=-1",
    "costs?limit=10001",
    "costs?limit=many",
    "costs?limit=٣",
    f"costs?limit={'9' * 5000}",
    "costs?cursor=nonsense",
    "costs?unpriced=yes",
    "costs?corrections=all",
    "costs?cursor=MS4y!",
    "costs?cursor=OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5LjE",
    "costs?cursor=é",
    "analytics/summary?group_by=planet",
    "analytics/timeseries?interval=fortnight",
    "analytics/timeseries?timezone=Mars/Olympus",
    "analytics/timeseries?timezone=../../etc/passwd",
    "analytics/timeseries?interval=hour&start_date=2000-01-01&end_date=2099-12-31",
    "pricing?at=never",
    "pricing?model=%00",
    "pricing/resolve",
    "pricing/resolve?provider=openai",
    "pricing/resolve?provider=openai&model=m&at=3000-01-01",
    "pricing/resolve?provider=%00&model=m",
    "exchange-rates?base=USD&quote=XXXX",
    "exchange-rates?base=USD&quote=EUR&date=2025-13-01",
    "exchange-rates?base=%00",
    "exchange-rates?date=soon",
    "organizations?name=x",
    "repricings?x=y",
]


@pytest.mark.parametrize("path", QUERIES)
def test_a_bad_query_is_a_400(acme: Organization, api: Api, path: str) -> None:
    report(acme, usage_record())

    answer = api.get(path)

    assert answer.status == 400, answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.body["detail"].endswith(".")


WRONG_PRICES: list[dict[str, Any]] = [
    {"provider": ""},
    {"provider": None},
    {"provider": ["a"]},
    {"provider": "x" * 201},
    {"provider": "\ud800"},
    {"model": ""},
    {"model": "a*b"},
    {"model": "*a*"},
    {"input_per_million": -1},
    {"input_per_million": "1e400"},
    {"input_per_million": "NaN"},
    {"input_per_million": "Infinity"},
    {"input_per_million": 10**30},
    {"input_per_million": "0.00000000001"},
    {"input_per_million": True},
    {"input_per_million": {}},
    {"output_per_million": "free"},
    {"currency": "XXXX"},
    {"currency": "us"},
    {"currency": 5},
    {"effective_from": "0001-01-01"},
    {"effective_from": 20250101},
    {"effective_from": "2025-01-01", "effective_to": "2025-01-01"},
    {"effective_from": "2025-01-01", "effective_to": "2024-01-01"},
    {"effective_to": "2300-01-01"},
    {"service_tier": "x" * 51},
    {"note": 5 * ["x"]},
    {"provisional": "perhaps"},
]

BODIES: list[tuple[str, str, Any]] = [
    *(
        (method, path, body)
        for method, path in (
            ("POST", "pricing"),
            ("POST", "exchange-rates"),
            ("POST", "repricings"),
            ("PATCH", "organizations/acme"),
        )
        for body in (
            b"",
            b"{",
            b"[1]",
            b'"text"',
            b"NaN",
            b"\xff",
            b'{"note": "\\u0000"}',
            b"[" * 100_000,
        )
        if not (body == b"" and method == "PATCH")
    ),
    *(("POST", "pricing", {**PRICE, **wrong}) for wrong in WRONG_PRICES),
    ("POST", "pricing", {"provider": "p", "model": "m"}),
    *(
        ("POST", "exchange-rates", {**RATE, **wrong})
        for wrong in (
            {"rate": 0},
            {"rate": "-1"},
            {"rate": "0.0000000000001"},
            {"rate": 10**7},
            {"rate": "NaN"},
            {"rate": None},
            {"base": "XXXX"},
            {"base": "USD"},
            {"quote": ""},
            {"quote": 7},
            {"date": "2025-02-29"},
            {"date": "2025-01-01T00:00:00Z"},
            {"date": 5},
            {"date": None},
            {"date": "0001-01-01"},
        )
    ),
    *(
        ("POST", "repricings", body)
        for body in (
            {},
            {"reason": ""},
            {"reason": "x" * 501},
            {"reason": "r", "filters": []},
            {"reason": "r", "filters": {"start_date": "never"}},
            {"reason": "r", "filters": {"end_date": "0001-01-01"}},
            {"reason": "r", "filters": {"model": "x" * 201}},
            {"reason": "r", "filters": {"only_unpriced": "perhaps"}},
            {"reason": "r", "dry_run": "perhaps"},
        )
    ),
    *(
        ("PATCH", "organizations/acme", body)
        for body in (
            {"name": ""},
            {"name": "x" * 201},
            {"currency": "ABC"},
            {"currency": "dollars"},
            {"timezone": "Mars/Olympus"},
            {"timezone": "x" * 65},
            {"fiscal_year_start_month": 13},
            {"fiscal_year_start_month": 0},
            {"fiscal_year_start_month": "May"},
            {"fiscal_year_start_month": 10**30},
            {"unpriced_policy": "pray"},
            {"holiday_calendar": "XX"},
            {"holiday_calendar": "de"},
            {"holiday_calendar": "DE-XX"},
            {"holiday_calendar": "D\x00"},
            {"holiday_calendar": "x" * 7},
            {"slug": "a b"},
        )
    ),
]


@pytest.mark.parametrize(("method", "path", "body"), BODIES)
def test_a_bad_body_is_a_400(api: Api, method: str, path: str, body: Any) -> None:
    answer = api.send(method, path, body)

    assert answer.status == 400, answer.body
    assert answer.body["code"]
    assert answer.body["detail"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "pricing/999999999999999999"),
        ("GET", f"pricing/{'9' * 50}"),
        ("PATCH", "pricing/0"),
        ("DELETE", "exchange-rates/5"),
        ("GET", "exchange-rates/0"),
        ("GET", "repricings/7"),
        ("GET", "organizations/nobody"),
        ("GET", "organizations/%00"),
        ("GET", "runs/%00"),
        ("PATCH", "organizations/nobody"),
        ("GET", "pricing?cursor=nonsense"),
        ("GET", "nowhere"),
    ],
)
def test_what_is_not_there_is_a_404(api: Api, method: str, path: str) -> None:
    answer = api.send(method, path, {} if method == "PATCH" else None)

    assert answer.status == 404, answer.body
    assert answer.body["status"] == 404


@pytest.mark.parametrize("path", [*ASKED, "pricing", "exchange-rates", "repricings"])
def test_another_organizations_list_is_a_403(
    acme: Organization, api: Api, path: str
) -> None:
    assert api.get(f"{path}?organization_id=other").status == 403


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "pricing"), ("DELETE", "costs"), ("POST", "costs")]
)
def test_a_method_that_is_none_is_a_405(api: Api, method: str, path: str) -> None:
    assert api.send(method, path, {}).status == 405


def test_errors_are_json_whatever_was_asked_for(api: Api) -> None:
    answer = api.get("costs?format=csv&start_date=never")

    assert answer.status == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.body["errors"][0]["attr"] == "start_date"
