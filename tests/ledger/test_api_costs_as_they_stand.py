"""GET /costs: each usage once, as it stands now, and never a cost that is none."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Organization
from ledger import costs
from tests.factories import NOON, Answer, Api, report
from tests.factories import usage_record as usage

NEW = {"provider": "openai", "model": "unheard-of"}
PRICE = {
    **NEW,
    "effective_from": "2020-01-01T00:00:00Z",
    "currency": "USD",
    "input_per_million": "1",
    "output_per_million": "2",
}


def price(api: Api, **fields: Any) -> None:
    """Give the new model a price, the only one, and reprice what there is."""
    organization = {"organization_id": "acme"}
    for known in api.get("pricing").body["results"]:
        assert api.delete(f"pricing/{known['id']}").status == 204
    made = api.post("pricing", {**PRICE, **organization, **fields})
    assert made.status == 201, made.body
    done = api.post("repricings", {**organization, "reason": "A price is known."})
    assert done.status == 201, done.body


def costs_of(answer: Answer) -> dict[str, str | None]:
    assert answer.status == 200, answer.body
    return {one["usage_id"]: one["total_cost"] for one in answer.body}


def test_what_is_not_priced_is_left_out_and_told(acme: Organization, api: Api) -> None:
    report(acme, usage(), usage(id="u2", **NEW), usage(id="u3", **NEW))

    usual = api.get("costs")
    all_of_it = api.get("costs?unpriced=include")

    assert costs_of(usual) == {"u1": "0.0125000000"}
    assert costs_of(all_of_it) == {"u1": "0.0125000000", "u2": None, "u3": None}
    assert usual.headers["X-Unpriced-Records"] == "2"
    assert all_of_it.headers["X-Unpriced-Records"] == "2"
    assert api.get("analytics/summary").body["unpriced_requests"] == 2


def test_what_is_told_is_what_the_question_is_about(
    acme: Organization, api: Api
) -> None:
    report(
        acme,
        usage(id="a", project_id="p", **NEW),
        usage(id="b", project_id="q", **NEW),
        usage(id="c", project_id="p", timestamp="2025-01-16T00:00:00Z", **NEW),
    )

    def told(query: str) -> str:
        return str(api.get(f"costs?{query}").headers["X-Unpriced-Records"])

    assert told("project_id=p") == "2"
    assert told("project_id=p&end_date=2025-01-15") == "1"
    assert told("start_date=2025-01-15T12:00:01&end_date=2025-01-15T13:00") == "0"
    assert told("project_id=nobody") == "0"
    assert told("project_id=p&limit=1") == "2"
    assert told("project_id=p&format=csv") == "2"


def test_a_repriced_usage_is_listed_once_at_what_it_costs_now(
    acme: Organization, api: Api
) -> None:
    report(acme, usage(), usage(id="u2", **NEW))
    price(api)
    price(api, output_per_million="3")

    answer = api.get("costs")

    assert costs_of(answer) == {"u1": "0.0125000000", "u2": "0.0040000000"}
    assert answer.headers["X-Unpriced-Records"] == "0"
    first, second = answer.body
    assert (first["corrected"], first["correction"]) == (False, 0)
    assert (second["corrected"], second["correction"]) == (True, 2)
    assert (second["input_cost"], second["output_cost"]) == (
        "0.0010000000",
        "0.0030000000",
    )
    assert (second["input_tokens"], second["requests"]) == (1000, 1)
    assert second["computed_cost"] == second["total_cost"]
    assert second["priced"]


def test_all_there_ever_was_is_listed_on_request(acme: Organization, api: Api) -> None:
    report(acme, usage(id="u2", **NEW))
    price(api)
    price(api, output_per_million="3")

    found = api.get("costs?corrections=include").body

    assert [(one["correction"], one["total_cost"]) for one in found] == [
        (0, None),
        (1, "0.0030000000"),
        (2, "0.0040000000"),
    ]
    assert {one["output_tokens"] for one in found} == {1000}
    assert len({one["id"] for one in found}) == 3


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 30])
def test_pages_neither_lose_nor_repeat_what_is_corrected(
    acme: Organization, api: Api, limit: int
) -> None:
    at = [(NOON + timedelta(seconds=n // 4)).isoformat() for n in range(20)]
    report(acme, *[usage(id=f"old-{n:02}", timestamp=at[n], **NEW) for n in range(20)])
    price(api)
    report(
        acme,
        *[usage(id=f"new-{n:02}", timestamp=at[n]) for n in range(20)],
        *[usage(id=f"no-{n:02}", timestamp=at[n], model="none") for n in range(20)],
    )

    found, path = [], f"costs?limit={limit}"
    while path:
        answer = api.get(path)
        assert len(answer.body) <= limit
        found += [one["usage_id"] for one in answer.body]
        link = answer.headers.get("Link", "")
        path = link.partition("/api/v1/")[2].partition(">")[0]

    expected = [f"{kind}-{n:02}" for kind in ("new", "old") for n in range(20)]
    assert sorted(found) == expected


def test_a_stream_of_many_corrections_is_complete(
    acme: Organization, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    report(acme, *[usage(id=f"u{n:02}", **NEW) for n in range(40)])
    price(api)
    monkeypatch.setattr("ledger.versions._MOST_CHANGES", 3)
    monkeypatch.setattr("ledger.versions._ASKED_FOR", 2)
    defaults: Any = costs.pages_of.__kwdefaults__
    monkeypatch.setitem(defaults, "size", 5)

    found = api.get("costs").body

    assert [one["usage_id"] for one in found] == [f"u{n:02}" for n in range(40)]
    assert {one["total_cost"] for one in found} == {"0.0030000000"}
