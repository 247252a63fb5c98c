"""What stands in the cells of a sheet: how it is read, and how it is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Protocol

from bulk.types import Cell
from lib.amounts import read_amount

EMPTY = "-"  # in a cell: have it empty; an empty cell leaves it as it is
_PLACES = Decimal(1).scaleb(-10)
_HUNDRED = Decimal(100)


class CellError(ValueError):
    """A cell can't be read; says why."""


class Form(Protocol):
    """How the cells of a column look."""

    @property
    def hint(self) -> str:
        """What may stand there, for people."""

    def read(self, cell: Cell, locale: str) -> Any:
        """Return what the API would be sent.

        Raises:
            CellError: it says what is wrong.
        """

    def write(self, value: Any) -> Cell:
        """Return the cell for a value as the API answers it."""


def text_of(cell: Cell) -> str:
    """Return a cell as text: a number as it is, a day as 2026-01-31."""
    if isinstance(cell, datetime):
        is_day = cell.time() == time()
        return cell.date().isoformat() if is_day else cell.isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, Decimal):
        return f"{cell.normalize():f}" if cell else "0"
    return "" if cell is None else str(cell)


@dataclass(frozen=True, slots=True)
class TextCells:
    """Text, as it is."""

    hint: str = ""

    def read(self, cell: Cell, locale: str) -> str:
        return text_of(cell)

    def write(self, value: Any) -> Cell:
        return None if value is None else str(value)


@dataclass(frozen=True, slots=True)
class WordCells:
    """One of some words."""

    words: Sequence[str]

    @property
    def hint(self) -> str:
        return ", ".join(self.words)

    def read(self, cell: Cell, locale: str) -> str:
        word = text_of(cell).lower()
        if word not in self.words:
            raise CellError(f"“{text_of(cell)}” is unknown; use {self.hint}.")
        return word

    def write(self, value: Any) -> Cell:
        return None if value is None else str(value)


@dataclass(frozen=True, slots=True)
class AmountCells:
    """A number with up to ten decimal places, as the reader writes it."""

    hint: str = "a number, such as 20,000.50"

    def read(self, cell: Cell, locale: str) -> str:
        return f"{number_of(cell, locale):f}"

    def write(self, value: Any) -> Cell:
        return None if value is None else Decimal(value)


def number_of(cell: Cell, locale: str) -> Decimal:
    """Return the number in *cell*, exact to ten places.

    Raises:
        CellError: there is none, or it has more places.
    """
    if isinstance(cell, bool) or not isinstance(cell, int | Decimal | str):
        raise CellError("Write a number.")
    try:
        found = read_amount(cell, locale) if isinstance(cell, str) else Decimal(cell)
    except ValueError as error:
        raise CellError(f"“{cell}” is no number, or could be several.") from error
    if abs(found) >= Decimal(10) ** 20:
        raise CellError("This number is too large.")
    if isinstance(cell, Decimal):  # of a workbook: binary, good for 15 digits
        found = found.quantize(_PLACES)
    if found != found.quantize(_PLACES):
        raise CellError("At most ten decimal places.")
    return found.normalize() if found else Decimal(0)


@dataclass(frozen=True, slots=True)
class WholeCells:
    """A whole number."""

    hint: str = "a whole number"

    def read(self, cell: Cell, locale: str) -> int:
        found = number_of(cell, locale)
        if found != found.to_integral_value():
            raise CellError("Write a whole number.")
        return int(found)

    def write(self, value: Any) -> Cell:
        return None if value is None else int(value)


@dataclass(frozen=True, slots=True)
class ShareCells:
    """A share: 80 %, or 0.8."""

    hint: str = "a share: 80 %, or 0.8"

    def read(self, cell: Cell, locale: str) -> str:
        if isinstance(cell, str) and cell.rstrip().endswith("%"):
            return f"{number_of(cell.rstrip()[:-1].rstrip(), locale) / _HUNDRED:f}"
        return f"{number_of(cell, locale):f}"

    def write(self, value: Any) -> Cell:
        return (
            None
            if value is None
            else f"{Decimal(value) * _HUNDRED:.2f}".rstrip("0").rstrip(".") + " %"
        )


@dataclass(frozen=True, slots=True)
class PercentCells:
    """A percentage: 90."""

    hint: str = "a percentage: 90"

    def read(self, cell: Cell, locale: str) -> str:
        bare = (
            cell.rstrip().removesuffix("%").rstrip() if isinstance(cell, str) else cell
        )
        return f"{number_of(bare, locale):f}"

    def write(self, value: Any) -> Cell:
        return None if value is None else Decimal(value).normalize()


@dataclass(frozen=True, slots=True)
class DayCells:
    """A day, or a moment: the API reads it, in the zone it is about."""

    hint: str = "a day, such as 2027-01-01"

    def read(self, cell: Cell, locale: str) -> str:
        if not isinstance(cell, str | date):
            raise CellError("Write a day, such as 2027-01-01.")
        return text_of(cell)

    def write(self, value: Any) -> Cell:
        if isinstance(value, datetime):
            moment = value.astimezone(UTC)
            is_day = moment.time() == time()
            return moment.date() if is_day else moment.isoformat()
        return value or None


@dataclass(frozen=True, slots=True)
class TruthCells:
    """Yes or no."""

    hint: str = "yes or no"

    def read(self, cell: Cell, locale: str) -> bool:
        word = text_of(cell).lower()
        if word not in _TRUTHS:
            raise CellError("Write yes or no.")
        return _TRUTHS[word]

    def write(self, value: Any) -> Cell:
        return None if value is None else ("yes" if value else "no")


_TRUTHS = {
    **dict.fromkeys(("yes", "true", "ja", "1", "y"), True),
    **dict.fromkeys(("no", "false", "nein", "0", "n"), False),
}


@dataclass(frozen=True, slots=True)
class ListCells:
    """Several texts, with ; between them."""

    hint: str = "several, with ; between them"

    def read(self, cell: Cell, locale: str) -> list[str]:
        parts = (part.strip() for part in text_of(cell).split(";"))
        return [part for part in parts if part]

    def write(self, value: Any) -> Cell:
        return "; ".join(map(str, value)) if value else None


@dataclass(frozen=True, slots=True)
class PairsCells:
    """Names with values: region=eu; tier=gold."""

    hint: str = "name=value, with ; between them"

    def read(self, cell: Cell, locale: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for part in ListCells().read(cell, locale):
            name, sign, value = part.partition("=")
            if not sign or not name.strip():
                raise CellError(f"“{part}” is not written as name=value.")
            if name.strip() in found:
                raise CellError(f"{name.strip()} stands there twice.")
            found[name.strip()] = value.strip()
        return found

    def write(self, value: Any) -> Cell:
        pairs: Mapping[str, Any] = value or {}
        return "; ".join(f"{name}={one}" for name, one in pairs.items()) or None
