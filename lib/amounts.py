"""Amounts as people write them in forms, and read them there again."""

import re
from decimal import Decimal
from typing import Any

from babel.numbers import format_decimal, get_decimal_symbol, get_group_symbol
from django import forms
from django.core.exceptions import ValidationError

from lib.humanize import reader_locale

_EXAMPLE = Decimal(20_000)
_MOST_PLACES = 12
_LONGEST = 100  # characters that are looked at
_SPACES = re.compile(r"[\s'\N{RIGHT SINGLE QUOTATION MARK}](?=[0-9]{3}(?![0-9]))")
_SHAPE = re.compile(r"([+-]?)([0-9.,]*[0-9]|[0-9][0-9.,]*)")


def read_amount(text: str, locale: str) -> Decimal:
    """Return the number that *text* is for a reader in *locale*: "20,000", "1.234,56".

    A lone separator before three digits is what it is in the locale; wherever else a
    text can mean one number only, it means that one.

    Raises:
        ValueError: it is no number, or could be several.
    """
    bare = text.strip()
    found = _SHAPE.fullmatch(_SPACES.sub("", bare)) if len(bare) <= _LONGEST else None
    if found is None:
        raise ValueError(text)
    sign, digits = found.groups()
    whole, point, part = _parted(digits, locale)
    return Decimal(f"{sign}{whole or 0}{point and '.'}{part}")


def _parted(digits: str, locale: str) -> tuple[str, str, str]:
    """Part *digits* into what stands before the point, the point, and the rest."""
    used = set(digits) & {".", ","}
    point = ""
    if len(used) == 2:
        point = max(used, key=digits.rindex)
    elif used:
        (mark,) = used
        point = mark if _is_point(digits, mark, locale) else ""
    whole, _, part = digits.partition(point) if point else (digits, "", "")
    if not part.isdigit() and part:
        raise ValueError(digits)
    return _ungrouped(whole), point, part


def _is_point(digits: str, mark: str, locale: str) -> bool:
    """Tell whether the only kind of *mark* in *digits* parts whole from fraction."""
    before, _, after = digits.partition(mark)
    if mark in after:
        return False
    is_decimal = get_decimal_symbol(locale) == mark
    if len(after) != 3 or not 1 <= len(before) <= 3 or before.startswith("0"):
        return is_decimal or mark == "."  # programs write a point everywhere
    if is_decimal or get_group_symbol(locale) == mark:
        return is_decimal
    raise ValueError(digits)


def _ungrouped(whole: str) -> str:
    if not {".", ","} & set(whole):
        return whole
    if not re.fullmatch(r"[1-9][0-9]{0,2}(?:([.,])[0-9]{3})(?:\1[0-9]{3})*", whole):
        raise ValueError(whole)
    return re.sub("[.,]", "", whole)


def written_amount(amount: Decimal, locale: str, places: int = 2) -> str:
    """Write *amount* for a field: "20,000.00", *places* at least; nothing as "0"."""
    if not amount:
        return "0"
    pattern = f"#,##0.{'0' * places}{'#' * (_MOST_PLACES - places)}"
    return str(format_decimal(amount, pattern, locale))


class AmountField(forms.DecimalField):
    """A number as the reader writes it; see `read_amount`.

    *shown_places*: how many at least stand behind the point when it is shown again.
    """

    widget = forms.TextInput

    def __init__(self, *, shown_places: int = 2, **options: Any) -> None:
        super().__init__(**options)
        self.shown_places = shown_places

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, Decimal):
            return written_amount(value, reader_locale(), self.shown_places)
        return value

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and value.strip():
            value = self._read(value)
        return super().to_python(value)

    def _read(self, text: str) -> Decimal:
        locale = reader_locale()
        try:
            return read_amount(text, locale)
        except ValueError as error:
            example = written_amount(_EXAMPLE, locale)
            plain = example.replace(get_group_symbol(locale), "")
            raise ValidationError(
                f"Write a number, as {example} or {plain}.", code="invalid"
            ) from error
