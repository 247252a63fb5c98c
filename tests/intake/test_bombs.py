"""Small uploads that would be large: refused by what they count, before it is read."""

import gzip
import json
import tracemalloc
from collections.abc import Callable

import msgspec
import pytest

from accounts.models import Organization
from ledger.models import CostRecord
from ledger.usage import decode_batch, decoding
from lib.pieces import MOST_PIECES, TooManyError
from tests.factories import Api, usage_record

RECORD = b'{"id":"a","timestamp":"2025-01-01T00:00:00Z"}'
SPELLED = rb'{"id":"a","t\u0069mestamp":"2025-01-01T00:00:00Z"}'
SIZE = 2**21  # bytes
MOST_HELD = 2**24  # bytes, beside what was sent


def repeated(item: bytes) -> bytes:
    return b"[" + (item + b",") * (SIZE // (len(item) + 1)) + item + b"]"


def held_by(work: Callable[[], object]) -> int:
    """Return how many bytes *work*, which refuses, held at most."""
    tracemalloc.start()
    try:
        with pytest.raises((TooManyError, msgspec.DecodeError)):
            work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list with a place for every record that is read by itself."""
    seen: list[int] = []
    whole = decoding.decode_one

    def counting(piece: bytes | msgspec.Raw) -> object:
        seen.append(1)
        return whole(piece)

    monkeypatch.setattr(decoding, "decode_one", counting)
    return seen


@pytest.mark.parametrize(
    "body",
    [
        repeated(b"1"),
        repeated(b"{}"),
        repeated(b'""'),
        repeated(b"[]"),
        repeated(RECORD),
        repeated(SPELLED),
        b"[NaN," + b"[]," * (SIZE // 3) + b"[]]",
        b"[NaN," + b"1," * (SIZE // 2) + b"1]",
        b"[NaN," + b"1," * MOST_PIECES + b"1]",
        repeated(b"NaN"),
        repeated(rb'"\ud800"'),
        b"[" * SIZE,
        b"[" * (SIZE // 2) + b"]" * (SIZE // 2),
        b'[{"id":' * (SIZE // 7),
    ],
    ids=lambda body: body[:24].decode(),
)
def test_an_array_with_too_much_is_refused_before_it_is_read(
    body: bytes, read: list[int]
) -> None:
    assert held_by(lambda: decode_batch(body, lines=False)) < MOST_HELD
    assert not read


@pytest.mark.parametrize("line", [b"1", b"{}", b"x", RECORD, SPELLED])
def test_lines_are_counted_before_they_are_read(line: bytes, read: list[int]) -> None:
    body = (line + b"\n") * (SIZE // (len(line) + 1))

    assert held_by(lambda: decode_batch(body, lines=True)) < MOST_HELD
    assert not read


def test_blank_lines_are_no_records() -> None:
    body = b"\n".join([b"", b"x", b" \r"] * MOST_PIECES)

    assert len(decode_batch(body, lines=True)[0]) == MOST_PIECES


@pytest.mark.parametrize(
    "large",
    [
        b'{"id":"large",' + b'"":1,' * (SIZE // 5) + b'"x":1}',
        RECORD[:-1] + b',"quantities":{"a":1' + b',"a":1' * (SIZE // 6) + b"}}",
        RECORD[:-1] + b',"metadata":{"a":[[]' + b",[]" * (SIZE // 3) + b"]}}",
        RECORD[:-1] + b',"cost":' + b"1" * SIZE + b"}",
        rb'{"id":"large","x":"\ud800' + b'","y":[[]' + b",[]" * (SIZE // 3) + b"]}",
    ],
    ids=["fields", "quantities", "metadata", "a number", "half a pair"],
)
def test_one_large_record_is_refused_and_its_neighbours_are_read(large: bytes) -> None:
    body = b"[" + RECORD + b"," + large + b"," + RECORD + b"]"
    tracemalloc.start()

    records, rejected = decode_batch(body, lines=False)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MOST_HELD
    assert 1 in [place for place, _, _ in rejected]
    assert len(records) == 3


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["application/json", "application/x-ndjson"])
def test_ten_thousand_and_one_are_told_so(
    api: Api, acme: Organization, kind: str
) -> None:
    records = [json.dumps(usage_record(id=str(n))) for n in range(MOST_PIECES + 1)]
    body = (
        f"[{','.join(records)}]" if kind.endswith("/json") else "\n".join(records)
    ).encode()

    answer = api.post(
        "usage/batch", gzip.compress(body), content_type=kind, content_encoding="gzip"
    )

    assert (answer.status, answer.body["code"]) == (413, "too_large")
    assert answer.body["errors"][0]["code"] == "too_many_records"
    assert not CostRecord.objects.exists()


@pytest.mark.django_db
def test_every_member_of_a_gzip_is_booked(api: Api) -> None:
    body = json.dumps([usage_record(id=str(n)) for n in range(4)]).encode()

    answer = api.post(
        "usage/batch",
        gzip.compress(body[:99]) + gzip.compress(body[99:]),
        content_encoding="gzip",
    )

    assert answer.body["accepted"] == 4
