"""Prices, exchange rates, repricing, fixed charges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Optional

from llm_cost_ops.answers.prices import (
    ExchangeRate,
    FixedCharge,
    MadePrice,
    Price,
    ResolvedPrice,
)
from llm_cost_ops.answers.shaped import Repricing
from llm_cost_ops.api.fields import FixedChargeFields, Moment, PriceFields
from llm_cost_ops.money import Money, wire
from llm_cost_ops.requests import (
    Page,
    Request,
    present,
    reads,
    reads_nothing,
    reads_page,
    segment,
)

if TYPE_CHECKING:
    from typing import Unpack

_CHARGES = "/api/v1/fixed-charges"
_AMOUNTS = (
    "input_per_million",
    "cached_input_per_million",
    "output_per_million",
    "per_request",
)


def list_prices(
    *,
    organization_id: Optional[str] = None,
    provider: Optional[str] = None,
    model: Optional[str] = None,
    at: Optional[Moment] = None,
    limit: Optional[int] = None,
) -> Request[Page[Price]]:
    """List overrides of the bundled catalogue."""
    return Request("GET", "/api/v1/pricing", reads_page(Price), query=locals())


def create_price(
    *, provider: str, model: str, **fields: Unpack[PriceFields]
) -> Request[MadePrice]:
    """Set a price per million tokens; *model* is exact, or has * at its end."""
    body = {"provider": provider, "model": model, **_priced(dict(fields))}
    return Request("POST", "/api/v1/pricing", reads(MadePrice), body=body, creates=True)


def get_price(price_id: int) -> Request[Price]:
    return Request("GET", f"/api/v1/pricing/{price_id}", reads(Price))


def update_price(price_id: int, **fields: Unpack[PriceFields]) -> Request[Price]:
    path = f"/api/v1/pricing/{price_id}"
    return Request("PATCH", path, reads(Price), body=_priced(dict(fields)))


def delete_price(price_id: int) -> Request[None]:
    return Request("DELETE", f"/api/v1/pricing/{price_id}", reads_nothing)


def resolve_price(
    *,
    provider: str,
    model: str,
    at: Optional[Moment] = None,
    service_tier: Optional[str] = None,
    organization_id: Optional[str] = None,
) -> Request[ResolvedPrice]:
    """Ask for the price that applies, and where it comes from."""
    return Request(
        "GET", "/api/v1/pricing/resolve", reads(ResolvedPrice), query=locals()
    )


def _priced(fields: dict[str, Any]) -> dict[str, Any]:
    for name in _AMOUNTS:
        if fields.get(name) is not None:
            fields[name] = wire(fields[name])
    return fields


def list_exchange_rates(
    *,
    organization_id: Optional[str] = None,
    base: Optional[str] = None,
    quote: Optional[str] = None,
    date: Optional[Moment] = None,
    limit: Optional[int] = None,
) -> Request[Page[ExchangeRate]]:
    return Request(
        "GET", "/api/v1/exchange-rates", reads_page(ExchangeRate), query=locals()
    )


def set_exchange_rate(
    *,
    base: str,
    quote: str,
    rate: Money,
    date: Moment,
    organization_id: Optional[str] = None,
) -> Request[ExchangeRate]:
    """Set 1 *base* = *rate* *quote* from that UTC day on."""
    return Request(
        "POST",
        "/api/v1/exchange-rates",
        reads(ExchangeRate),
        body=present({**locals(), "rate": wire(rate)}),
        creates=True,
    )


def get_exchange_rate(rate_id: int) -> Request[ExchangeRate]:
    return Request("GET", f"/api/v1/exchange-rates/{rate_id}", reads(ExchangeRate))


def delete_exchange_rate(rate_id: int) -> Request[None]:
    return Request("DELETE", f"/api/v1/exchange-rates/{rate_id}", reads_nothing)


def list_repricings(
    *, organization_id: Optional[str] = None, limit: Optional[int] = None
) -> Request[Page[Repricing]]:
    return Request("GET", "/api/v1/repricings", reads_page(Repricing), query=locals())


def reprice(
    *,
    filters: Optional[Mapping[str, Any]] = None,
    reason: Optional[str] = None,
    dry_run: bool = False,
    organization_id: Optional[str] = None,
) -> Request[Repricing]:
    """Price booked usage anew by today's prices; *dry_run* only tells the effect."""
    body = present(locals())
    return Request(
        "POST", "/api/v1/repricings", reads(Repricing), body=body, creates=True
    )


def undo_repricing(
    repricing_id: int, *, reason: Optional[str] = None, dry_run: bool = False
) -> Request[Repricing]:
    """Take a repricing back, once; *dry_run* only tells the effect."""
    path = f"/api/v1/repricings/{segment(str(repricing_id))}/undo"
    body = present({"reason": reason, "dry_run": dry_run})
    return Request("POST", path, reads(Repricing), body=body, creates=True)


def get_repricing(repricing_id: int) -> Request[Repricing]:
    path = f"/api/v1/repricings/{segment(str(repricing_id))}"
    return Request("GET", path, reads(Repricing))


# -- Fixed charges


def list_fixed_charges(
    *, organization_id: Optional[str] = None, limit: Optional[int] = None
) -> Request[Page[FixedCharge]]:
    return Request("GET", _CHARGES, reads_page(FixedCharge), query=locals())


def create_fixed_charge(
    *,
    reason: str,
    organization_id: Optional[str] = None,
    **fields: Unpack[FixedChargeFields],
) -> Request[FixedCharge]:
    """Keep what is owed whether or not it is used; it is charged by the day."""
    given = present({"reason": reason, "organization_id": organization_id, **fields})
    return Request(
        "POST", _CHARGES, reads(FixedCharge), body=_charged(given), creates=True
    )


def get_fixed_charge(charge_id: str) -> Request[FixedCharge]:
    return Request("GET", _charge(charge_id), reads(FixedCharge))


def cancel_fixed_charge(
    charge_id: str, *, reason: str, from_date: Optional[Moment] = None
) -> Request[FixedCharge]:
    """Charge nothing from a day on, or at all, and take off what was."""
    body = present({"reason": reason, "from_date": from_date})
    path = f"{_charge(charge_id)}/cancel"
    return Request("POST", path, reads(FixedCharge), body=body)


def correct_fixed_charge(
    charge_id: str, *, reason: str, **fields: Unpack[FixedChargeFields]
) -> Request[FixedCharge]:
    """Put another, sent whole, in its place; return that one."""
    body = _charged(present({"reason": reason, **fields}))
    path = f"{_charge(charge_id)}/correct"
    return Request("POST", path, reads(FixedCharge), body=body)


def _charge(charge_id: str) -> str:
    return f"{_CHARGES}/{segment(charge_id)}"


def _charged(fields: dict[str, Any]) -> dict[str, Any]:
    if "amount" in fields:
        fields["amount"] = wire(fields["amount"])
    return fields
