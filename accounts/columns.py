"""Values of rows as people read them, in lists and where nobody may change them."""

import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from babel.numbers import format_decimal
from django.db.models import IntegerField, JSONField, Model
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from lib.fields import MoneyField, RateField
from lib.humanize import reader_locale
from lib.money import format_money

NONE = "\N{EN DASH}"

Column = Callable[[Any], str]


def labelled(column: Any, field: str, label: str) -> Column:
    """Return *column* as a column of figures called *label*."""
    column.__name__ = f"num_{field}"  # the stylesheet aligns what is called so
    column.short_description = label
    named: Column = column
    return named


def money_column(
    field: str,
    label: str,
    currency: str = "organization__currency",
    *,
    door: Column | None = None,
) -> Column:
    """Return a column of amounts: figures under each other, nothing rounded away.

    *currency* is the way to theirs from a row; *door* says where what makes one is.
    """

    def column(row: Any) -> str:
        amount: Decimal | None = getattr(row, field)
        text = NONE if amount is None else money_words(amount, reached(row, currency))
        if door and amount:
            return format_html('<a class="co-num" href="{}">{}</a>', door(row), text)
        return format_html('<span class="co-num">{}</span>', text)

    return labelled(column, field, label)


def number_column(field: str, label: str) -> Column:
    """Return a column of numbers: whole ones, or exact to their last digit."""

    def column(row: Any) -> str:
        number: Decimal | int | None = getattr(row, field)
        text = NONE if number is None else number_words(number)
        return format_html('<span class="co-num">{}</span>', text)

    return labelled(column, field, label)


def reached(row: Any, path: str) -> Any:
    """Return what *path* leads to from *row*: "budget__currency"."""
    for name in path.split("__"):
        row = getattr(row, name)
    return row


def money_words(amount: Decimal, currency: str) -> str:
    """Write an amount as the reader does."""
    return format_money(amount, currency, reader_locale())


def number_words(number: Decimal | int) -> str:
    """Write a number as the reader does, all its digits and no more: "1,234.5"."""
    return str(
        format_decimal(number, locale=reader_locale(), decimal_quantization=False)
    )


def chips(stored: Any) -> str | SafeString:
    """Write names, or names with values, one beside the other; JSON where they are
    more than that."""
    if not stored:
        return NONE
    words = list(_words_of(stored))
    if not all(isinstance(one, str) for one in words):
        text = json.dumps(stored, ensure_ascii=False, indent=2)
        return format_html('<pre class="co-json">{}</pre>', text)
    items = format_html_join("", "<li>{}</li>", ((one,) for one in words))
    return format_html('<ul class="co-chips">{}</ul>', items)


def _words_of(stored: Any) -> Iterable[str | None]:
    """Yield a word or two for each part of *stored*; None for what has too many."""
    if not isinstance(stored, dict):
        for one in stored if isinstance(stored, list) else [stored]:
            yield None if isinstance(one, dict | list) else str(one)
        return
    for name, value in stored.items():
        values = value if isinstance(value, list) else [value]
        if any(isinstance(one, dict | list) for one in values):
            yield None
        elif shown := ", ".join(str(one) for one in values if one not in {"", None}):
            yield f"{name}: {shown}"
        else:
            yield name


def column_of(field: Any, currency: str) -> Column | None:
    """Return how a field of a model is read; None: as Django writes it.

    *currency* is the way to that of its amounts.
    """
    label = str(capfirst(field.verbose_name))
    if isinstance(field, MoneyField):
        return money_column(field.name, label, currency)
    if isinstance(field, RateField) or _is_count(field):
        return number_column(field.name, label)
    if isinstance(field, JSONField):
        return _chips_column(field.name, label)
    return None


def _is_count(field: Any) -> bool:
    return isinstance(field, IntegerField) and not field.choices


def _chips_column(name: str, label: str) -> Column:
    def column(row: Model) -> str:
        return chips(getattr(row, name))

    column.__name__ = f"chips_{name}"
    column.short_description = label  # type: ignore[attr-defined]  # Django reads it
    return column
