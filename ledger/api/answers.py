"""Cost records, sums, prices and rates as the API answers them."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

from msgspec import UNSET, UnsetType

from ledger.analytics import INTERVALS
from ledger.api.price_fields import NAMED
from ledger.models import ExchangeRate, Price
from ledger.tariffs import PricedSpan, Tariff
from ledger.tariffs import Rates as TariffRates
from ledger.types import OPEN_END, OPEN_START
from lib.answers import Exact, Moment, Money, Out, choices, note
from lib.money import from_units, wire

Day = date
_COSTS = dict[str, Money]


class CostRecordOut(Out, frozen=True):
    """One use of a model and what it cost, as it stands or as it stood."""

    id: int
    usage_id: Annotated[str, note("The id its sender gave it.")]
    correction: Annotated[
        int, note("0: as first booked. From 1 on: as corrected or repriced since.")
    ]
    corrected: Annotated[bool, note("It is not as first booked.")]
    organization_id: str
    project_id: str | None
    department_id: str | None
    team_id: str | None
    environment: str | None
    user_id: str | None
    provider: Annotated[str, note("Its one name, however it was spelled.")]
    model: Annotated[str, note("Its one name, however it was spelled.")]
    model_version: Annotated[str | None, note("The version named, if one was.")]
    sent_provider: Annotated[str, note("As it came.")]
    sent_model: Annotated[str, note("As it came.")]
    service_tier: str
    input_tokens: Annotated[int, note("The cached ones included.")]
    cached_tokens: int
    cache_write_tokens: int
    output_tokens: Annotated[int, note("Reasoning included.")]
    reasoning_tokens: int
    requests: Annotated[
        int, note("How many requests it is of; what corrects it has none.")
    ]
    quantities: Annotated[
        dict[str, int | float], note("What was metered beside plain tokens.")
    ]
    input_cost: Money | None
    output_cost: Money | None
    other_cost: Annotated[
        Money | None, note("Of what is neither input nor output tokens.")
    ]
    total_cost: Annotated[
        Money | None, note("What is charged. Null: no price is known.")
    ]
    computed_cost: Annotated[
        Money | None, note("By the price list: input, output and all else.")
    ]
    currency: str
    priced: bool
    unpriced_kinds: Annotated[
        list[str], note("Kinds for want of whose price none of it has one.")
    ]
    assumed_kinds: Annotated[
        list[str],
        note(
            "Kinds whose price stands in for one of their own: cached_tokens at the "
            "price of others; requests: many in one record, priced by their mean."
        ),
    ]
    reported: Annotated[bool, note("The sender named the cost.")]
    source_cost: Annotated[Money | None, note("The amount before it was exchanged.")]
    source_currency: str | None
    exchange_rate: Exact | None
    timestamp: Annotated[Moment, note("When it is booked, and counts.")]
    used_at: Annotated[
        Moment | None,
        note("When it was used, where that is in a month that was closed; else null."),
    ]
    latency_ms: int | None
    response_id: str | None
    run_id: str | None
    tags: Annotated[list[str] | dict[str, Any], note("As they came.")]
    metadata: dict[str, Any] | None


class UnpricedModelOut(Out, frozen=True):
    """Usage of one model that no price is known for."""

    provider: str
    model: str
    sent_model: Annotated[str, note("As it came: prices are found by it.")]
    service_tier: str
    requests: int
    input_tokens: int
    output_tokens: int
    first_seen: Moment
    last_seen: Moment


class CostSummaryOut(Out, frozen=True):
    """Costs added up, and the cost by each group that was asked for.

    What has no value stands under an empty name.
    """

    total_cost: Money
    total_requests: int
    avg_cost_per_request: Money
    unpriced_requests: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    currency: str
    by_provider: _COSTS | UnsetType = UNSET
    by_model: _COSTS | UnsetType = UNSET
    by_model_version: _COSTS | UnsetType = UNSET
    by_department: _COSTS | UnsetType = UNSET
    by_team: _COSTS | UnsetType = UNSET
    by_project: _COSTS | UnsetType = UNSET
    by_environment: _COSTS | UnsetType = UNSET
    by_user: _COSTS | UnsetType = UNSET
    by_tag: _COSTS | UnsetType = UNSET


class TimePointOut(Out, frozen=True):
    """One interval of a series, and the group that it is of."""

    start: Annotated[Moment, note("By the clocks of the time zone.")]
    cost: Money
    requests: int
    unpriced_requests: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    provider: str | UnsetType = UNSET
    model: str | UnsetType = UNSET
    model_version: str | UnsetType = UNSET
    department: str | UnsetType = UNSET
    team: str | UnsetType = UNSET
    project: str | UnsetType = UNSET
    environment: str | UnsetType = UNSET
    user: str | UnsetType = UNSET
    tag: str | UnsetType = UNSET


class TimeseriesOut(Out, frozen=True):
    """Costs added up over time."""

    interval: Annotated[str, choices(INTERVALS)]
    timezone: str
    currency: str
    points: list[TimePointOut]


class LongRequestPriceOut(Out, frozen=True):
    """Other prices, for requests with more input tokens."""

    above_input_tokens: int
    input_per_million: Money | None
    cached_input_per_million: Money | None
    output_per_million: Money | None
    per_request: Money | None
    quantities: dict[str, Money]


class PriceOut(Out, frozen=True):
    """A price that overrides the bundled catalogue, good for a stretch of time.

    Null: as in the catalogue. Prices of tokens are per million.
    """

    id: int
    organization_id: Annotated[str | None, note("Null: for all organizations.")]
    provider: str
    model: Annotated[str, note("Exact, or with * at its end.")]
    service_tier: str
    effective_from: Moment
    effective_to: Annotated[Moment | None, note("Exclusive. Null: open.")]
    currency: str
    input_per_million: Money | None
    cached_input_per_million: Money | None
    output_per_million: Money | None
    per_request: Money | None
    quantities: Annotated[
        dict[str, Money],
        note("Other kinds: the price of a million tokens, or of one thing."),
    ]
    tiers: Annotated[list[LongRequestPriceOut], note("Other prices of long requests.")]
    percent_of_list: Annotated[
        Exact | None, note("Instead of prices: 90 is 10 % off all of the catalogue.")
    ]
    provisional: Annotated[bool, note("An estimate, for the time being.")]
    note: str
    created_at: Moment


class MadePriceOut(PriceOut, frozen=True):
    """A price just made."""

    unpriced_requests: int


class ResolvedTierOut(Out, frozen=True):
    """Prices of requests with more input tokens. Null: no price of that kind."""

    above_input_tokens: int
    input_per_million: Money | None
    cached_input_per_million: Money | None
    cache_write_per_million: Money | None
    output_per_million: Money | None
    reasoning_per_million: Money | None
    per_request: Money
    quantities: dict[str, Money]
    assumed_kinds: list[str]


class ResolvedPriceOut(Out, frozen=True):
    """The price that applies to a model at a time, and where it comes from."""

    provider: str
    model: str
    service_tier: str
    at: Moment
    source: Annotated[str, note("override:17, or catalogue:openai/gpt-4o.")]
    price_id: int | None
    currency: str
    input_per_million: Money | None
    cached_input_per_million: Money | None
    cache_write_per_million: Money | None
    output_per_million: Money | None
    reasoning_per_million: Money | None
    per_request: Money
    quantities: Annotated[
        dict[str, Money], note("Other kinds: a million tokens, or one thing.")
    ]
    assumed_kinds: Annotated[
        list[str], note("Kinds whose price stands in for one of their own.")
    ]
    tiers: list[ResolvedTierOut]
    effective_from: Moment | None
    effective_to: Annotated[Moment | None, note("Exclusive.")]


class ExchangeRateOut(Out, frozen=True):
    """1 base = `rate` quote, from that UTC day until the next known one."""

    id: int
    organization_id: Annotated[str | None, note("Null: for all organizations.")]
    base: str
    quote: str
    rate: Exact
    date: Day


class ResolvedRateOut(Out, frozen=True):
    """The rate that applies on a day; `date` is the day it is from."""

    base: str
    quote: str
    rate: Exact
    date: Day
    source: Annotated[str, choices(["manual", "bundled"])]


def price_out(price: Price) -> PriceOut:
    return PriceOut(**_price(price))


def made_price_out(price: Price, unpriced_requests: int) -> MadePriceOut:
    """Return a price, and how many unpriced requests so far it is for."""
    return MadePriceOut(**_price(price), unpriced_requests=unpriced_requests)


def _price(price: Price) -> dict[str, Any]:
    percent = price.percent_of_list
    return {
        "id": price.pk,
        "organization_id": _slug(price),
        "provider": price.provider,
        "model": price.model,
        "service_tier": price.service_tier,
        "effective_from": price.effective_from,
        "effective_to": price.effective_to,
        "currency": price.currency,
        "input_per_million": wire(price.input_per_million),
        "cached_input_per_million": wire(price.cached_input_per_million),
        "output_per_million": wire(price.output_per_million),
        "per_request": wire(price.per_request),
        "quantities": _prices_of_kinds(price.quantities),
        "tiers": [_tier_out(tier) for tier in price.tiers],
        "percent_of_list": None if percent is None else f"{percent:.4f}",
        "provisional": price.provisional,
        "note": price.note,
        "created_at": price.created_at,
    }


def _slug(row: Price | ExchangeRate) -> str | None:
    return row.organization.slug if row.organization else None


def _prices_of_kinds(prices: Mapping[str, str]) -> dict[str, str]:
    return {kind: wire(Decimal(amount)) for kind, amount in prices.items()}


def _tier_out(tier: Mapping[str, Any]) -> LongRequestPriceOut:
    prices = dict(tier["prices"])
    named = {
        name: wire(Decimal(prices.pop(kind))) if kind in prices else None
        for kind, name in NAMED.items()
    }
    return LongRequestPriceOut(
        above_input_tokens=tier["above_input_tokens"],
        **named,
        quantities=_prices_of_kinds(prices),
    )


def resolved_price_out(
    span: PricedSpan, tariff: Tariff, *, asked: Mapping[str, Any], at: datetime
) -> ResolvedPriceOut:
    """Return the price that *asked* (provider, model, tier) has at *at*."""
    return ResolvedPriceOut(
        **asked,
        at=at,
        source=tariff.source,
        price_id=tariff.price_ref,
        currency=tariff.currency,
        **_amounts(tariff, tariff.rates),
        tiers=[
            ResolvedTierOut(above_input_tokens=start, **_amounts(tariff, rates))
            for start, rates in tariff.tiers
        ],
        effective_from=_bound(span.start, OPEN_START),
        effective_to=_bound(span.end, OPEN_END),
    )


_NAMED_RATES = {
    "input_tokens": "input_per_million",
    "cached_tokens": "cached_input_per_million",
    "cache_write_tokens": "cache_write_per_million",
    "output_tokens": "output_per_million",
    "reasoning_tokens": "reasoning_per_million",
}


def _amounts(tariff: Tariff, rates: TariffRates) -> dict[str, Any]:
    found = {kind: tariff.price_of(kind, rates) for kind in tariff.kinds(rates)}
    prices = {
        kind: wire(price.amount) if price else None for kind, price in found.items()
    }
    named = {name: prices.pop(kind, None) for kind, name in _NAMED_RATES.items()}
    return {
        **named,
        "per_request": wire(from_units(rates.per_request)),
        "quantities": {kind: prices[kind] for kind in sorted(prices) if prices[kind]},
        "assumed_kinds": sorted(
            kind for kind, price in found.items() if price and price.assumed
        ),
    }


def _bound(moment: datetime, open_one: datetime) -> datetime | None:
    return None if moment == open_one else moment.astimezone(UTC)


def rate_out(rate: ExchangeRate) -> ExchangeRateOut:
    return ExchangeRateOut(
        id=rate.pk,
        organization_id=_slug(rate),
        base=rate.base,
        quote=rate.quote,
        rate=f"{rate.rate:f}",
        date=rate.date,
    )
