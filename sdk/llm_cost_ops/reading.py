"""From JSON to dataclasses, by their annotations; what is unknown is left out."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Callable, TypeVar, Union, get_args, get_origin, get_type_hints

from llm_cost_ops.errors import BadAnswerError

T = TypeVar("T")
Reader = Callable[[Any], Any]

_FRACTION = re.compile(r"\.(\d{1,9})")


def read(kind: type[T], value: Any) -> T:
    """Turn JSON into *kind*.

    Raises:
        BadAnswerError: it does not have that shape.
    """
    found: T = reader_of(kind)(value)
    return found


def reader_of(kind: Any) -> Reader:
    """Return what reads *kind*: a dataclass, a container of types, or a plain type."""
    return _reader_of(kind)


@cache
def _reader_of(kind: Any) -> Reader:
    if dataclasses.is_dataclass(kind):
        return _dataclass_reader(kind)
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Union:
        return _optional_reader(reader_of(inner[0]))
    if origin in {tuple, list}:
        return _sequence_reader(reader_of(inner[0]))
    if origin is dict:
        return _mapping_reader(reader_of(inner[1]))
    return _PLAIN.get(kind, _as_it_is)


def _dataclass_reader(kind: Any) -> Reader:
    def read_object(value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise BadAnswerError(f"{kind.__name__}: an object was expected.")
        found = {}
        for name, reader, is_optional in _fields_of(kind):
            if name in value:
                found[name] = _part(kind, name, reader, value[name])
            elif not is_optional:
                raise BadAnswerError(f"{kind.__name__}: {name} is missing.")
        return kind(**found)

    return read_object


@cache
def _fields_of(kind: Any) -> list[tuple[str, Reader, bool]]:
    """Return name, reader and whether it may be missing; a kind may hold itself."""
    hints = get_type_hints(kind)
    return [
        (field.name, reader_of(hints[field.name]), _has_default(field))
        for field in dataclasses.fields(kind)
    ]


def _part(kind: Any, name: str, reader: Reader, value: Any) -> Any:
    try:
        return reader(value)
    except (TypeError, ValueError, InvalidOperation) as error:
        raise BadAnswerError(f"{kind.__name__}.{name}: {value!r}.") from error


def _has_default(field: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return field.default is not missing or field.default_factory is not missing


def _optional_reader(reader: Reader) -> Reader:
    return lambda value: None if value is None else reader(value)


def _sequence_reader(reader: Reader) -> Reader:
    def read_sequence(value: Any) -> tuple[Any, ...]:
        return tuple([reader(each) for each in _must_be(list, value)])

    return read_sequence


def _mapping_reader(reader: Reader) -> Reader:
    def read_mapping(value: Any) -> dict[str, Any]:
        return {name: reader(each) for name, each in _must_be(dict, value).items()}

    return read_mapping


def _must_be(kind: type, value: Any) -> Any:
    if not isinstance(value, kind):
        raise TypeError(value)
    return value


def _as_it_is(value: Any) -> Any:
    return value


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(value)
    return value


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise TypeError(value)
    return Decimal(value)


def moment(text: Any) -> datetime:
    """Read an RFC 3339 time, on Python 3.9 too, which takes no Z."""
    plain = _must_be(str, text).replace("Z", "+00:00").replace("z", "+00:00")
    return datetime.fromisoformat(_FRACTION.sub(_six_digits, plain))


def _six_digits(found: re.Match[str]) -> str:
    return f".{found[1]:0<6.6}"


_PLAIN: dict[Any, Reader] = {
    str: lambda value: _must_be(str, value),
    bool: lambda value: _must_be(bool, value),
    int: _whole,
    Decimal: _decimal,
    datetime: moment,
    date: lambda value: date.fromisoformat(_must_be(str, value)),
}
