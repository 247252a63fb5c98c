"""Arrays of JSON in pieces: counted before they are read."""

import tracemalloc

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.pieces import MOST_PIECES, TooManyError, most_values_in, pieces_of

values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner)
    ),
)


def counted(value: object) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + sum(map(counted, value)) if isinstance(value, list) else 1


@given(st.lists(values, max_size=5), st.sampled_from([0, 20_000]))
def test_pieces_are_the_items_as_they_stand_there(
    items: list[object], pad: int
) -> None:
    written = [msgspec.json.encode(item) for item in items]

    pieces = pieces_of(b"[" + b",".join(written) + b" " * pad + b"]")

    assert [bytes(piece) for piece in pieces] == written


@given(values)
def test_no_text_has_more_values_than_it_can_have(value: object) -> None:
    assert counted(value) <= most_values_in(msgspec.json.encode(value))


@pytest.mark.parametrize("item", [b"1", b"{}", b'"a"', b"[[]]"])
def test_so_many_are_read_and_not_one_more(item: bytes) -> None:
    assert len(pieces_of(b"[" + b",".join([item] * MOST_PIECES) + b"]")) == MOST_PIECES
    with pytest.raises(TooManyError):
        pieces_of(b"[" + b",".join([item] * (MOST_PIECES + 1)) + b"]")


def test_what_is_beyond_costs_nothing_and_is_not_even_json() -> None:
    body = b"[" + b"1," * 2**20 + b"is no JSON"
    tracemalloc.start()

    with pytest.raises(TooManyError):
        pieces_of(body)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**21


@pytest.mark.parametrize("body", [b"", b"{}", b"[", b"[1,]", b"[" + b"1," * 9_999])
def test_what_is_no_array_is_none(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        pieces_of(body)
