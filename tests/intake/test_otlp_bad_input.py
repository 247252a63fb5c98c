"""What damaged, hostile or merely odd exports do: 400, or one span rejected."""

import json
import random
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from accounts.models import Organization
from ledger.models import CostRecord
from tests.factories import make_key
from tests.intake.otlp_exports import (
    CHAT,
    JSON,
    PROTOBUF,
    Exporter,
    make_export,
    make_span,
    to_json,
    to_protobuf,
    usage_id,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def exporter(acme: Organization) -> Exporter:
    return Exporter(make_key(organization=acme))


def valued(value: Any) -> dict[str, Any]:
    span = make_span(2)
    span["attributes"][3]["value"] = value
    return span


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {"stringValue": "x"}
    for _ in range(depth):
        value = {"arrayValue": {"values": [value]}}
    return value


# JSON that is well-formed, but not as OTLP has it: one span is bad, the others are not.
BAD_SPANS: dict[str, Any] = {
    "more than 64 bits": valued({"intValue": str(2**63)}),
    "far more than 64 bits": valued({"intValue": "9" * 5000}),
    "a number with many digits": valued({"intValue": 10**30}),
    "a number in words": valued({"intValue": "ten"}),
    "an underscore": valued({"intValue": "1_0"}),
    "a fraction": valued({"intValue": 1.5}),
    "NaN tokens": valued({"doubleValue": "NaN"}),
    "infinite tokens": valued({"doubleValue": "-Infinity"}),
    "a double in words": valued({"doubleValue": "much"}),
    "a number as a text": valued({"stringValue": 7}),
    "a list of texts": valued({"arrayValue": {"values": ["a"]}}),
    "no list": valued({"arrayValue": []}),
    "a list of lists": valued(nested(100)),
    "not an object": [],
    "a text": "span",
    "null": None,
    "ids that are numbers": make_span(2, traceId=7),
    "attributes that are none": {
        **make_span(2),
        "attributes": {"gen_ai.system": "openai"},
    },
    "a key that is none": {**make_span(2), "attributes": [{"key": 1, "value": {}}]},
    "a time in words": make_span(2, startTimeUnixNano="2025-01-15T12:00:00Z"),
    "a time before time": make_span(2, startTimeUnixNano="-1"),
    "a time of 65 bits": make_span(2, endTimeUnixNano=str(2**64)),
    "a NUL": make_span(2, {**CHAT, "user.id": "a\x00b"}),
    "a name with a NUL": make_span(2, name="\x00"),
}


@pytest.mark.parametrize("bad", BAD_SPANS.values(), ids=list(BAD_SPANS))
def test_a_bad_json_span_does_not_sink_its_neighbours(
    exporter: Exporter, bad: Any
) -> None:
    sent = exporter.send(make_span(1), bad, make_span(3, trace=3), content_type=JSON)

    assert (sent.status, sent.rejected) == (200, 1), sent.message
    assert sent.message.startswith("Span ")
    assert CostRecord.objects.count() == 2


def deep_json(depth: int) -> bytes:
    start, end = b'{"arrayValue": {"values": [', b"]}}"
    whole = to_json(make_export(make_span(), valued({"boolValue": True})))
    return whole.replace(b'{"boolValue": true}', start * depth + end * depth)


@pytest.mark.parametrize("depth", [10, 100, 200, 300, 400, 500, 700, 1_000, 5_000])
def test_no_depth_is_a_crash(exporter: Exporter, depth: int) -> None:
    sent = exporter.post(deep_json(depth), JSON)

    assert (sent.status, sent.rejected) in {(200, 1), (400, 0)}


def test_half_an_emoji_does_not_sink_an_export(exporter: Exporter) -> None:
    texts = ["cut \ud83d", "\ude00", "whole \ud83d\ude00", "\\ud83d", "\\\ud83d"]
    spans = [
        make_span(number, {**CHAT, "user.id": text}, trace=number)
        for number, text in enumerate(texts, 1)
    ]

    sent = exporter.send(*spans, content_type=JSON)

    assert (sent.status, sent.rejected) == (200, 0)
    users = {row.attribution.user for row in CostRecord.objects.all()}
    assert users == {
        "cut \ufffd",
        "\ufffd",
        "whole \N{GRINNING FACE}",
        "\\ud83d",
        "\\\ufffd",
    }


ODD_VALUES = [
    *(
        {"stringValue": text}
        for text in ("²", "\0", "\ud800", "1E+1000000", "x" * 20_000)
    ),
    *({"stringValue": text} for text in ("1E-1000030", "9" * 400, "", "NaN")),
    {"intValue": "-1"},
    {"doubleValue": 1.5},
    {"doubleValue": "Infinity"},
    {"boolValue": True},
    {},
]
ODD_NAMES = [
    *("costops.tags", "costops.cost", "user.id", "gen_ai.system", "costops.user_id"),
    *(
        "gen_ai.request.model",
        "gen_ai.usage.input_tokens",
        "costops.quantities.seconds",
    ),
    *(
        "costops.quantities.\0",
        "costops.quantities.\ud800",
        "costops.\0",
        "\0",
        "\ud800",
    ),
    *(
        "service.name",
        "costops.organization_id",
        "costops.authorization_id",
        "k" * 5_000,
    ),
]


def test_odd_attributes_and_names_do_not_sink_their_neighbours(
    exporter: Exporter,
) -> None:
    spans = [make_span(1)]
    for name in ODD_NAMES:
        for value in ODD_VALUES:
            odd: Any = {"unheard\0of": 1, "\ud800": 1}
            span = make_span(2, trace=len(spans) + 1, **odd)
            others = [each for each in span["attributes"] if each["key"] != name]
            span["attributes"] = [*others, {"key": name, "value": value}]
            spans.append(span)

    sent = exporter.send(*spans, make_span(3), content_type=JSON)

    assert sent.status == 200
    ends = [usage_id(1), usage_id(3)]
    assert CostRecord.objects.filter(usage_id__in=ends).count() == 2
    assert 0 < sent.rejected < len(spans)
    assert CostRecord.objects.count() == len(spans) + 1 - sent.rejected


BAD_JSON: dict[str, bytes] = {
    "nothing": b"",
    "cut off": to_json(make_export(make_span()))[:-9],
    "a list": b"[]",
    "null": b"null",
    "NaN": to_json(make_export(make_span())).replace(b'"1000"', b"NaN"),
    "not UTF-8": b'{"resourceSpans": "\xff\xfe"}',
    "spans that are none": b'{"resourceSpans": 7}',
    "a resource that is none": b'{"resourceSpans": [{"resource": []}]}',
    "deep": b'{"resourceSpans": ' + b"[" * 100_000,
    "deep in a span": deep_json(100_000),
    "protobuf": to_protobuf(make_export(make_span())),
}


@pytest.mark.parametrize("body", BAD_JSON.values(), ids=list(BAD_JSON))
def test_json_that_is_no_export_is_refused(exporter: Exporter, body: bytes) -> None:
    sent = exporter.post(body, JSON)

    assert sent.status == 400
    assert sent.response["Content-Type"] == "application/problem+json"
    assert json.loads(sent.response.content)["code"] == "invalid"


def field(number: int, payload: bytes) -> bytes:
    """Return a protobuf field of bytes, or of a message."""
    length, size = len(payload), bytearray()
    while length > 127:
        size.append(length & 127 | 128)
        length >>= 7
    return bytes([number << 3 | 2, *size, length]) + payload


def deep_protobuf(depth: int) -> bytes:
    value = field(1, b"x")
    for _ in range(depth):
        value = field(5, field(1, value))  # an array of one value
    attribute = field(9, field(1, b"gen_ai.system") + field(2, value))
    return field(1, field(2, field(2, attribute)))


BAD_PROTOBUF: dict[str, bytes] = {
    "cut off": to_protobuf(make_export(make_span()))[:-9],
    "JSON": to_json(make_export(make_span())),
    "noise": b"\xff" * 100,
    "not UTF-8": to_protobuf(make_export(make_span())).replace(b"gpt-4o", b"\xff" * 6),
    "deep": deep_protobuf(5_000),
}


@pytest.mark.parametrize("body", BAD_PROTOBUF.values(), ids=list(BAD_PROTOBUF))
def test_protobuf_that_is_no_export_is_refused_with_a_status(
    exporter: Exporter, body: bytes
) -> None:
    sent = exporter.post(body)

    assert sent.status == 400
    assert sent.response["Content-Type"] == PROTOBUF
    message = Status.FromString(sent.response.content).message
    assert message == "The body is not a protobuf ExportTraceServiceRequest."


def test_protobuf_may_have_short_ids_and_unknown_fields(exporter: Exporter) -> None:
    body = to_protobuf(make_export(make_span(1), make_span(2, traceId="ab")))

    sent = exporter.post(body + field(15, b"of a later version"))

    assert (sent.status, sent.rejected) == (200, 1)
    assert "the trace id must be 16 bytes" in sent.message


@pytest.mark.parametrize("seed", range(5))
def test_bytes_turned_over_are_never_a_crash(exporter: Exporter, seed: int) -> None:
    chance = random.Random(seed)
    bodies = [
        (to_protobuf(make_export(make_span(parent=4))), PROTOBUF),
        (to_json(make_export(make_span(parent=4))), JSON),
    ]
    for body, content_type in bodies * 20:
        damaged = bytearray(body)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)

        assert exporter.post(bytes(damaged), content_type).status in {200, 400}
