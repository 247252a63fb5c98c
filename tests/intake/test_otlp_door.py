"""POST /otlp/v1/traces: what is read, what is answered, what never sinks the rest."""

import gzip
import json
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from accounts.models import Organization
from accounts.scopes import Scope
from budgets.models import BudgetPeriod
from budgets.services import BudgetPlan, create_budget
from costops.openapi import complete
from intake.otlp import receipts
from ledger.models import CostRecord
from tests.factories import NOON, make_key, make_organization
from tests.intake.otlp_exports import (
    CHAT,
    JSON,
    PROTOBUF,
    Exporter,
    make_export,
    make_span,
    to_json,
    usage_id,
)

pytestmark = pytest.mark.django_db

both = pytest.mark.parametrize("content_type", [PROTOBUF, JSON])


@pytest.fixture
def exporter(acme: Organization) -> Exporter:
    return Exporter(make_key(organization=acme))


@both
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_spans_are_booked_priced_and_charged(
    exporter: Exporter, acme: Organization, content_type: str, packed: bool
) -> None:
    plan = BudgetPlan(name="All", amount=Decimal(1), starts_at=NOON)
    create_budget(acme, plan, now=NOON)

    sent = exporter.send(make_span(), content_type=content_type, packed=packed)

    assert (sent.status, sent.rejected, sent.message) == (200, 0, "")
    record = CostRecord.objects.get()
    assert (record.usage_id, record.total_cost) == (usage_id(), Decimal("0.0125"))
    assert BudgetPeriod.objects.get().spent == Decimal("0.0125")


@both
def test_of_a_full_success_the_answer_is_empty(
    exporter: Exporter, content_type: str
) -> None:
    sent = exporter.send(make_span(), content_type=content_type)

    assert sent.response.content == (b"" if content_type == PROTOBUF else b"{}")


@both
def test_a_repeat_adds_nothing(exporter: Exporter, content_type: str) -> None:
    exporter.send(make_span(), content_type=PROTOBUF)

    sent = exporter.send(make_span(), content_type=content_type)

    assert (sent.rejected, CostRecord.objects.count()) == (0, 1)


@both
def test_broken_spans_are_counted_and_told_of_and_the_others_booked(
    exporter: Exporter, content_type: str
) -> None:
    spans = [
        make_span(1),
        make_span(2, {**CHAT, "gen_ai.usage.input_tokens": -5}),
        make_span(3, {**CHAT, "gen_ai.request.model": ""}),
        make_span(4, {"http.request.method": "GET"}),
        make_span(5, CHAT, startTimeUnixNano="1"),
        make_span(6, {"gen_ai.operation.name": "chat"}),
        make_span(7, trace=2),
    ]

    sent = exporter.send(*spans, content_type=content_type)

    assert (sent.status, sent.rejected) == (200, 3)
    assert sent.counts == "booked=2, repeats=0, ignored=2, rejected=3"
    assert f"Span {usage_id(2)}: gen_ai.usage.input_tokens must be" in sent.message
    assert f"Span {usage_id(3)}: no model" in sent.message
    assert f"Span {usage_id(5)}: timestamp: Must lie between" in sent.message
    assert CostRecord.objects.count() == 2


def test_many_problems_are_told_of_in_few_words(exporter: Exporter) -> None:
    broken = {**CHAT, "gen_ai.usage.input_tokens": -5}

    sent = exporter.send(*(make_span(number, broken) for number in range(1, 100)))

    assert sent.rejected == 99
    assert sent.message.endswith("And 94 more.")
    assert len(sent.message) < 2_000


def test_rejections_are_logged_for_exporters_do_not_tell(
    exporter: Exporter, caplog: pytest.LogCaptureFixture
) -> None:
    exporter.send(make_span(1, {**CHAT, "gen_ai.request.model": ""}))

    assert "no model" in caplog.text


def test_json_ids_are_hex_in_any_case(exporter: Exporter) -> None:
    sent = exporter.send(
        make_span(
            traceId="5B8EFFF798038103D269B633813FC60C", spanId="eee19b7ec3c1b174"
        ),
        content_type=JSON,
    )

    assert sent.rejected == 0
    expected = "5b8efff798038103d269b633813fc60c-eee19b7ec3c1b174"
    assert CostRecord.objects.get().usage_id == expected


def test_json_may_have_numbers_as_numbers_and_fields_unknown(
    exporter: Exporter,
) -> None:
    span = make_span(
        kind="SPAN_KIND_CLIENT", unknown={"a": [1]}, droppedLinksCount=None
    )
    span["startTimeUnixNano"] = int(span["startTimeUnixNano"])
    span["attributes"][3]["value"] = {"intValue": 1000}
    span["attributes"].append({"key": "raw", "value": {"bytesValue": "AAE="}})
    span["attributes"].append({"key": "none"})

    sent = exporter.send(span, content_type=JSON)

    assert (sent.rejected, CostRecord.objects.get().input_tokens) == (0, 1000)


EMPTY = [
    b"{}",
    b'{"resourceSpans": null}',
    b'{"resourceSpans": [{"scopeSpans": [{}]}]}',
]


@both
def test_attributes_of_bytes_are_passed_over(
    exporter: Exporter, content_type: str
) -> None:
    span = make_span()
    span["attributes"].append({"key": "raw", "value": {"bytesValue": "AAE="}})

    assert exporter.send(span, content_type=content_type).rejected == 0


@pytest.mark.parametrize("body", EMPTY)
def test_an_empty_export_is_fine(exporter: Exporter, body: bytes) -> None:
    assert exporter.post(body, JSON).status == 200
    assert exporter.post(b"", PROTOBUF).status == 200


@both
@pytest.mark.parametrize("cut", [3, 40, -1])
def test_gzip_that_is_cut_off_is_refused(
    exporter: Exporter, content_type: str, cut: int
) -> None:
    packed = gzip.compress(to_json(make_export(make_span())))[:cut]

    sent = exporter.post(packed, content_type, content_encoding="gzip")

    assert sent.status == 400


@both
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content_encoding": "gzip"}, 400),  # it is not
        ({"content_encoding": "zstd"}, 415),
        ({"authorization": ""}, 401),
        ({"authorization": "Bearer cok_unknown"}, 401),
    ],
    ids=str,
)
def test_refusals_are_in_the_language_of_the_request(
    exporter: Exporter, content_type: str, headers: dict[str, str], status: int
) -> None:
    sent = exporter.post(b"x", content_type, **headers)

    assert sent.status == status
    if content_type == PROTOBUF:
        assert sent.response["Content-Type"] == PROTOBUF
        assert Status.FromString(sent.response.content).message
    else:
        assert json.loads(sent.response.content)["status"] == status
    assert ("WWW-Authenticate" in sent.response) == (status == 401)


@both
def test_a_body_too_large_is_refused_packed_or_not(
    exporter: Exporter, content_type: str
) -> None:
    large = bytes(64 * 2**20 + 1)

    plain = exporter.post(large, content_type)
    packed = exporter.post(
        gzip.compress(large, 1), content_type, content_encoding="gzip"
    )

    assert (plain.status, packed.status) == (413, 413)


@both
def test_what_the_settings_find_too_large_is_refused_alike(
    exporter: Exporter, content_type: str, settings: Any
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10  # bytes

    sent = exporter.send(make_span(), content_type=content_type)

    assert (sent.status, b"larger than" in sent.response.content) == (413, True)


@pytest.mark.parametrize("content_type", ["text/plain", "application/grpc", ""])
def test_other_types_are_refused(exporter: Exporter, content_type: str) -> None:
    sent = exporter.post(b"{}", content_type)

    assert (
        sent.status,
        "application/x-protobuf" in sent.response.content.decode(),
    ) == (
        415,
        True,
    )


def test_a_type_may_have_parameters(exporter: Exporter) -> None:
    assert exporter.post(b"{}", "application/json; charset=utf-8").status == 200


def test_a_key_needs_the_scope(acme: Organization) -> None:
    reader = Exporter(make_key(Scope.COSTS_READ, organization=acme))

    sent = reader.send(make_span())

    assert (sent.status, CostRecord.objects.count()) == (403, 0)


def test_get_is_not_an_export(exporter: Exporter) -> None:
    assert exporter._client.get("/otlp/v1/traces").status_code == 405


def test_another_organization_s_spans_are_rejected(exporter: Exporter) -> None:
    make_organization("theirs")
    spans = [
        make_span(1, {**CHAT, "costops.organization_id": "acme"}),
        make_span(2, {**CHAT, "costops.organization_id": "theirs"}, trace=2),
    ]

    sent = exporter.send(*spans)

    assert (sent.rejected, CostRecord.objects.get().usage_id) == (1, usage_id(1))
    assert "belongs to another organization" in sent.message


def test_a_platform_key_must_be_told_the_organization(acme: Organization) -> None:
    platform = Exporter(make_key())
    named = {**CHAT, "costops.organization_id": "acme"}

    sent = platform.send(make_span(1, named), make_span(2, trace=2))

    assert sent.counts == "booked=1, repeats=0, ignored=0, rejected=1"
    assert "must name the organization" in sent.message


@both
def test_when_the_database_is_away_the_exporter_is_to_try_again(
    exporter: Exporter, content_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(receipts, "receive", away)

    sent = exporter.send(make_span(), content_type=content_type)

    assert (sent.status, sent.response["Retry-After"]) == (503, "5")
    assert b"send it again" in sent.response.content


def test_more_than_one_transaction_holds_are_booked_in_several(
    exporter: Exporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipts, "MOST_AT_ONCE", 10)

    sent = exporter.send(*(make_span(number, trace=number) for number in range(1, 36)))

    assert sent.counts.startswith("booked=35")
    assert CostRecord.objects.count() == 35


def test_attributes_of_the_resource_are_dimensions(exporter: Exporter) -> None:
    resource = {
        "service.name": "shop",
        "deployment.environment.name": "production",
        "costops.team_id": "search",
    }

    exporter.send(make_span(), resource=resource)

    attribution = CostRecord.objects.get().attribution
    assert (attribution.project, attribution.environment, attribution.team) == (
        "shop",
        "production",
        "search",
    )


def test_the_schema_has_the_door_without_what_otlp_does_not_know() -> None:
    result: dict[str, Any] = {"paths": {}}

    door = complete(result, None, None)["paths"]["/otlp/v1/traces"]["post"]

    assert set(door["requestBody"]["content"]) == {PROTOBUF, JSON}
    assert "parameters" not in door
