"""Changes of what budgets may spend over time, as they come in over the wire."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from rest_framework import serializers

from accounts.api.fields import ReasonField
from budgets.models import Budget
from budgets.phasing import by_amounts, by_percents
from lib.errors import Invalid
from lib.periods import end_of
from lib.query_params import is_day, moment_of


class ReasonedIn(serializers.Serializer[Any]):
    """A change of lines, and why it is made."""

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


class AmountIn(ReasonedIn):
    """How much, and why."""

    amount = serializers.DecimalField(
        max_digits=30, decimal_places=10, min_value=Decimal(0)
    )


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


class PhasingIn(ReasonedIn):
    """What each month or quarter is to have: one of `amounts` and `percents`."""

    amounts = serializers.ListField(
        child=serializers.DecimalField(
            max_digits=30, decimal_places=10, min_value=Decimal(0)
        ),
        max_length=12,
        required=False,
        help_text="12 or 4, from the first of the fiscal year on; none: no phasing.",
    )
    percents = serializers.ListField(
        child=serializers.DecimalField(
            max_digits=13, decimal_places=10, min_value=Decimal(0)
        ),
        max_length=12,
        required=False,
        help_text="Of a year of the planned amount; 100 together.",
    )

    def amounts_for(self, budget: Budget) -> list[Decimal]:
        """Return what each month or quarter of *budget* is to have.

        Raises:
            Invalid: both or none were sent, or they are not of its year.
        """
        given = self.validated_data
        if "amounts" in given and "percents" in given:
            raise Invalid.field("percents", "Send amounts or percents, not both.")
        if "percents" in given:
            return by_percents(budget, given["percents"])
        if "amounts" not in given:
            detail = "Send amounts or percents."
            raise Invalid.field("amounts", detail, code="required")
        return by_amounts(budget, given["amounts"])


def end_named(text: str, attr: str, zone: ZoneInfo) -> datetime:
    """Return the end that *text* names: of a bare date, that of its day in *zone*.

    Raises:
        Invalid: it is no moment.
    """
    moment = moment_of(text, attr, zone=zone)
    if not is_day(text):
        return moment
    return end_of(moment.astimezone(zone).date(), zone)
