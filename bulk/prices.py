"""Sheets of prices."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from accounts.models import Organization
from accounts.versions import Seen
from bulk.columns import BulkColumn
from bulk.forms import (
    AmountCells,
    DayCells,
    PairsCells,
    PercentCells,
    TextCells,
    TruthCells,
    WholeCells,
)
from bulk.models import BulkKind
from bulk.single import RowSheet
from ledger.api.answers import price_out
from ledger.api.prices import PriceIn
from ledger.models import Price
from ledger.prices import about, add_price, change_price


def _price(name: str, words: str) -> BulkColumn:
    return BulkColumn(name, AmountCells(), words, emptied=None, is_money=True)


class PriceSheet(RowSheet[Price]):
    """Prices of the organization's own; the catalogue's are nobody's to change."""

    kind = BulkKind.PRICES
    key = "model"
    words = (
        "Each line is a price. A line without an id changes the price for that model, "
        "tier and first day, or makes a new one."
    )
    columns = (
        BulkColumn("id", WholeCells(), "of a price that is there"),
        BulkColumn("provider", TextCells(), "such as openai"),
        BulkColumn("model", TextCells(), "gpt-4o; gpt-4* is what goes on at a dash"),
        BulkColumn("service_tier", TextCells(), "such as batch", emptied=""),
        BulkColumn("effective_from", DayCells(), "from when on"),
        BulkColumn("effective_to", DayCells(), "until when, exclusive", emptied=None),
        BulkColumn("currency", TextCells(), "such as USD"),
        _price("input_per_million", "for a million input tokens"),
        _price("cached_input_per_million", "for a million cached tokens"),
        _price("output_per_million", "for a million output tokens"),
        _price("per_request", "for one request"),
        BulkColumn("quantities", PairsCells(), "prices of other kinds", emptied={}),
        BulkColumn(
            "percent_of_list", PercentCells(), "in place of prices: 90", emptied=None
        ),
        BulkColumn("provisional", TruthCells(), "whether it is an estimate"),
        BulkColumn("note", TextCells(), "for people", emptied=""),
    )

    def all_of(self, organization: Organization) -> QuerySet[Price]:
        rows = Price.objects.filter(organization=organization)
        return rows.select_related("organization").order_by(
            "provider", "model", "effective_from", "pk"
        )

    def find(self, organization: Organization, wire: Mapping[str, Any]) -> Price | None:
        given = self._read(wire, partial=True)
        if "effective_from" not in given:
            return None
        rows = self.all_of(organization).filter(
            effective_from=given["effective_from"],
            service_tier__iexact=given.get("service_tier", ""),
        )
        return about(rows, given.get("provider", ""), given.get("model", "")).first()

    def answer(self, row: Price) -> Mapping[str, Any]:
        answer = price_out(row)
        return {name: getattr(answer, name) for name in answer.__struct_fields__}

    def label(self, wire: Mapping[str, Any]) -> str:
        parts = (wire.get(name) for name in ("provider", "model", "service_tier"))
        named = " ".join(str(one) for one in parts if one)
        begins = str(wire.get("effective_from") or "")[:10]
        return f"{named} from {begins}" if begins else named

    def make(
        self, organization: Organization, wire: dict[str, Any], now: datetime
    ) -> Price:
        given = self._read(wire, partial=False)
        given.setdefault("effective_from", now)
        return add_price(organization=organization, **given)

    def change(
        self, row: Price, wire: dict[str, Any], now: datetime, seen: Seen | None
    ) -> Price:
        return change_price(row, seen=seen, **self._read(wire, partial=True))

    def _read(self, wire: Mapping[str, Any], *, partial: bool) -> dict[str, Any]:
        sent = {name: value for name, value in wire.items() if name != "id"}
        shape = PriceIn(data=sent, partial=partial)
        shape.is_valid(raise_exception=True)
        return {k: v for k, v in shape.validated_data.items() if k != "reason"}
