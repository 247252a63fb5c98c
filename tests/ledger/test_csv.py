"""Rows as COPY takes them."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.sql.postgresql import csv_of


def read(text: bytes) -> list[list[str]]:
    """Read CSV whose escape character is a backslash, as COPY was told to."""
    lines = io.StringIO(text.decode(), newline="")
    return list(csv.reader(lines, escapechar="\\", doublequote=False))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, b"null\n"),
        ("null", b'"null"\n'),
        ("", b'""\n'),
        (12, b"12\n"),
        (True, b"true\n"),
        ('say "no"', b'"say \\"no\\""\n'),
        ("a\\b", b'"a\\\\b"\n'),
        ("\t\r\n\b\f\x01", b'"\t\r\n\b\f\x01"\n'),
        ("]\n[", b'"]\n["\n'),
        ("ü€", '"ü€"\n'.encode()),
    ],
)
def test_a_value_is_written_as_copy_reads_it(value: Any, written: bytes) -> None:
    assert csv_of([(value,)]) == written


@given(
    st.lists(
        st.tuples(st.text(st.characters(codec="utf-8", exclude_characters="\0"))),
        min_size=1,
    )
)
def test_texts_come_out_as_they_went_in(rows: list[tuple[str]]) -> None:
    assert read(csv_of(rows)) == [list(row) for row in rows]
