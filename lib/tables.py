"""Tables for spreadsheets: CSV that can neither run as a formula nor lose a digit."""

import csv
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from io import StringIO
from typing import Any

import msgspec
from rest_framework.renderers import BaseRenderer

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
# What a spreadsheet takes for the beginning of a formula, full-width forms included,
# also behind white space that some of them strip.
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n\x00]")


def is_formula(text: str) -> bool:
    """Tell whether a spreadsheet would take *text* for a formula."""
    return _FORMULA.match(text) is not None


def guarded(text: str) -> str:
    """Return *text* so that no spreadsheet takes it for a formula."""
    return f"'{text}" if is_formula(text) else text


def cell(value: object) -> str:
    """Return one cell: numbers and amounts as they are, other text guarded."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, dict | list):
        return guarded(msgspec.json.encode(value).decode())
    text = str(value)
    return text if _NUMBER.fullmatch(text) else guarded(text)


def csv_lines(rows: Iterable[Iterable[str]]) -> str:
    """Return *rows* of finished cells as RFC 4180 has them."""
    text = StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


class CsvRenderer(BaseRenderer):
    """Lists of flat objects as CSV; what is nested stands as JSON in its cell."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        rows = data.get("results", [data]) if isinstance(data, dict) else data or []
        names = list(dict.fromkeys(name for row in rows for name in row))
        cells = ([cell(row.get(name)) for name in names] for row in rows)
        return csv_lines([names, *cells]).encode()
