"""How people write prices of kinds in a form: a line each."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget

from lib.amounts import read_amount, written_amount
from lib.humanize import reader_locale


class KindLinesField(forms.CharField):
    """Prices by kind, as lines of a kind and its price."""

    def __init__(self, **options: Any) -> None:
        options = {
            "required": False,
            "label": "Other kinds",
            "help_text": (
                "A line each, as “cache_write_1h_tokens 10” or “searches 0.01”: the "
                "price of a million tokens, or of one thing. Kinds left out cost what "
                "the catalogue says."
            ),
            "widget": UnfoldAdminTextareaWidget(attrs={"rows": 4}),
            **options,
        }
        super().__init__(**options)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            locale = reader_locale()
            return "\n".join(
                f"{kind} {written_amount(Decimal(price), locale, places=0)}"
                for kind, price in sorted(value.items())
            )
        return value

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool((initial or {}) != self.clean(data))
        except forms.ValidationError:
            return True

    def clean(self, value: Any) -> dict[str, str]:
        prices: dict[str, str] = {}
        for line in super().clean(value).splitlines():
            kind, _, price = line.strip().partition(" ")
            if not kind:
                continue
            if kind in prices:
                raise forms.ValidationError(f"{kind} stands twice.")
            prices[kind] = _plain(price.strip())
        return prices


def _plain(price: str) -> str:
    """Write a price as programs do; what is none stays, for it is refused by name."""
    try:
        return f"{read_amount(price, reader_locale()):f}"
    except ValueError:
        return price
