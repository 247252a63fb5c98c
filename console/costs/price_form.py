"""The form of a price: long requests as rows, and why it is changed."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django import forms

from accounts.audit import giving
from console.asking import SAY_WHY
from console.fields import TemplateWidget, WhyField
from ledger.admin import PriceForm
from ledger.forms import KindLinesField
from ledger.models import Price
from ledger.prices import kind_prices
from lib.amounts import read_amount, written_amount
from lib.errors import Invalid
from lib.humanize import reader_locale

_SPARE = 2  # rows to be filled in
_MOST_TOKENS = 10**12
_ABOVE = "above"
# What a row has, and what is written above it; the last has all other kinds.
_COLUMNS = {
    _ABOVE: "Input tokens above",
    "input_tokens": "Input / M",
    "cached_tokens": "Cached / M",
    "output_tokens": "Output / M",
    "others": "Other kinds",
}
_OWN = tuple(_COLUMNS)[1:-1]
_TELL_NOTHING = {"note", "provisional", "reason"}  # fields that move no money


class TiersWidget(TemplateWidget):
    """Rows of a number of tokens and the prices above it, with some to be filled in."""

    template_name = "console/costs/tiers.html"

    def get_context(
        self, name: str, value: Any, attrs: dict[str, Any] | None
    ) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        rows = [*_rows_of(value), *[[""] * len(_COLUMNS)] * _SPARE]
        shown = [
            [(f"{name}.{column}", label, text) for (column, label), text in cells]
            for cells in (zip(_COLUMNS.items(), row, strict=True) for row in rows)
        ]
        return context | {"rows": shown}

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[list[str]]:
        columns = [data.getlist(f"{name}.{column}") for column in _COLUMNS]
        rows = [[one.strip() for one in row] for row in zip(*columns, strict=False)]
        return [row for row in rows if any(row)]

    def sent(self, name: str, value: Any) -> dict[str, list[str]]:
        columns = list(zip(*_rows_of(value), strict=True)) or [()] * len(_COLUMNS)
        return {
            f"{name}.{column}": list(texts)
            for column, texts in zip(_COLUMNS, columns, strict=True)
        }

    def id_for_label(self, id_: str) -> str:
        return ""  # many fields: each has a label of its own


def _rows_of(value: Any) -> Iterator[list[str]]:
    """Write tiers as rows; rows that were filled in stay as they are."""
    locale, others = reader_locale(), KindLinesField()
    for one in value or ():
        if not isinstance(one, Mapping):
            yield list(one)
            continue
        prices = dict(one["prices"])
        own = [prices.pop(kind, None) for kind in _OWN]
        yield [
            written_amount(Decimal(one["above_input_tokens"]), locale, places=0),
            *(
                "" if price is None else written_amount(Decimal(price), locale, 0)
                for price in own
            ),
            others.prepare_value(prices).replace("\n", "; "),
        ]


class TiersField(forms.Field):
    """Other prices of long requests, as a price keeps them."""

    widget = TiersWidget

    def clean(self, value: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
        found: dict[int, dict[str, str]] = {}
        for above, *texts in super().clean(value) or ():
            try:
                tokens, prices = _tokens(above), _prices(texts)
            except Invalid as error:
                detail = f"Above {above or '?'} tokens: {error}"
                raise forms.ValidationError(detail) from error
            if tokens in found:
                raise forms.ValidationError(f"Above {above} tokens: it stands twice.")
            found[tokens] = prices
        return [
            {"above_input_tokens": tokens, "prices": prices}
            for tokens, prices in sorted(found.items())
        ]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(list(_rows_of(initial)) != data)

    def words_of(self, value: Sequence[Mapping[str, Any]]) -> str:
        """Write tiers as people read them."""
        said = []
        for above, *prices in _rows_of(value):
            labels = [*tuple(_COLUMNS.values())[1:-1], ""]
            told = zip(labels, prices, strict=True)
            costs = ", ".join(f"{label} {one}".strip() for label, one in told if one)
            said.append(f"above {above}: {costs}")
        return "; ".join(said)


def _tokens(text: str) -> int:
    """Read a number of tokens.

    Raises:
        Invalid: it is none.
    """
    try:
        number = read_amount(text, reader_locale())
    except ValueError:
        number = Decimal(-1)
    if not 0 <= number <= _MOST_TOKENS or number % 1:
        raise Invalid(f"give a whole number of tokens up to {_MOST_TOKENS:,}.")
    return int(number)


def _prices(texts: Sequence[str]) -> dict[str, str]:
    """Read the prices of one row.

    Raises:
        Invalid: there are none, or one of them is no price.
    """
    *own, others = texts
    lines = [f"{kind} {text}" for kind, text in zip(_OWN, own, strict=True) if text]
    lines += others.split(";")
    try:
        given = KindLinesField().clean("\n".join(lines))
    except forms.ValidationError as error:
        raise Invalid(error.messages[0]) from error
    if not given:
        raise Invalid("give at least one price.")
    return kind_prices(given)


class ReasonedPriceForm(PriceForm):
    """One that asks why a price is changed."""

    tiers = TiersField(
        required=False,
        label="Long requests",
        help_text="Other prices of requests with many input tokens; what is left empty "
        "costs as above. Other kinds as “cache_write_tokens 7.5; searches 0.01”.",
    )
    reason = WhyField(
        required=False,
        help_text="What is booked keeps its cost; usage from now on is priced anew.",
    )

    class Meta:
        model = Price
        exclude = ()

    def clean(self) -> dict[str, Any]:
        said = super().clean() or self.cleaned_data
        is_changed = self.instance.pk and not _TELL_NOTHING.issuperset(
            self.changed_data
        )
        if is_changed and not said.get("reason") and "reason" not in self.errors:
            self.add_error("reason", SAY_WHY)
        return said

    def serve(self) -> Price:
        with giving(self.cleaned_data.pop("reason", "")):
            return super().serve()
