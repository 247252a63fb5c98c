"""The types of every amount and every exchange rate in the database."""

from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Combinable, register_combinable_fields

from lib import sql
from lib.amounts import AmountField


class ExactField(models.Field[Any, Any]):
    """An exact decimal with a fixed number of places; Decimal in Python.

    NUMERIC on PostgreSQL. On SQLite, whose decimals are floats, an integer of the
    last place's units. In queries only what integers can do: sum, add, compare.
    """

    places: ClassVar[int]

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return sql.decimal_type(self.places)

    def db_check(self, connection: BaseDatabaseWrapper) -> str | None:
        # The type of a generated column is a field without a column of its own.
        name = str(getattr(self, "column", self.db_column))
        return sql.decimal_check(connection.ops.quote_name(name))

    def get_internal_type(self) -> str:
        return type(self).__name__

    def to_python(self, value: Any) -> Decimal | None:
        if value is None or isinstance(value, Decimal):
            return value
        try:
            return Decimal(str(value))
        except ArithmeticError as error:
            raise ValidationError(f"“{value}” is not a number.") from error

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return value if hasattr(value, "resolve_expression") else self.to_python(value)

    def get_db_prep_value(
        self,
        value: Any,
        connection: BaseDatabaseWrapper,
        prepared: bool = False,  # noqa: FBT001, FBT002 - Django's signature
    ) -> Any:
        amount = value if prepared else self.get_prep_value(value)
        if not isinstance(amount, Decimal):
            return amount
        units = amount.scaleb(self.places)
        if not amount.is_finite() or units != units.to_integral_value():
            raise ValidationError(f"{amount} has more than {self.places} places.")
        return sql.stored_decimal(amount, self.places)

    def get_db_converters(self, connection: BaseDatabaseWrapper) -> list[Any]:
        return [self.from_db_value] if sql.reads_decimals else []

    def from_db_value(
        self, value: Any, expression: Any, connection: BaseDatabaseWrapper
    ) -> Decimal | None:
        return None if value is None else sql.decimal_of(value, self.places)

    def formfield(self, **kwargs: Any) -> forms.Field | None:
        return super().formfield(
            **{
                "form_class": AmountField,
                "max_digits": 30,
                "decimal_places": self.places,
                **kwargs,
            }
        )

    def value_to_string(self, obj: models.Model) -> str:
        value = self.value_from_object(obj)
        return "" if value is None else f"{value:f}"


class MoneyField(ExactField):
    """An amount of money, to 10^-10. SQLite holds up to about 900 million."""

    places = 10


def storable(amount: Decimal) -> Decimal:
    """Return *amount*, or the most that the database holds of it in a `MoneyField`.

    For what is only told: a share or an estimate may be any number.
    """
    return max(-sql.most_told, min(sql.most_told, amount))


class RateField(ExactField):
    """An exchange rate, to 10^-12. SQLite holds up to about 9 million."""

    places = 12


for _sign in (Combinable.ADD, Combinable.SUB):
    # So that F("amount") + F("carried_over") is money too; with a bare Decimal it is
    # refused, which on SQLite would make it a float.
    register_combinable_fields(MoneyField, _sign, MoneyField, MoneyField)
