"""What is metered beside plain tokens: taken, priced or told, by POST /usage."""

from typing import Any

import pytest

from accounts.models import Organization
from ledger.models import CostRecord
from ledger.verification import differences
from tests.factories import Answer, Api, usage_record

pytestmark = pytest.mark.django_db

OPUS = {
    "provider": "anthropic",
    "model": "claude-opus-4-8",
    "timestamp": "2026-08-15T12:00:00Z",
    "input_tokens": 100_100,
    "output_tokens": 100,
}
HOUR = {"quantities": {"cache_write_1h_tokens": 100_000}}


def sent(api: Api, **fields: Any) -> Answer:
    return api.post("usage", usage_record(**fields))


def listed(api: Api) -> dict[str, Any]:
    (record,) = api.get("costs").body
    return dict(record)


@pytest.mark.parametrize(
    "fields",
    [
        HOUR,
        {**HOUR, "cache_write_tokens": 100_000},
        {"cache_write_1h_tokens": 100_000},
        {"quantities": {"cache_write_1h_tokens": 1e5, "cache_write_tokens": "100000"}},
        {"quantities": {"CACHE_WRITE_1H_TOKENS": 100_000, "searches": 0, "hats": 0}},
    ],
    ids=["quantity", "and its whole", "field", "both quantities", "in capitals"],
)
def test_what_is_cached_for_an_hour_has_a_price_of_its_own(
    api: Api, fields: dict[str, Any]
) -> None:
    answer = sent(api, **OPUS, **fields)

    assert (answer.status, answer.body["cost"]) == (201, "1.0030000000")
    record = listed(api)
    assert record["cache_write_tokens"] == 100_000
    assert record["quantities"] == {"cache_write_1h_tokens": 100_000}


@pytest.mark.parametrize(
    ("fields", "cost"),
    [
        ({"cache_write_tokens": 100_000}, "0.6280000000"),
        ({"quantities": {"cache_write_5m_tokens": 100_000}}, "0.6280000000"),
        (
            {
                "cache_write_tokens": 100_000,
                "quantities": {"cache_write_1h_tokens": 40_000},
            },
            "0.7780000000",
        ),
        ({"input_tokens": 100, "quantities": {"searches": 5}}, "0.0530000000"),
        ({"input_tokens": 100, "requests": 3}, "0.0030000000"),
        (
            {
                "provider": "groq",
                "model": "whisper-large-v3",
                "input_tokens": 0,
                "output_tokens": 0,
                "quantities": {"minutes": 1.5},
            },
            "0.0027750000",
        ),
        (
            {
                "provider": "openai",
                "model": "gpt-realtime",
                "input_tokens": 1_000,
                "cached_tokens": 300,
                "output_tokens": 90,
                "quantities": {
                    "audio_input_tokens": 600,
                    "audio_cached_tokens": 200,
                    "audio_output_tokens": 50,
                },
            },
            # 300 x 4, 100 x 0.4, 400 x 32, 200 x 0.4; 40 x 16, 50 x 64.
            "0.0179600000",
        ),
    ],
    ids=["5 minutes", "said so", "both", "searches", "requests", "minutes", "audio"],
)
def test_each_kind_is_priced_at_its_own_price(
    api: Api, fields: dict[str, Any], cost: str
) -> None:
    assert sent(api, **{**OPUS, **fields}).body["cost"] == cost


def test_what_is_no_token_is_costed_apart(acme: Organization, api: Api) -> None:
    sent(api, **{**OPUS, "input_tokens": 100}, quantities={"searches": 5})

    record = listed(api)

    assert record["input_cost"] == "0.0005000000"
    assert record["output_cost"] == "0.0025000000"
    assert record["other_cost"] == "0.0500000000"
    assert record["total_cost"] == record["computed_cost"] == "0.0530000000"
    assert list(differences(acme)) == []


@pytest.mark.parametrize(
    ("quantities", "kinds"),
    [
        ({"cache_write_1h_tokens": 10}, ["cache_write_1h_tokens"]),
        ({"cache_write_12h_tokens": 10}, ["cache_write_12h_tokens"]),
        ({"audio_input_tokens": 10}, ["audio_input_tokens"]),
        ({"image_output_tokens": 10}, ["image_output_tokens"]),
        ({"hats": 1, "images": 2.5}, ["hats", "images"]),
    ],
    ids=lambda value: ",".join(value),
)
def test_a_kind_without_a_price_leaves_the_record_unpriced(
    acme: Organization, api: Api, quantities: dict[str, Any], kinds: list[str]
) -> None:
    answer = sent(api, quantities=quantities)

    assert (answer.status, answer.body["cost"]) == (201, None)
    assert answer.body["unpriced_kinds"] == kinds
    record = CostRecord.objects.get()
    assert (record.priced, record.unpriced_kinds, record.unpriced) == (False, kinds, 1)
    assert record.input_cost is record.other_cost is record.total_cost is None
    assert api.get("analytics/summary").body["unpriced_requests"] == 1
    assert list(differences(acme)) == []


def test_a_cached_price_that_is_missing_is_that_of_input_and_marked(api: Api) -> None:
    answer = sent(api, model="gpt-4", cached_tokens=400)

    assert answer.body["cost"] == "0.0900000000"
    assert answer.body["assumed_kinds"] == ["cached_tokens"]
    assert listed(api)["assumed_kinds"] == ["cached_tokens"]


def test_a_day_in_one_record_is_priced_by_its_mean_and_marked(api: Api) -> None:
    day = {
        "provider": "anthropic",
        "model": "claude-sonnet-4-5",
        "timestamp": "2025-11-15T00:00:00Z",
        "input_tokens": 4_000_000,
        "cached_tokens": 3_500_000,
        "output_tokens": 60_000,
    }

    many = sent(api, **day, id="day", quantities={"requests": 800})
    noted = sent(api, **day, id="noted", metadata={"requests": 800})
    one = sent(api, **day, id="one", metadata={"requests": "many"})

    assert many.body["cost"] == noted.body["cost"] == "3.4500000000"
    assert many.body["assumed_kinds"] == noted.body["assumed_kinds"] == ["requests"]
    assert one.body["cost"] == "6.4500000000"
    assert api.get("analytics/summary").body["total_requests"] == 1601


@pytest.mark.parametrize(
    ("fields", "attr", "code"),
    [
        ({"audio_input_tokens": 1_001}, "audio_input_tokens", "does_not_add_up"),
        ({"audio_output_tokens": 1_001}, "audio_output_tokens", "does_not_add_up"),
        (
            {"cache_write_tokens": 5, "cache_write_1h_tokens": 6},
            "cache_write_1h_tokens",
            "does_not_add_up",
        ),
        ({"audio_cached_tokens": 1}, "audio_cached_tokens", "does_not_add_up"),
        (
            {"audio_input_tokens": 9, "audio_cached_tokens": 5},
            "audio_cached_tokens",
            "does_not_add_up",
        ),
        ({"searches": -1}, "searches", "out_of_range"),
        ({"searches": "NaN"}, "searches", "out_of_range"),
        ({"searches": 1e300}, "searches", "out_of_range"),
        ({"image_input_tokens": 1.5}, "image_input_tokens", "out_of_range"),
        ({"requests": 0}, "requests", "out_of_range"),
        ({"requests": 1.5}, "requests", "out_of_range"),
        ({"minutes": 1, "seconds": 61}, "minutes", "invalid"),
        ({"output_tokens": 7}, "output_tokens", "invalid"),
        ({"two words": 1}, "", "invalid"),
        ({"searches": True}, "", "invalid"),
    ],
)
def test_what_can_not_be_is_refused_by_name(
    api: Api, fields: dict[str, Any], attr: str, code: str
) -> None:
    answer = sent(api, quantities=fields)

    error = answer.body["errors"][0]
    assert answer.status == 400
    assert error["code"] == code
    assert error["attr"].removeprefix("quantities").strip(".[]") in {attr, "..."}
    assert not CostRecord.objects.exists()


def test_more_parts_than_input_are_refused_with_the_remedy(api: Api) -> None:
    answer = sent(api, cached_tokens=700, quantities={"audio_input_tokens": 400})

    (error,) = answer.body["errors"]
    assert error["attr"] == "quantities.audio_input_tokens"
    assert "audio_cached_tokens" in error["detail"]


def test_fields_that_mean_nothing_are_told(api: Api) -> None:
    one = sent(api, colour="blue", shape=[1])
    many = api.post(
        "usage/batch", [usage_record(id="u2"), usage_record(id="u3", colour="red")]
    )

    assert (one.status, one.body["ignored"]) == (201, ["colour", "shape"])
    assert many.body["ignored"] == [{"index": 1, "id": "u3", "fields": ["colour"]}]
    assert many.body["accepted"] == 2


def test_unknown_counts_of_tokens_are_refused(api: Api) -> None:
    answer = sent(api, cached_write_tokens=500)

    (error,) = answer.body["errors"]
    assert (answer.status, error["attr"]) == (400, "cached_write_tokens")
    assert "quantities" in error["detail"]


def test_a_batch_tells_what_has_no_price(api: Api) -> None:
    batch = [
        usage_record(id="plain"),
        usage_record(id="audio", quantities={"audio_input_tokens": 5}),
        usage_record(id="bad", quantities={"searches": -5}),
        usage_record(id="search", quantities={"searches": 2}),
    ]

    answer = api.post("usage/batch", batch)

    assert (answer.body["accepted"], len(answer.body["rejected"])) == (3, 1)
    assert answer.body["unpriced"] == [
        {"index": 1, "id": "audio", "unpriced_kinds": ["audio_input_tokens"]}
    ]


def test_a_repeat_with_other_quantities_is_a_conflict(api: Api) -> None:
    first = {"quantities": {"searches": 2, "seconds": 1.5}}
    sent(api, **first)

    same = sent(api, quantities={"seconds": 1.5, "searches": 2, "hats": 0})
    other = sent(api, quantities={"searches": 3, "seconds": 1.5})

    assert (same.status, same.body["conflict"]) == (200, False)
    assert (other.status, other.body["conflict"]) == (200, True)


def test_a_quantity_alone_is_enough(api: Api) -> None:
    record = usage_record(quantities={"images": 2})
    del record["input_tokens"], record["output_tokens"]

    assert api.post("usage", record).status == 201
    assert CostRecord.objects.get().quantities == {"images": 2}


def test_a_reported_cost_stands_whatever_has_no_price(api: Api) -> None:
    answer = sent(api, cost="0.5", quantities={"images": 2})

    assert (answer.body["cost"], answer.body["priced"]) == ("0.5000000000", True)
    assert listed(api)["computed_cost"] is None


@pytest.mark.parametrize(
    "name", ["Prompt_Tokens", "promptTokens", "cached_token", "inputTokenCount"]
)
def test_a_count_under_an_unknown_name_is_refused_by_it(api: Api, name: str) -> None:
    answer = sent(api, **{name: 300})

    assert (answer.status, answer.body["errors"][0]["attr"]) == (400, name)
    assert sent(api, token="secret").body["ignored"] == ["token"]
