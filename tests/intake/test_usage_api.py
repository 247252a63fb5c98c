"""POST /usage and /usage/batch: what is taken, what is turned down, and how."""

import gzip
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts import keys
from accounts.models import Organization
from accounts.scopes import Role
from budgets.services import BudgetPlan, create_budget
from ledger.models import CostRecord
from tests.factories import (
    NOON,
    Answer,
    Api,
    make_api,
    make_key,
    make_organization,
    make_person,
    usage_record,
)

pytestmark = pytest.mark.django_db


def codes_of(answer: Answer) -> list[tuple[str, str]]:
    return [(error["attr"], error["code"]) for error in answer.body["errors"]]


CALL = {"provider": "openai", "model": "gpt-4o"}


def test_a_record_is_priced_and_answered_with_its_cost(api: Api) -> None:
    answer = api.post("usage", usage_record())

    assert answer.status == 201
    assert answer.body["status"] == "success"
    assert (answer.body["cost"], answer.body["currency"]) == ("0.0125000000", "USD")
    assert answer.body["duplicate"] is False


def test_a_persons_key_reports_for_the_persons_organizations_only(
    acme: Organization,
) -> None:
    make_organization("beta")
    ann = make_person(roles={acme: Role.FINANCE_ADMIN})
    theirs = Api(make_key(user=ann))

    own = theirs.post("usage", usage_record(organization_id="acme"))
    foreign = theirs.post("usage", usage_record(id="u2", organization_id="beta"))
    unknown = theirs.post("usage", usage_record(id="u3", organization_id="new"))

    assert (own.status, foreign.status, unknown.status) == (201, 403, 403)
    assert CostRecord.objects.count() == 1


def test_a_repeat_is_answered_alike_and_adds_nothing(api: Api) -> None:
    api.post("usage", usage_record())

    answer = api.post("usage/", usage_record())

    assert (answer.status, answer.body["cost"]) == (200, "0.0125000000")
    assert (answer.body["duplicate"], answer.body["conflict"]) == (True, False)
    assert CostRecord.objects.count() == 1


def test_a_repeat_with_another_cost_is_a_conflict_and_the_first_stands(
    api: Api,
) -> None:
    api.post("usage", usage_record(cost="1"))

    answer = api.post("usage", usage_record(cost="2"))

    assert (answer.body["conflict"], answer.body["cost"]) == (True, "1.0000000000")
    assert CostRecord.objects.get().total_cost == 1


def test_an_unknown_model_is_kept_without_a_price(api: Api) -> None:
    answer = api.post("usage", usage_record(model="no-such-model"))

    assert (answer.status, answer.body["cost"]) == (201, None)
    assert CostRecord.objects.get().total_cost is None


def test_no_tokens_are_a_count_too_and_not_unpriced(api: Api) -> None:
    record = usage_record(output_tokens=0)
    del record["input_tokens"]

    assert api.post("usage", record).body["cost"] == "0.0000000000"


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL holds more")
def test_more_than_the_embedded_database_holds_is_refused_whole(
    api: Api, acme: Organization
) -> None:
    plan = BudgetPlan(name="All", amount=Decimal(1), starts_at=NOON)
    create_budget(acme, plan, now=NOON)
    for number in range(9):
        api.post("usage", usage_record(id=str(number), cost="100000000"))

    answer = api.post("usage", usage_record(id="last", cost="100000000"))

    assert (answer.status, answer.body["code"]) == (409, "amount_out_of_range")
    assert CostRecord.objects.count() == 9


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL holds more")
def test_sums_that_nothing_held_to_a_budget_are_refused_by_name_too(
    api: Api, acme: Organization
) -> None:
    much = [usage_record(id=f"{number}", cost="100000000") for number in range(10)]

    at_once = api.post("usage/batch", much)
    for record in much:  # nothing adds them up yet
        assert api.post("usage", record).status == 201
    answers = (
        api.get("analytics/summary"),
        api.post("budgets", {"name": "All", "amount": "1", "start_date": "2025-01-01"}),
        api.post("authorizations", {**CALL, "estimated_cost": "922337204"}),
        api.post("leases", {**CALL, "amount": "922337204"}),
    )

    assert (at_once.status, at_once.body["code"]) == (409, "amount_out_of_range")
    assert [each.status for each in answers] == [409, 409, 400, 400]
    assert api.get("costs").status == 200


def test_other_names_of_the_fields_mean_the_same(api: Api) -> None:
    record = usage_record(
        model_name="gpt-4o", prompt_tokens=1000, completion_tokens=1000
    )
    for name in ("model", "input_tokens", "output_tokens"):
        del record[name]

    assert api.post("usage", record).body["cost"] == "0.0125000000"


BAD_FIELDS: list[tuple[dict[str, Any], tuple[str, str]]] = [
    ({"id": None}, ("id", "invalid")),
    ({"id": ""}, ("id", "invalid")),
    ({"id": "a\x00b"}, ("id", "invalid")),
    ({"id": "x" * 256}, ("id", "invalid")),
    ({"timestamp": "yesterday"}, ("timestamp", "invalid")),
    ({"timestamp": "0001-01-01T00:00:00Z"}, ("timestamp", "out_of_range")),
    ({"timestamp": "0001-01-01T00:00:00+14:00"}, ("timestamp", "out_of_range")),
    ({"timestamp": "9999-12-31T23:59:59-14:00"}, ("timestamp", "out_of_range")),
    ({"timestamp": "2025-06-30T23:59:60Z"}, ("timestamp", "invalid")),
    ({"timestamp": "2025-02-29T00:00:00Z"}, ("timestamp", "invalid")),
    ({"provider": "", "model": "llama-3.1-8b"}, ("provider", "required")),
    ({"provider": 7}, ("provider", "invalid")),
    ({"model": None}, ("model_name", "required")),
    ({"model": "a", "model_name": "b"}, ("model_name", "invalid")),
    ({"input_tokens": -1}, ("input_tokens", "invalid")),
    ({"input_tokens": 1.5}, ("input_tokens", "invalid")),
    ({"input_tokens": 10**30}, ("input_tokens", "invalid")),
    ({"total_tokens": 1999}, ("total_tokens", "does_not_add_up")),
    ({"cached_tokens": 1001}, ("cached_tokens", "does_not_add_up")),
    ({"reasoning_tokens": 1001}, ("reasoning_tokens", "does_not_add_up")),
    ({"cost": "NaN"}, ("cost", "out_of_range")),
    ({"cost": "Infinity"}, ("cost", "out_of_range")),
    ({"cost": 1e30}, ("cost", "out_of_range")),
    ({"cost": f"0.{'0' * 60}1"}, ("cost", "too_precise")),
    ({"cost": 1, "currency": "XXL"}, ("currency", "unknown_currency")),
    ({"tags": 3}, ("tags", "invalid")),
    ({"tags": {"a": ["b"]}}, ("tags", "invalid")),
    ({"tags": ["a\x00"]}, ("tags", "invalid")),
    ({"metadata": []}, ("metadata", "invalid")),
    ({"metadata": {"a": "\x00"}}, ("metadata", "invalid")),
    ({"latency_ms": -1}, ("latency_ms", "invalid")),
]


@pytest.mark.parametrize(("fields", "expected"), BAD_FIELDS, ids=str)
def test_a_bad_field_is_named(
    api: Api, fields: dict[str, Any], expected: tuple[str, str]
) -> None:
    answer = api.post("usage", usage_record(**fields))

    assert (answer.status, codes_of(answer)) == (400, [expected])
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert not CostRecord.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe",
        b'{"id": "a\\ud800"}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_record_is_refused_not_a_crash(api: Api, body: bytes) -> None:
    answer = api.post("usage", body)

    assert answer.status == 400


def test_tags_nested_200_deep_are_refused(api: Api) -> None:
    body = json.dumps(usage_record()).replace(
        "}", ', "tags": ' + "[" * 200 + "]" * 200 + "}"
    )

    answer = api.post("usage", body.encode())

    assert codes_of(answer) == [("tags", "invalid")]


def test_times_with_offsets_are_kept_in_utc(api: Api) -> None:
    api.post("usage", usage_record(timestamp="2025-01-01T01:30:00+02:00"))

    assert CostRecord.objects.get().timestamp.isoformat() == "2024-12-31T23:30:00+00:00"


def test_negative_cost_is_a_credit(api: Api) -> None:
    answer = api.post("usage", usage_record(cost="-1.5"))

    assert answer.body["cost"] == "-1.5000000000"


def test_a_reported_cost_is_charged_and_the_computed_one_kept(api: Api) -> None:
    api.post("usage", usage_record(cost="7"))

    record = CostRecord.objects.get()
    assert record.total_cost == 7
    assert record.input_cost is not None
    assert record.output_cost is not None
    assert record.input_cost + record.output_cost == Decimal("0.0125")


def test_a_reported_cost_in_another_currency_keeps_its_rate(api: Api) -> None:
    api.post("usage", usage_record(cost="10", currency="EUR"))

    record = CostRecord.objects.get()
    assert (record.source_cost, record.source_currency) == (10, "EUR")
    assert record.exchange_rate is not None
    assert record.total_cost == (10 * record.exchange_rate).quantize(Decimal("1e-10"))


def test_one_bad_record_among_9999_does_not_sink_the_others(api: Api) -> None:
    records = [usage_record(id=f"u{number}") for number in range(9_999)]
    records.insert(5_000, usage_record(id="bad", input_tokens=-1))

    answer = api.post("usage/batch", records)

    assert (answer.status, answer.body["accepted"]) == (200, 9_999)
    (rejected,) = answer.body["rejected"]
    assert (rejected["index"], rejected["id"]) == (5_000, "bad")
    assert rejected["errors"][0]["attr"] == "input_tokens"
    assert answer.body["total_cost"] == "124.9875000000"


def test_a_record_with_nan_is_the_only_one_that_is_rejected(api: Api) -> None:
    body = json.dumps([usage_record(), usage_record(id="nan", cost=float("nan"))])

    answer = api.post("usage/batch", body.encode())

    assert answer.body["accepted"] == 1
    assert [bad["id"] for bad in answer.body["rejected"]] == ["nan"]


def test_an_atomic_batch_with_a_bad_record_takes_nothing(api: Api) -> None:
    records = [usage_record(), usage_record(id="bad", input_tokens=-1)]

    answer = api.post("usage/batch?atomic=true", records)

    assert (answer.status, answer.body["code"]) == (400, "batch_rejected")
    assert codes_of(answer) == [("[1].input_tokens", "invalid")]
    assert not CostRecord.objects.exists()


def test_repeats_within_a_batch_count_once_and_conflicts_are_told(api: Api) -> None:
    records = [
        usage_record(cost="1"),
        usage_record(cost="1"),
        usage_record(cost="2"),
    ]

    answer = api.post("usage/batch", records)

    assert (answer.body["accepted"], answer.body["duplicates"]) == (1, 2)
    assert answer.body["conflicts"] == [{"index": 2, "id": "u1"}]
    assert answer.body["total_cost"] == "1.0000000000"


def test_more_than_ten_thousand_records_are_too_many(api: Api) -> None:
    records = [usage_record(id=f"u{number}") for number in range(10_001)]

    answer = api.post("usage/batch", records)

    assert (answer.status, answer.body["code"]) == (413, "too_large")
    assert not CostRecord.objects.exists()


def test_a_body_of_200_megabytes_is_refused_unread(api: Api) -> None:
    answer = api.post("usage/batch", b" " * 200_000_000)

    assert answer.status == 413


def test_lines_of_json_are_a_batch_too(api: Api) -> None:
    lines = [json.dumps(usage_record(id=str(number))) for number in range(3)]
    body = "\n".join([*lines, "", "{broken", ""]).encode()

    answer = api.post("usage/batch", body, content_type="application/x-ndjson")

    assert answer.body["accepted"] == 3
    assert [bad["errors"][0]["code"] for bad in answer.body["rejected"]] == [
        "malformed"
    ]


def test_a_gzipped_body_is_unpacked(api: Api) -> None:
    body = gzip.compress(json.dumps([usage_record()]).encode())

    answer = api.post("usage/batch", body, content_encoding="gzip")

    assert answer.body["accepted"] == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b"not gzip", 400, id="not gzip"),
        pytest.param(gzip.compress(b"[]")[:-3], 400, id="cut off"),
        pytest.param(gzip.compress(b" " * 100_000_000), 413, id="a bomb"),
    ],
)
def test_gzip_that_is_broken_or_too_much_is_refused(
    api: Api, body: bytes, status: int
) -> None:
    answer = api.post("usage/batch", body, content_encoding="gzip")

    assert answer.status == status


def test_other_content_types_and_encodings_are_refused(api: Api) -> None:
    as_text = api.post("usage", b"{}", content_type="text/plain")
    packed = api.post("usage", b"{}", content_encoding="br")

    assert (as_text.status, packed.status) == (415, 415)


def test_another_organizations_id_is_forbidden(api: Api, acme: Organization) -> None:
    make_organization("other")
    foreign = usage_record(organization_id="other")

    alone = api.post("usage", foreign)
    batch = api.post("usage/batch", [foreign, usage_record(id="u2")])

    assert (alone.status, alone.body["code"]) == (403, "forbidden")
    assert batch.body["accepted"] == 1
    assert batch.body["rejected"][0]["errors"][0]["code"] == "forbidden"
    assert CostRecord.objects.get().organization == acme


def test_a_platform_key_makes_the_organization_it_names_first(platform: Api) -> None:
    answer = platform.post("usage", usage_record(organization_id="org-new-corp"))

    assert answer.status == 201
    assert Organization.objects.get().name == "New Corp"


def test_a_platform_key_must_name_the_organization(platform: Api) -> None:
    answer = platform.post("usage", usage_record())

    assert codes_of(answer) == [("organization_id", "required")]


def test_one_batch_may_serve_several_organizations_and_currencies(
    platform: Api,
) -> None:
    make_organization("euros", currency="EUR")
    records = [
        usage_record(organization_id="euros", cost="2"),
        usage_record(organization_id="dollars", cost="3"),
    ]

    answer = platform.post("usage/batch", records)

    assert (answer.body["total_cost"], answer.body["currency"]) == (None, None)
    assert answer.body["total_costs"] == {"EUR": "2.0000000000", "USD": "3.0000000000"}


def test_without_a_good_key_nothing_is_taken(acme: Organization) -> None:
    expired = keys.make_key(
        "old", organization=acme, expires_at=timezone.now() - timedelta(seconds=1)
    )
    revoked = keys.make_key("lost", organization=acme)
    keys.revoke(acme.api_keys.get(name="lost"))
    statuses = [
        Api(secret).post("usage", usage_record()).status
        for secret in (expired.secret, revoked.secret, "cok_made-up", "")
    ]

    assert statuses == [401, 401, 401, 401]
    assert not CostRecord.objects.exists()


def test_a_key_without_the_scope_is_refused(acme: Organization) -> None:
    answer = make_api("costs:read", organization=acme).post("usage", usage_record())

    assert answer.status == 403


def test_an_idempotency_key_answers_the_same_again(api: Api) -> None:
    first = api.post("usage", usage_record(), idempotency_key="k1")
    again = api.post("usage", usage_record(), idempotency_key="k1")
    other = api.post("usage", usage_record(id="u2"), idempotency_key="k1")

    assert (first.status, again.status) == (201, 201)
    assert again.body == first.body
    assert (other.status, other.body["code"]) == (409, "idempotency_key_reused")
