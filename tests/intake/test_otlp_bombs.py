"""Exports with too much in them: counted before the first span is read."""

import tracemalloc
from collections.abc import Callable

import pytest

from accounts.models import Organization
from intake.otlp import wire
from intake.otlp.wire import JSON, PROTOBUF, Export, decode
from ledger.models import CostRecord
from lib.errors import TooLarge
from lib.pieces import MOST_PIECES
from tests.factories import make_key
from tests.intake.otlp_exports import (
    CHAT,
    Exporter,
    make_export,
    make_span,
    to_json,
    to_protobuf,
)

SIZE = 2**21  # bytes
MOST_HELD = 2**24  # bytes, beside what was sent


def field(number: int, body: bytes) -> bytes:
    """Return a field of protobuf that is bytes, a text or a message."""
    length, written = len(body), bytes([number << 3 | 2])
    while length > 127:
        written += bytes([length & 127 | 128])
        length >>= 7
    return written + bytes([length]) + body


def spans_of(body: bytes) -> bytes:
    return field(1, field(2, body))


def array(item: bytes, size: int = SIZE) -> bytes:
    return b"[" + (item + b",") * (size // (len(item) + 1)) + item + b"]"


def in_json(span: bytes) -> bytes:
    return b'{"resourceSpans":[{"scopeSpans":[{"spans":' + span + b"}]}]}"


def held_by(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


MANY = {
    "spans": (JSON, in_json(array(b"{}"))),
    "scopes": (JSON, b'{"resourceSpans":[{"scopeSpans":' + array(b"{}") + b"}]}"),
    "resources": (JSON, b'{"resourceSpans":' + array(b"{}") + b"}"),
    "scopes of resources": (
        JSON,
        b'{"resourceSpans":'
        + array(b'{"scopeSpans":' + array(b"{}", 2_000) + b"}")
        + b"}",
    ),
    "attributes of a resource": (
        JSON,
        b'{"resourceSpans":[{"resource":{"attributes":'
        + array(b'{"key":""}')
        + b'},"scopeSpans":[{"spans":[{}]}]}]}',
    ),
    "fields, packed": (PROTOBUF, b"\x12\x00" * (SIZE // 2)),
    "unknown fields, packed": (PROTOBUF, b"\xf8\x01\x01" * (SIZE // 3)),
    "resources, packed": (PROTOBUF, b"\x0a\x00" * (SIZE // 2)),
    "scopes, packed": (PROTOBUF, field(1, b"\x12\x00" * (SIZE // 2))),
    "spans, packed": (PROTOBUF, spans_of(b"\x12\x00" * (SIZE // 2))),
    "attributes of a resource, packed": (
        PROTOBUF,
        field(1, field(1, b"\x0a\x00" * (SIZE // 2))),
    ),
}


@pytest.mark.parametrize("name", MANY)
def test_too_many_are_refused_before_one_is_read(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content_type, body = MANY[name]
    for reader in ("_read_span", "_unpack_span"):
        monkeypatch.setattr(wire, reader, None)

    def refuse() -> None:
        with pytest.raises(TooLarge, match="10,000"):
            decode(body, content_type)

    assert held_by(refuse) < MOST_HELD


HEAVY = {
    "attributes": (JSON, in_json(b'[{},{"attributes":' + array(b'{"key":""}') + b"}]")),
    "values": (
        JSON,
        in_json(
            b'[{},{"attributes":[{"key":"gen_ai.x","value":{"arrayValue":{"values":'
            + array(b"{}")
            + b"}}}]}]"
        ),
    ),
    "attributes, packed": (
        PROTOBUF,
        spans_of(b"\x12\x00" + field(2, b"\x4a\x00" * (SIZE // 2))),
    ),
    "events, packed": (
        PROTOBUF,
        spans_of(b"\x12\x00" + field(2, b"\x5a\x00" * (SIZE // 2))),
    ),
    "links, packed": (
        PROTOBUF,
        spans_of(b"\x12\x00" + field(2, b"\x6a\x00" * (SIZE // 2))),
    ),
}


@pytest.mark.parametrize("name", HEAVY)
def test_a_span_with_too_much_is_told_and_harms_no_other(name: str) -> None:
    content_type, body = HEAVY[name]
    found: list[Export] = []

    held = held_by(lambda: found.append(decode(body, content_type)))

    assert held < MOST_HELD
    assert (len(found[0].spans), len(found[0].unreadable)) == (1, 1)
    assert found[0].unreadable[0].startswith("Span number 1: it has more attributes")


def test_what_is_not_read_of_a_large_span_is_not_unpacked() -> None:
    values = field(5, b"\x0a\x00" * (SIZE // 2))
    kept = field(9, field(1, b"gen_ai.kept") + field(2, field(1, b"yes")))
    event = field(11, field(3, field(1, b"gen_ai.event") + field(2, values)))
    large = field(9, field(1, b"gen_ai.large") + field(2, values))
    span = field(5, b"its name") + large + event + kept
    found: list[Export] = []

    held = held_by(lambda: found.append(decode(spans_of(field(2, span)), PROTOBUF)))

    (read,) = found[0].spans
    assert held < MOST_HELD
    assert (read.name, read.attributes) == ("its name", {"gen_ai.kept": "yes"})


@pytest.mark.django_db
@pytest.mark.parametrize("content_type", [JSON, PROTOBUF])
def test_a_long_prompt_is_no_bomb(acme: Organization, content_type: str) -> None:
    prompt = '{"role": "user", "content": "[]"}' * 50_000
    span = make_span(attributes={**CHAT, "gen_ai.input.messages": prompt})
    write = to_json if content_type == JSON else to_protobuf

    sent = Exporter(make_key(organization=acme)).post(
        write(make_export(span)), content_type
    )

    assert (sent.status, sent.rejected, CostRecord.objects.count()) == (200, 0, 1)


@pytest.mark.parametrize("content_type", [JSON, PROTOBUF])
def test_as_many_spans_as_records_are_read(content_type: str) -> None:
    body = (
        in_json(b"[" + b"{}," * (MOST_PIECES - 1) + b"{}]")
        if content_type == JSON
        else spans_of(b"\x12\x00" * MOST_PIECES)
    )

    assert len(decode(body, content_type).spans) == MOST_PIECES
