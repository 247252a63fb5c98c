"""Reading sheets: what is in them, and what no sheet should have."""

import zipfile
from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from bulk import sheets
from bulk.columns import wire_of
from bulk.forms import AmountCells, CellError, number_of
from bulk.prices import PriceSheet
from bulk.sheets import read_sheet
from bulk.types import BulkLine
from lib.errors import Invalid, Refusal, TooLarge
from tests.bulk.sheets import as_csv, as_xlsx
from tests.sizes import examples


def workbook(*rows: list[Any]) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    file = BytesIO()
    book.save(file)
    return file.getvalue()


def refusal_of(content: bytes, name: str = "plan.xlsx") -> str:
    with pytest.raises(Refusal) as refused:
        read_sheet(content, name)
    return str(refused.value)


@pytest.mark.parametrize(
    "content",
    [
        "Name;Start date\nMüller & Söhne;2027-01-01\n".encode("cp1252"),
        "name\tstart_date\r\nMüller & Söhne\t2027-01-01\r\n".encode("utf-16"),
        '\ufeffname,START-DATE\n\n"Müller & Söhne",\'2027-01-01\n'.encode(),
    ],
)
def test_what_spreadsheets_save_as_csv_is_read(content: bytes) -> None:
    (line,) = read_sheet(content, "plan.csv")

    assert line.cells["name"] == "Müller & Söhne"
    assert str(line.cells["start_date"]).endswith("2027-01-01")
    assert line.number in {2, 3}


def test_workbooks_keep_numbers_and_days_exact() -> None:
    (line,) = read_sheet(
        workbook(["name", "amount", "start_date"], ["A", 0.1, date(2027, 1, 31)]), "x"
    )

    assert number_of(line.cells["amount"], "en_US") == Decimal("0.1")
    assert str(line.cells["start_date"]).startswith("2027-01-31")


def test_formulas_are_never_evaluated() -> None:
    content = workbook(["name", "amount"], ["A", "=1+1"])

    assert refusal_of(content) == (
        "B2 holds a formula: put its value there (paste as values)."
    )


def test_a_zip_bomb_is_refused_before_it_is_unpacked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in range(3):
            archive.writestr(f"xl/worksheets/sheet{part}.xml", b"0" * (40 * 2**20))
    monkeypatch.setattr(sheets, "load_workbook", None)  # it would fail

    assert len(file.getvalue()) < 2**18
    assert "larger than 100 MB" in refusal_of(file.getvalue())


def test_a_workbook_that_lies_about_its_size_is_read_no_further() -> None:
    size, file = 150 * 2**20, BytesIO()
    with (
        zipfile.ZipFile(BytesIO(as_xlsx([{"name": "A", "amount": "1"}]))) as old,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for part in old.infolist():
            content = old.read(part)
            if part.filename.startswith("xl/worksheets/"):
                content = content.ljust(size)
            new.writestr(part.filename, content)
    said, lie = (one.to_bytes(4, "little") for one in (size, 1_000))
    lying = file.getvalue().replace(said, lie)
    assert lying != file.getvalue()

    assert "can't be read" in refusal_of(lying)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "The file is empty"),
        (b"PK\x03\x04nothing", "damaged"),
        (b"\xd0\xcf\x11\xe0old", "old workbook"),
        (b"name,name\nA,B\n", "Two columns are called name"),
        (b"name\nA,B\n", "a column that has no name"),
        (b'name\n"A\n', "can't be read"),
        (b"name\n" + b"A\n" * 5_001, "more than 5,000 lines"),
        (b"name\n" + b"A" * 20_001, "longer than 20,000"),
        (b"name\nA\x07B\n", "can't be shown"),
        (b"na\x00me\nA\n", "This is no text"),
    ],
)
def test_what_is_no_sheet_is_refused_in_words(content: bytes, told: str) -> None:
    assert told in refusal_of(content, "plan.csv")


def test_a_sheet_with_a_million_empty_rows_is_not_gone_through() -> None:
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(["name"])
    for _ in range(25):
        sheet.append([None] * 16_383 + ["x"])
    file = BytesIO()
    book.save(file)

    with pytest.raises((TooLarge, Invalid)):
        read_sheet(file.getvalue(), "plan.xlsx")


@given(
    st.decimals(0, 10**15, allow_nan=False, allow_infinity=False, places=10),
    st.sampled_from(["en_US", "de", "fr"]),
)
@settings(max_examples=examples(50, 500))
def test_an_amount_that_is_written_is_read_again(amount: Decimal, locale: str) -> None:
    form = AmountCells()

    assert Decimal(form.read(form.write(str(amount)), locale)) == amount
    assert Decimal(form.read(f"{amount:f}", "en_US")) == amount


@pytest.mark.parametrize("cell", ["1.234.5", "ten", "1e5", True, "1,23,4"])
def test_what_could_be_several_numbers_is_none(cell: Any) -> None:
    with pytest.raises(CellError):
        number_of(cell, "en_US")


def test_cells_that_say_nothing_leave_things_as_they_are() -> None:
    line = BulkLine(2, {"model": "gpt-4o", "note": "-", "effective_to": None})

    wire, faults = wire_of(line, PriceSheet.columns, "en_US")

    assert (wire, faults) == ({"model": "gpt-4o", "note": ""}, [])


def test_a_column_that_can_not_be_empty_says_so() -> None:
    _, faults = wire_of(BulkLine(2, {"model": "-"}), PriceSheet.columns, "en_US")

    assert [tuple(one) for one in faults] == [(2, "model", "This can't be empty.")]


def test_csv_and_workbook_say_the_same() -> None:
    table = [{"name": "A", "amount": "1.5"}, {"name": "B", "amount": "2"}]

    both = [read_sheet(make(table), "plan") for make in (as_csv, as_xlsx)]

    assert both[0] == both[1]
