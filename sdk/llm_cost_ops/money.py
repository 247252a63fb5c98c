"""Money: decimals outside, whole units of 10^-10 inside, never a float."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import Union

Money = Union[Decimal, int, str]

PLACES = 10
UNITS = 10**PLACES  # in one of any currency
_UNIT = Decimal(1).scaleb(-PLACES)
_CONTEXT = Context(prec=60, rounding=ROUND_HALF_EVEN)


def money(value: object) -> Decimal:
    """Return *value* as a decimal.

    Raises:
        TypeError: it is a float, which has rounded the amount already, or no number.
        ValueError: it is text, but no finite number.
    """
    if isinstance(value, bool) or not isinstance(value, (Decimal, int, str)):
        raise TypeError(f"Money is a Decimal, an int or text, not {value!r}.")
    try:
        amount = Decimal(value)
    except InvalidOperation as error:
        raise ValueError(f"{value!r} is no amount of money.") from error
    if not amount.is_finite():
        raise ValueError(f"{value!r} is no amount of money.")
    return amount


def wire(value: Money) -> str:
    """Write an amount as the API has it, without an exponent.

    Raises:
        TypeError, ValueError: as `money` does.
    """
    return f"{money(value):f}"


def to_units(value: Money) -> int:
    """Return units of 10^-10; what is finer is rounded, half to even."""
    return int(money(value).quantize(_UNIT, context=_CONTEXT).scaleb(PLACES, _CONTEXT))


def from_units(units: int) -> Decimal:
    return Decimal(units).scaleb(-PLACES, _CONTEXT)


def units_on_wire(units: int) -> str:
    return f"{from_units(units):f}"


def convert(units: int, rate: Decimal) -> int:
    """Turn units of one currency into units of another, rounded half to even."""
    return int(_CONTEXT.multiply(Decimal(units), rate).to_integral_value())
