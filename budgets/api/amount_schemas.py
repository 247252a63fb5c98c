"""Changes of what budgets may spend over time, as they come in over the wire."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from rest_framework import serializers

from accounts.api.fields import ReasonField
from lib.periods import end_of
from lib.query_params import is_day, moment_of


class AmountIn(serializers.Serializer[Any]):
    """How much, and why."""

    amount = serializers.DecimalField(
        max_digits=30, decimal_places=10, min_value=Decimal(0)
    )
    reason = ReasonField(help_text="Why; kept on the line.")

    def to_internal_value(self, data: Any) -> Any:
        """Refuse fields there are none of."""
        if isinstance(data, dict) and (unknown := data.keys() - self.fields.keys()):
            errors = {str(name): ["Unknown field."] for name in unknown}
            raise serializers.ValidationError(errors, code="unknown_field")
        return super().to_internal_value(data)

    @property
    def why(self) -> str:
        return str(self.validated_data.get("reason", ""))


class TransferIn(AmountIn):
    """Money that goes from the budget of the address to another."""

    to = serializers.CharField(max_length=64, help_text="The id of the other budget.")


class RaiseIn(AmountIn):
    """More for a while."""

    until = serializers.CharField(
        max_length=40,
        help_text="Exclusive; a bare date: that whole day in the budget's zone.",
    )

    def ends_at(self, zone: ZoneInfo) -> datetime:
        """Return when it is over.

        Raises:
            Invalid: it is no moment.
        """
        return end_named(self.validated_data["until"], "until", zone)


def end_named(text: str, attr: str, zone: ZoneInfo) -> datetime:
    """Return the end that *text* names: of a bare date, that of its day in *zone*.

    Raises:
        Invalid: it is no moment.
    """
    moment = moment_of(text, attr, zone=zone)
    if not is_day(text):
        return moment
    return end_of(moment.astimezone(zone).date(), zone)
