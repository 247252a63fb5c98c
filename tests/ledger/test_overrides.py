"""Prices set by hand for some kinds, some requests, or a share of the whole list."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Organization
from ledger.models import Price
from tests.factories import Api, usage_record

pytestmark = pytest.mark.django_db

SONNET = {"provider": "anthropic", "model": "claude-sonnet-4-5"}
AT = "2026-08-15T12:00:00Z"


def set_price(api: Api, **fields: Any) -> dict[str, Any]:
    answer = api.post(
        "pricing", {**SONNET, "effective_from": "2025-01-01T00:00:00Z", **fields}
    )
    assert answer.status == 201, answer.body
    return dict(answer.body)


def cost(api: Api, **fields: Any) -> str | None:
    body = api.post("usage", usage_record(timestamp=AT, **{**SONNET, **fields})).body
    return None if body["cost"] is None else str(body["cost"])


def refused(api: Api, **fields: Any) -> tuple[str, str]:
    answer = api.post("pricing", {**SONNET, **fields})
    assert answer.status == 400, answer.body
    (error, *_) = answer.body["errors"]
    return error["attr"], error["detail"]


@pytest.mark.parametrize(
    ("price", "used", "expected"),
    [
        # 10 % off, the tier of long requests kept.
        (
            {"percent_of_list": 90},
            {"input_tokens": 300_000, "output_tokens": 0},
            "1.6200000000",
        ),
        (
            {"percent_of_list": "90"},
            {"input_tokens": 1_000_000, "service_tier": "batch", "output_tokens": 0},
            "2.7000000000",
        ),
        (
            {"percent_of_list": 50},
            {"input_tokens": 0, "output_tokens": 0, "quantities": {"searches": 1_000}},
            "5.0000000000",
        ),
        # Only cached input: all else is the catalogue's, in every tier.
        (
            {"cached_input_per_million": "0.1"},
            {"input_tokens": 300_000, "cached_tokens": 100_000, "output_tokens": 1_000},
            "1.2325000000",
        ),
        # One that sets input sets it for all tiers; output has its own.
        (
            {"input_per_million": "2.7"},
            {"input_tokens": 300_000, "output_tokens": 1_000},
            "0.8325000000",
        ),
        (
            {
                "input_per_million": "2.7",
                "tiers": [{"above_input_tokens": 200_000, "input_per_million": "5.4"}],
            },
            {"input_tokens": 300_000, "output_tokens": 0},
            "1.6200000000",
        ),
        (
            {"input_per_million": "2.7"},
            {"input_tokens": 1_000_000, "output_tokens": 0, "service_tier": "batch"},
            "3.0000000000",
        ),
        (
            {"quantities": {"cache_write_1h_tokens": "9", "Searches": 0.02}},
            {
                "input_tokens": 100_000,
                "output_tokens": 0,
                "quantities": {"cache_write_1h_tokens": 100_000, "searches": 2},
            },
            "0.9400000000",
        ),
        # What is sold at the price of another kind still is.
        (
            {"quantities": {"cache_write_tokens": "4"}},
            {
                "input_tokens": 100_000,
                "output_tokens": 0,
                "quantities": {"cache_write_5m_tokens": 100_000},
            },
            "0.4000000000",
        ),
        (
            {"quantities": {"hats": "2.5", "minutes": "0.006"}},
            {
                "input_tokens": 0,
                "output_tokens": 0,
                "quantities": {"hats": 2, "seconds": 30},
            },
            "5.0030000000",
        ),
        (
            {"per_request": "0.001"},
            {"input_tokens": 0, "output_tokens": 0, "requests": 800},
            "0.8000000000",
        ),
        (
            {"output_per_million": 20},
            {"input_tokens": 0, "output_tokens": 1_000, "reasoning_tokens": 500},
            "0.0200000000",
        ),
    ],
)
def test_what_an_override_leaves_out_is_the_catalogues(
    api: Api, price: dict[str, Any], used: dict[str, Any], expected: str
) -> None:
    set_price(api, **price)

    assert cost(api, **used) == expected


def test_a_price_in_another_currency_takes_nothing_from_the_catalogue(
    api: Api,
) -> None:
    set_price(api, currency="EUR", input_per_million="3", output_per_million="15")

    answer = api.post(
        "usage",
        usage_record(
            **SONNET, timestamp=AT, cached_tokens=10, quantities={"searches": 1}
        ),
    )

    assert answer.body["unpriced_kinds"] == ["searches"]


def test_an_override_for_all_tiers_gives_way_to_one_for_the_tier(api: Api) -> None:
    set_price(api, percent_of_list=90)
    set_price(api, service_tier="batch", percent_of_list=50)

    batch = cost(
        api, input_tokens=1_000_000, output_tokens=0, service_tier="batch", id="b"
    )

    assert batch == "1.5000000000"


@pytest.mark.parametrize(
    ("fields", "attr", "told"),
    [
        ({"cache_write_per_million": "6.25"}, "cache_write_per_million", "cache_write"),
        ({"input_per_milion": 1}, "input_per_milion", "input_per_million"),
        ({}, "input_per_million", "at least one"),
        ({"percent_of_list": 90, "per_request": 1}, "percent_of_list", "instead"),
        ({"percent_of_list": 90, "quantities": {"hats": 1}}, "percent_of_list", "inst"),
        ({"percent_of_list": 90, "currency": "EUR"}, "currency", "USD"),
        ({"percent_of_list": -1}, "percent_of_list", "greater"),
        ({"quantities": {"hats": -1}}, "quantities", "hats"),
        ({"quantities": {"hats": "NaN"}}, "quantities", "hats"),
        ({"quantities": {"hats": True}}, "quantities", "hats"),
        ({"quantities": {"hats": "0.00000000001"}}, "quantities", "hats"),
        ({"quantities": {"no kind!": 1}}, "quantities", "no kind!"),
        ({"quantities": [1]}, "quantities", "object"),
        ({"quantities": {"seconds": 1, "minutes": 1}}, "quantities", "60 seconds"),
        (
            {"quantities": {"input_tokens": 1}, "input_per_million": 2},
            "quantities",
            "differs",
        ),
        ({"tiers": [{"above_input_tokens": -1}]}, "tiers", ""),
    ],
)
def test_what_makes_no_price_is_refused_by_name(
    api: Api, fields: dict[str, Any], attr: str, told: str
) -> None:
    refused_attr, detail = refused(api, **fields)

    assert refused_attr.startswith(attr)
    assert told in detail
    assert not Price.objects.exists()


def test_a_price_is_shown_as_it_was_set(api: Api) -> None:
    made = set_price(
        api,
        quantities={"input_tokens": "3", "searches": "0.01"},
        tiers=[
            {
                "above_input_tokens": 200_000,
                "output_per_million": "20",
                "quantities": {"cache_write_1h_tokens": 9},
            }
        ],
    )

    shown = api.get(f"pricing/{made['id']}").body

    assert shown["input_per_million"] == "3.0000000000"
    assert shown["cached_input_per_million"] is None
    assert shown["quantities"] == {"searches": "0.0100000000"}
    assert shown["tiers"][0]["output_per_million"] == "20.0000000000"
    assert shown["tiers"][0]["quantities"] == {"cache_write_1h_tokens": "9.0000000000"}
    sent_back = api.patch(f"pricing/{made['id']}", {**shown, "note": "same"})
    assert sent_back.status == 200
    assert {**sent_back.body, "note": ""} == shown


def test_resolving_shows_all_kinds(api: Api) -> None:
    set_price(api, quantities={"hats": "2"}, model="claude-opus-4-8")

    found = api.get(
        f"pricing/resolve?provider=anthropic&model=claude-opus-4-8&at={AT}"
    ).body
    plain = api.get("pricing/resolve?provider=openai&model=gpt-4").body

    assert found["cache_write_per_million"] == "6.2500000000"
    assert found["quantities"] == {
        "cache_write_1h_tokens": "10.0000000000",
        "cache_write_5m_tokens": "6.2500000000",
        "hats": "2.0000000000",
        "searches": "0.0100000000",
    }
    assert found["assumed_kinds"] == []
    assert plain["cache_write_per_million"] is None
    assert plain["cached_input_per_million"] == "30.0000000000"
    assert plain["assumed_kinds"] == ["cached_tokens"]


def test_the_answer_tells_which_unpriced_kinds_it_would_price(
    acme: Organization, api: Api
) -> None:
    for number, kinds in enumerate([{"hats": 1}, {"hats": 1, "caps": 1}, {"caps": 2}]):
        cost(api, id=f"u{number}", quantities=kinds)

    hats = set_price(api, quantities={"hats": "2"})

    assert hats["unpriced_requests"] == 1
    done = api.post("repricings", {"reason": "hats"}).body
    assert (done["newly_priced"], done["still_unpriced"]) == (1, 2)


@pytest.mark.parametrize(
    "values",
    [
        {"percent_of_list": 90, "per_request": 1},
        {"percent_of_list": -1},
        {"percent_of_list": 90, "currency": "EUR"},
        {"cached_input_per_million": -1},
    ],
)
def test_the_database_refuses_what_the_service_would(
    acme: Organization, values: dict[str, Any]
) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Price.objects.create(**SONNET, effective_from=AT, **values)
