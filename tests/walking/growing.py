"""More rows of whatever there is: copies that differ in what has to be unique."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from django.db import DatabaseError, transaction
from django.db.models import (
    AutoField,
    CharField,
    DateField,
    Field,
    ForeignKey,
    Model,
    TextField,
    UniqueConstraint,
    UUIDField,
)

MORE = 6  # copies of a row
_YEAR = timedelta(days=364)  # whole weeks


def copy_row(row: Model) -> bool:
    """Add MORE rows like *row*; tell whether the database takes them."""
    model = type(row)
    told = set(_unique_fields(model))
    dates = {one for one in _fields(model) if isinstance(one, DateField)}
    if told & dates:
        told |= dates  # what begins later ends later
    copies = []
    for number in range(1, MORE + 1):
        values = {one.attname: getattr(row, one.attname) for one in _fields(model)}
        values |= {
            one.attname: _other(one, values[one.attname], number) for one in told
        }
        copies.append(model(**values))
    try:
        with transaction.atomic():
            model._base_manager.bulk_create(copies)
    except DatabaseError:
        return False
    return True


def _fields(model: type[Model]) -> list[Field[Any, Any]]:
    fields = model._meta.concrete_fields
    return [one for one in fields if not isinstance(one, AutoField)]


def _unique_fields(model: type[Model]) -> Iterator[Field[Any, Any]]:
    """Yield what has to differ: of what is unique together, one that names no row."""
    fields = _fields(model)
    yield from (one for one in fields if one.unique)
    for rule in model._meta.constraints:
        if isinstance(rule, UniqueConstraint):
            names = rule.fields or ("name",)
            known = [one for one in fields if one.name in names]
            free = [
                one
                for one in known
                if not isinstance(one, ForeignKey) and not one.choices
            ]
            yield from sorted(free, key=_rank)[:1]


def _rank(field: Field[Any, Any]) -> int:
    kinds = ((UUIDField, CharField, TextField), (DateField,))
    return next(
        (place for place, kind in enumerate(kinds) if isinstance(field, kind)), 9
    )


def _other(field: Field[Any, Any], value: Any, number: int) -> Any:
    """Return another value of the kind of *value*."""
    match value:
        case UUID():
            return uuid4()
        case str():
            room = (field.max_length or 100) - len(words := f"-{number}")
            return f"{value[:room]}{words}"
        case bool() | None:
            return value
        case int() | Decimal():
            return value + number
        case date():
            return value + number * _YEAR
        case bytes() | memoryview():
            return uuid4().bytes
    return value
