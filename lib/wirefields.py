"""How the API reads and writes objects, amounts and moments."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NoReturn

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import empty

from lib.errors import Invalid
from lib.money import PLACES, wire
from lib.query_params import moment_of

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Plain(serializers.Serializer[Any]):
    """Takes names as JavaScript writes them too, and refuses those there are none of.

    Names in `shown` are part of what is answered: sent back, they are passed over.
    """

    shown: frozenset[str] = frozenset()

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            data = {snake(str(name)): value for name, value in data.items()}
            unknown = data.keys() - self.fields.keys() - self.shown
            if unknown:
                detail = f"Unknown field; known are {', '.join(self.fields)}."
                raise serializers.ValidationError(
                    {name: [detail] for name in sorted(unknown)}, code="unknown_field"
                )
        return super().to_internal_value(data)


class Whole(serializers.Serializer[Any]):
    """What lies within another shape, and is sent whole where that is sent in part."""

    def run_validation(self, data: Any = empty) -> Any:
        if isinstance(data, dict) and self is not self.root and self.root.partial:
            return type(self)(data=data, context=self.context).run_validation(data)
        return super().run_validation(data)


def snake(name: str) -> str:
    """Return a name as Python writes it: `parent_budget` of `parentBudget`."""
    return _HUMP.sub("_", name).lower()


class ChoiceField(serializers.ChoiceField):
    """One of some words; which there are, the refusal of any other tells."""

    default_error_messages = {"invalid_choice": "“{input}” is unknown; use {known}."}

    def fail(self, key: str, **kwargs: Any) -> NoReturn:
        super().fail(key, known=", ".join(map(str, self.choices)), **kwargs)


class WireAmountField(serializers.DecimalField):
    """Money: a string or a number comes in, a string with ten places goes out."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_digits", 30)
        kwargs.setdefault("decimal_places", PLACES)
        super().__init__(**kwargs)

    def to_representation(self, value: Any) -> Any:
        return wire(Decimal(value))


@extend_schema_field({"type": "string", "format": "date-time"})
class MomentField(serializers.Field[datetime, str, str, Any]):
    """A moment: RFC 3339, a naive one or a bare date in UTC."""

    def to_internal_value(self, data: object) -> datetime:
        if not isinstance(data, str):
            raise serializers.ValidationError("Must be text such as 2025-01-31T12:00Z.")
        try:
            return moment_of(data, self.field_name or "")
        except Invalid as error:
            raise serializers.ValidationError(
                str(error), code=error.errors[0].code
            ) from error

    def to_representation(self, value: datetime) -> str:
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
