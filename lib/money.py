"""Money: exact to ten decimal places, rounded nowhere but here."""

from decimal import (
    ROUND_DOWN,
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    Inexact,
    InvalidOperation,
)
from typing import overload

from babel.numbers import format_currency, format_decimal, get_currency_precision

PLACES = 10
UNITS: int = 10**PLACES  # units of 1e-10 in one of any currency
COUNTED = ("tokens", "requests")  # what stands for a currency where none is counted

_UNIT = Decimal(1).scaleb(-PLACES)
_ZERO = Decimal(0).scaleb(-PLACES)
_DIGITS = 60  # far beyond any sum, and small enough to refuse 1E+999999 at once
_EXACT = Context(_DIGITS, ROUND_HALF_EVEN, traps=[Inexact, InvalidOperation])
_ROUNDED = Context(_DIGITS, ROUND_HALF_EVEN, traps=[InvalidOperation])
_TWO_DIGITS = Context(2, ROUND_HALF_EVEN)
_TWO_CUT = Context(2, ROUND_DOWN)
_CUT = Context(_DIGITS, ROUND_DOWN, traps=[InvalidOperation])
_TENTH, _HUNDRED = Decimal("0.1"), Decimal(100)
_NEAR_HUNDRED = Decimal(99), Decimal(101)  # where a decimal more tells it from 100


def to_units(amount: Decimal) -> int:
    """Return *amount* as a whole number of units of 1e-10, exactly.

    Raises:
        ValueError: *amount* is not finite, too large, or finer than ten places
            (zeros after the tenth place are no harm).
    """
    if not amount.is_finite():
        raise ValueError(f"not a finite amount: {amount}")
    try:
        return int(amount.quantize(_UNIT, context=_EXACT).scaleb(PLACES, _EXACT))
    except Inexact as error:
        raise ValueError(f"more than {PLACES} decimal places: {amount}") from error
    except InvalidOperation as error:
        raise ValueError(f"too large an amount: {amount}") from error


def stored_units(amount: Decimal) -> int:
    """Return what `to_units` does of an amount that is known to have ten places."""
    return int(amount.scaleb(PLACES, _EXACT))


def from_units(units: int) -> Decimal:
    """Return the amount that *units* of 1e-10 make, always written to ten places."""
    return Decimal(units).scaleb(-PLACES, _EXACT)


def quantize(amount: Decimal) -> Decimal:
    """Round *amount* to ten places, halves to even; never a negative zero.

    Raises:
        ValueError: *amount* is not finite, or too large.
    """
    if not amount.is_finite():
        raise ValueError(f"not a finite amount: {amount}")
    try:
        return amount.quantize(_UNIT, context=_ROUNDED) or _ZERO
    except InvalidOperation as error:
        raise ValueError(f"too large an amount: {amount}") from error


@overload
def wire(amount: Decimal) -> str: ...


@overload
def wire(amount: None) -> None: ...


@overload
def wire(amount: Decimal | None) -> str | None: ...


def wire(amount: Decimal | None) -> str | None:
    """Write *amount* as the API does: ten places, no exponent. None stays None."""
    return None if amount is None else f"{quantize(amount):f}"


def told(name: str, amount: Decimal | None) -> dict[str, float | str | None]:
    """Return *amount* for programs of others: a number, and exactly as text beside it.

    Receivers of messages format `limit` as a number; who reckons takes `limit_exact`.
    """
    number = None if amount is None else float(quantize(amount))
    return {name: number, f"{name}_exact": wire(amount)}


def told_use(used: Decimal | None) -> dict[str, float | str | None]:
    """Return the share *used* in percent, likewise; of no limit at all, all is used."""
    percent = 100.0 if used is None else float(round(used * 100, 4))
    return {
        "utilization": percent,
        "utilization_exact": None if used is None else f"{quantize(used * 100):f}",
    }


def wire_units(units: int) -> str:
    """Write what `from_units` returns as `wire` does, several times as fast."""
    sign, whole = ("-", -units) if units < 0 else ("", units)
    return f"{sign}{whole // UNITS}.{whole % UNITS:0{PLACES}d}"


def share(part: Decimal, whole: Decimal) -> Decimal | None:
    """Return *part* of *whole* as a share, 0.8 for 80 %, to ten places.

    Of a whole that is zero or less there are no shares: 0 where *part* does not pass
    it, None (immeasurably much) where it does.
    """
    if whole > 0:
        return quantize(part / whole)
    return _ZERO if part <= whole else None


def smallest_unit(currency: str) -> Decimal:
    """Return what amounts that people plan are whole multiples of: 0.01 of a dollar."""
    if currency in COUNTED:
        return Decimal(1)
    return Decimal(1).scaleb(-get_currency_precision(currency))


def rounded_to(amount: Decimal, unit: Decimal) -> Decimal:
    """Round *amount* to a power of ten, such as 0.01, halves to even; never to -0."""
    return amount.quantize(unit, context=_ROUNDED) or Decimal(0).quantize(unit)


def units_up(amount: Decimal, unit: Decimal) -> int:
    """Return how many whole *unit*s *amount* takes, rounded up; it is not negative."""
    whole, rest = divmod(amount, unit)
    return int(whole) + bool(rest)


def format_money(amount: Decimal, currency: str, locale: str = "en_US") -> str:
    """Write *amount* for people, with the currency's symbol and its own decimals.

    What those decimals would show as zero, though it is not, gets up to two
    significant digits: "$0.0021". What is counted has its name: "12,000 tokens".
    """
    if currency in COUNTED:
        return _counted(_visible(amount, 0), currency, locale)
    shown = _visible(amount, get_currency_precision(currency))
    return format_currency(shown, currency, locale=locale, decimal_quantization=False)


def format_plain(amount: Decimal, currency: str, locale: str = "en_US") -> str:
    """Write *amount* with the currency's decimals and without its symbol, for columns
    that say their currency once: "1,204.10"."""
    places = 0 if currency in COUNTED else get_currency_precision(currency)
    pattern = "#,##0." + "0" * places if places else "#,##0"
    shown = _rounded(amount, places) or _ZERO  # never -0.00
    return str(format_decimal(shown, pattern, locale))


def _counted(amount: Decimal, name: str, locale: str) -> str:
    word = name.removesuffix("s") if amount == 1 else name
    number = format_decimal(amount, locale=locale, decimal_quantization=False)
    return f"{number} {word}"


MOST_SHARE = Decimal(10)  # that a threshold may be: 1,000 %
NO_SHARE = f"Above 0, up to {MOST_SHARE}: a share of the limit, 0.8 is 80 %."


def format_percent(share: Decimal | None, locale: str = "en_US") -> str:
    """Write *share* for people: 0.62 as "62 %", 0.062 as "6.2 %", None as a dash.

    Digits are cut off, never rounded up: 0.7996 is "79 %", for 80 % is not reached.
    One decimal below 10 % and beside 100 %; more only where that would show zero, or
    100 %, for what is not.
    """
    if share is None:
        return "\N{EN DASH}"
    percent = _cut(share * 100)
    pattern = "#,##0" if percent.as_tuple().exponent == 0 or not percent else "#,##0.0"
    number = format_decimal(percent, pattern, locale, decimal_quantization=False)
    return f"{number}\N{NO-BREAK SPACE}%"


def _cut(percent: Decimal) -> Decimal:
    """Return *percent* with the digits that people read of it; see `format_percent`."""
    size = abs(percent)
    if size < _TENTH:
        return _TWO_CUT.plus(percent)
    if size == _HUNDRED or not _NEAR_HUNDRED[0] < size < _NEAR_HUNDRED[1]:
        return _cut_at(percent, 0 if size >= 10 else 1)
    shown = (_cut_at(percent, places) for places in range(1, PLACES))
    return next((one for one in shown if abs(one) != _HUNDRED), percent)


def _cut_at(amount: Decimal, places: int) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-places), context=_CUT)


def _visible(amount: Decimal, places: int) -> Decimal:
    """Round to *places*, or to two digits where that would hide a small amount."""
    return _rounded(amount, places) or _TWO_DIGITS.plus(amount)


def _rounded(amount: Decimal, places: int) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-places), context=_ROUNDED)
