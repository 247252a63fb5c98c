"""How prices of kinds are written: in what is sent, and in what is answered."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ledger.prices import MOST_OF_ONE, kind_prices
from lib.errors import Invalid
from lib.wirefields import Plain, WireAmountField

# Amounts that have a field of their own, by their kind.
NAMED = {
    "input_tokens": "input_per_million",
    "cached_tokens": "cached_input_per_million",
    "output_tokens": "output_per_million",
    "requests": "per_request",
}
# Names that one might expect beside those, and what is meant.
_MEANT = {
    "cache_write_per_million": "cache_write_tokens",
    "cache_write_5m_per_million": "cache_write_5m_tokens",
    "cache_write_1h_per_million": "cache_write_1h_tokens",
    "reasoning_per_million": "reasoning_tokens",
    "audio_input_per_million": "audio_input_tokens",
    "audio_output_per_million": "audio_output_tokens",
    "image_input_per_million": "image_input_tokens",
    "image_output_per_million": "image_output_tokens",
    "per_search": "searches",
    "per_image": "images",
    "per_second": "seconds",
    "per_minute": "minutes",
}


@extend_schema_field(
    {"type": "object", "additionalProperties": {"type": "string", "format": "decimal"}}
)
class KindPricesField(serializers.Field[Any, Any, Any, Any]):
    """Prices by kind: of a million tokens, or of one of another thing."""

    def to_internal_value(self, data: Any) -> dict[str, str]:
        if not isinstance(data, dict):
            raise serializers.ValidationError("Must be an object of kinds and prices.")
        try:
            return kind_prices(data)
        except Invalid as error:
            raise serializers.ValidationError(str(error)) from error


class TierSerializer(Plain):
    """Other prices, for requests with more input tokens."""

    above_input_tokens = serializers.IntegerField(min_value=0, max_value=10**12)
    input_per_million = WireAmountField(
        required=False, allow_null=True, min_value=0, max_value=MOST_OF_ONE
    )
    cached_input_per_million = WireAmountField(
        required=False, allow_null=True, min_value=0, max_value=MOST_OF_ONE
    )
    output_per_million = WireAmountField(
        required=False, allow_null=True, min_value=0, max_value=MOST_OF_ONE
    )
    per_request = WireAmountField(
        required=False, allow_null=True, min_value=0, max_value=MOST_OF_ONE
    )
    quantities = KindPricesField(required=False)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        given = super().to_internal_value(data)
        prices = dict(given.get("quantities", {}))
        for kind, name in NAMED.items():
            if given.get(name) is not None:
                prices[kind] = f"{given[name]:f}"
        return {"above_input_tokens": given["above_input_tokens"], "prices": prices}


def refuse_meant(data: Any) -> None:
    """Refuse names of prices that there are none of, with what to write instead."""
    if not isinstance(data, dict):
        return
    meant = {name: _MEANT[name] for name in sorted(data.keys() & _MEANT.keys())}
    if meant:
        raise serializers.ValidationError(
            {
                name: [f'Unknown field; send "quantities": {{"{kind}": the price}}.']
                for name, kind in meant.items()
            },
            code="unknown_field",
        )
