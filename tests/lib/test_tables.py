import csv
import re
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.tables import CsvRenderer, cell, csv_lines, guarded

STARTS_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1-1", "@x", "\t=1", " =1", "\r=1", "\uff1d1", "\x00=1"],
)
def test_what_could_run_is_guarded(text: str) -> None:
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, ""),
        (True, "true"),
        (-5, "-5"),
        (Decimal("-1.2E-7"), "-0.00000012"),
        ("-12.5000000000", "-12.5000000000"),
        ("-1.2E-7", "'-1.2E-7"),
        (["a", 1], '["a",1]'),
        ({"a": "b"}, '{"a":"b"}'),
        (datetime(2025, 1, 1, tzinfo=UTC), "2025-01-01T00:00:00Z"),
        ("plain", "plain"),
    ],
)
def test_cells(value: object, written: str) -> None:
    assert cell(value) == written


@given(st.text())
def test_no_text_begins_a_formula_and_none_is_lost(text: str) -> None:
    written = guarded(text)

    assert not STARTS_FORMULA.match(written)
    assert written.removeprefix("'") == text or written == text


@given(
    st.lists(
        st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00\r\n")),
        min_size=1,
    )
)
def test_rows_come_back_as_they_were(cells: list[str]) -> None:
    (row,) = csv.reader(StringIO(csv_lines([cells]), newline=""))

    assert row == cells


def test_a_renderer_takes_lists_and_pages() -> None:
    rows = [{"a": 1, "b": "=x"}, {"a": None, "c": [1]}]
    expected = b"a,b,c\r\n1,'=x,\r\n,,[1]\r\n"

    assert CsvRenderer().render(rows) == expected
    assert CsvRenderer().render({"next": None, "results": rows}) == expected
