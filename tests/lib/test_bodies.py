"""Bodies: what is packed is read whole, and no more of it than may be kept."""

import gzip
import tracemalloc
import zlib

import pytest
from django.http import HttpRequest
from django.test import RequestFactory

from lib.bodies import (
    FREE_BYTES,
    JSON_TYPES,
    MOST_MEMBERS,
    MOST_RATIO,
    body_of,
)
from lib.errors import Invalid, TooLarge


def sent(packed: bytes) -> HttpRequest:
    return RequestFactory().post(
        "/",
        packed,
        content_type="application/json",
        headers={"content-encoding": "gzip"},
    )


def stored(text: bytes) -> bytes:
    """Return gzip that is no smaller than *text*."""
    packer = zlib.compressobj(0, wbits=31)
    return packer.compress(text) + packer.flush()


def test_all_members_are_read() -> None:
    packed = gzip.compress(b"[1,") + gzip.compress(b"") + gzip.compress(b"2]")

    assert body_of(sent(packed), JSON_TYPES) == b"[1,2]"


def test_members_that_end_anywhere_are_read() -> None:
    parts = [bytes([65 + n % 26]) * (n * 997) for n in range(100)]

    body = body_of(sent(b"".join(map(stored, parts))), JSON_TYPES)

    assert body == b"".join(parts)


@pytest.mark.parametrize(
    "follows",
    [b"x", b"[1]", gzip.compress(b"x")[:-1], b"\x1f\x8b"],
    ids=["a letter", "a list", "most of a member", "the mark of one"],
)
def test_what_follows_a_member_and_is_none_is_refused(follows: bytes) -> None:
    with pytest.raises(Invalid, match="gzip"):
        body_of(sent(gzip.compress(b"[]") + follows), JSON_TYPES)


def test_more_members_than_anybody_writes_are_refused() -> None:
    with pytest.raises(TooLarge, match="members"):
        body_of(sent(gzip.compress(b"") * (MOST_MEMBERS + 1)), JSON_TYPES)


@pytest.mark.parametrize("size", [FREE_BYTES, FREE_BYTES + 1])
def test_little_may_unpack_to_a_megabyte(size: int) -> None:
    packed = gzip.compress(b" " * size)

    if size > FREE_BYTES:
        with pytest.raises(TooLarge, match=f"{MOST_RATIO} times"):
            body_of(sent(packed), JSON_TYPES)
    else:
        assert len(body_of(sent(packed), JSON_TYPES)) == size


def test_more_may_unpack_to_a_hundred_times_as_much() -> None:
    padding = stored(b" " * 50_000)
    most = MOST_RATIO * len(padding + gzip.compress(b" " * 4_900_000))
    fits = gzip.compress(b" " * (most - 50_000 - 1_000))

    body = body_of(sent(padding + fits), JSON_TYPES)

    assert len(body) > 4 * FREE_BYTES


def test_a_bomb_is_not_unpacked_beyond_what_is_taken() -> None:
    packed = gzip.compress(b"[" + b"{}," * 2_796_000 + b"{}]")  # 8 MiB in 8 kB
    request = sent(packed)
    tracemalloc.start()

    with pytest.raises(TooLarge):
        body_of(request, JSON_TYPES)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * FREE_BYTES
