"""Shares at which people are told, as they come in over the wire and go out."""

from decimal import Decimal
from typing import Annotated, Any

from msgspec import UNSET, UnsetType
from rest_framework import serializers

from budgets.thresholds import USUAL_PROBABILITY, Basis, ShareWatched
from lib.answers import Out, choices, note
from lib.money import MOST_SHARE, NO_SHARE
from lib.wirefields import ChoiceField, Whole


def probability_field() -> serializers.DecimalField:
    """Return the field of how likely a forecast has to be; see `sound_probability`."""
    return serializers.DecimalField(
        max_digits=5,
        decimal_places=4,
        min_value=Decimal("0.0001"),
        max_value=Decimal(1),
        allow_null=True,
        default=None,
        help_text="Of a forecast: how likely it has to be, 0.5 unless given.",
    )


def sound_probability(basis: str, given: Decimal | None) -> Decimal | None:
    """Return the probability from which *basis* tells.

    Raises:
        ValidationError: what is looked at has none.
    """
    if basis == Basis.FORECAST:
        return USUAL_PROBABILITY if given is None else given
    if given is not None:
        detail = "Only a forecast has one: leave it out, or send basis: forecast."
        raise serializers.ValidationError({"probability": [detail]})
    return None


class AlertIn(Whole):
    """A share of the limit at which to tell people, and what is held against it."""

    threshold = serializers.DecimalField(
        max_digits=7, decimal_places=4, min_value=Decimal("0.0001")
    )
    channels = serializers.ListField(
        child=serializers.CharField(max_length=100), max_length=20, default=list
    )
    basis = ChoiceField(list(Basis), default=Basis.SPENT.value)
    probability = probability_field()

    def validate_threshold(self, value: Decimal) -> Decimal:
        if value > MOST_SHARE:
            raise serializers.ValidationError(NO_SHARE)
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        basis = Basis(attrs["basis"])
        return ShareWatched(
            attrs["threshold"],
            tuple(attrs["channels"]),
            basis,
            sound_probability(basis, attrs["probability"]),
        ).saved


class ThresholdOut(Out, frozen=True):
    """A share of the limit at which people are told."""

    threshold: float
    channels: list[str]
    basis: Annotated[
        str | UnsetType,
        choices(Basis),
        note("What is held against it; left out: spent."),
    ] = UNSET
    probability: Annotated[
        float | UnsetType, note("Of a forecast: how likely it has to be.")
    ] = UNSET


def threshold_out(watched: ShareWatched) -> ThresholdOut:
    """Return a share as `AlertIn` takes it; what is usual is left out."""
    likely = watched.probability
    return ThresholdOut(
        float(watched.share),
        list(watched.channels),
        UNSET if watched.basis is Basis.SPENT else watched.basis.value,
        UNSET if likely is None else float(likely),
    )
