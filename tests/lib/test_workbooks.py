from decimal import Decimal
from io import BytesIO
from typing import Any

from openpyxl import load_workbook

from lib.workbooks import workbook_pieces


def read(*rows: list[Any]) -> list[tuple[Any, ...]]:
    """Return the cells of a workbook made of *rows*: value and kind."""
    made = b"".join(workbook_pieces("Spend", ["name", "cost"], rows))
    sheet = load_workbook(BytesIO(made)).active
    assert sheet is not None
    cells = ((cell.value, cell.data_type) for row in sheet.iter_rows() for cell in row)
    return list(cells)[2:]


def test_numbers_stay_numbers() -> None:
    assert read(["ml", Decimal("12.5")], ["web", 3]) == [
        *(("ml", "s"), (12.5, "n")),
        *(("web", "s"), (3, "n")),
    ]


def test_no_text_is_a_formula() -> None:
    hostile = ['=HYPERLINK("http://x.example")', "@SUM(A1)", "+1+1", "-2+3"]

    found = read(*([text, Decimal(1)] for text in hostile))

    assert found[::2] == [(text, "s") for text in hostile]


def test_what_no_workbook_can_hold_is_left_out() -> None:
    assert read(["a\x00b\x07", Decimal(1)])[0] == ("ab", "s")
