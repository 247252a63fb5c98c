"""What a line says of what was charged: the SKU and its prices. Pure."""

from decimal import Decimal
from typing import NamedTuple

from lib.money import wire_units
from reports.focus.cells import json_text, millions_text, quantity_text, row_of
from reports.focus.skus import KindWords, kind_of
from reports.focus.splits import CostShare, unit_price

CREDIT, PURCHASE, USAGE = "Credit", "Purchase", "Usage"
ONE_TIME, RECURRING, BY_USAGE = "One-Time", "Recurring", "Usage-Based"


class SoldModel(NamedTuple):
    """A model at one provider, for one service tier, as lines name it."""

    provider: str
    provider_name: str
    developer: str  # "": nobody knows
    developer_name: str
    model: str
    version: str
    tier: str


class ChargeTerms(NamedTuple):
    """How a share is charged."""

    currency: str  # of the price
    source: str  # where the price is from
    variant: str  # of the SKU's prices: "standard"
    rate: Decimal | None  # into the billing currency
    corrects: bool
    category: str = USAGE
    frequency: str = BY_USAGE

    @property
    def is_credit(self) -> bool:
        return self.category == CREDIT


def amount_cells(
    share: CostShare, rate: Decimal | None, *, takes_off: bool, category: str
) -> str:
    """Return the cells of OF_AMOUNT."""
    sign = -1 if takes_off else 1
    cost = wire_units(sign * share.cost)
    listed = share.list_cost(rate)
    list_cost = cost if listed == share.cost else wire_units(sign * listed)
    source = cost if rate is None else wire_units(sign * share.source)
    if category == CREDIT:
        return f"{cost},{cost},{cost},{list_cost},{source},,"
    amount = sign * share.amount
    consumed = quantity_text(amount)
    priced = consumed
    if isinstance(amount, int) and kind_of(share.kind).is_tokens:
        priced = millions_text(amount)
    if category == PURCHASE:
        consumed = ""  # what is bought is not what is used
    return f"{cost},{cost},{cost},{list_cost},{source},{consumed},{priced}"


def price_cells(model: SoldModel, share: CostShare, terms: ChargeTerms) -> str:
    """Return the cells of OF_PRICE."""
    kind = kind_of(share.kind)
    sku = None if terms.is_credit else _sku_of(model, share.kind)
    what = "credit" if terms.is_credit else kind.meter.lower()
    prices = _Prices.none() if terms.is_credit else _Prices.of(share, terms.rate)
    return row_of(
        (
            terms.category,
            "Correction" if terms.corrects else None,
            f"{model.model} {what}",
            terms.frequency,
            kind.consumed_unit if terms.category == USAGE else None,
            prices.contracted,
            model.provider_name,  # nobody tells where else it is hosted
            model.provider_name,
            prices.listed,
            sku and "Standard",
            terms.currency,
            prices.source_contracted,
            prices.source_listed,
            sku and kind.pricing_unit,
            model.provider_name,
            model.developer_name or model.provider_name,
            "AI and Machine Learning",
            model.provider_name,
            model.provider_name,
            "Generative AI",
            sku,
            sku and kind.meter,
            sku and json_text(_details(model, kind)),
            sku and f"{sku}:{terms.variant}",
        )
    )


def model_cells(model: SoldModel, share: CostShare, terms: ChargeTerms) -> str:
    """Return the cells of OF_MODEL."""
    kind = kind_of(share.kind)
    return row_of(
        (
            model.developer,
            model.model,
            model.version,
            terms.source,
            model.tier,
            "" if terms.is_credit else kind.cache_action,
            "" if terms.is_credit else kind.direction,
        )
    )


class _Prices(NamedTuple):
    """Unit prices, as text: in the billing currency, and in their own."""

    contracted: str | None
    listed: str | None
    source_contracted: str | None
    source_listed: str | None

    @classmethod
    def none(cls) -> "_Prices":
        return cls(None, None, None, None)

    @classmethod
    def of(cls, share: CostShare, rate: Decimal | None) -> "_Prices":
        own = unit_price(share, None), unit_price(share, None, listed=True)
        billed = own
        if rate is not None:
            billed = unit_price(share, rate), unit_price(share, rate, listed=True)
        return cls(*map(wire_units, (*billed, *own)))


def _sku_of(model: SoldModel, kind: str) -> str:
    named = model.version or model.model
    parts = (model.provider, named, model.tier, kind)
    return "/".join(part for part in parts if part)


def _details(model: SoldModel, kind: KindWords) -> dict[str, str]:
    """Return the properties that FOCUS 1.5's draft has for models, marked as ours: 1.2
    does not know them. What is not known is left out."""
    found = {
        "x_ModelDeveloper": model.developer_name,
        "x_ModelId": model.model,
        "x_ModelVersion": model.version,
        "x_TokenDirection": kind.direction,
        "x_TokenCacheAction": kind.cache_action,
    }
    return {name: value for name, value in found.items() if value}
