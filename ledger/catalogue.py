"""The bundled price catalogue (genai-prices), read offline.

Prices are those of the package's own data: nothing here fetches anything. What is known
to be wrong or missing in it is put right by `ledger.corrections`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from functools import lru_cache

from genai_prices.types import (
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    PriceVariant,
    Provider,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)

from ledger.corrections import corrected, same_prices
from ledger.fine_tuned import fine_tuned_prices
from ledger.identity import (
    Identity,
    bundled_providers,
    identify,
    is_fine_tuned,
    is_variant,
    provider_named,
)
from ledger.quantities import is_tokens
from ledger.tariffs import (
    PricedSpan,
    Rates,
    Tariff,
)
from ledger.types import LIST_PRICE_TIERS, LISTED_IN, OPEN_END, OPEN_START

Constraint = StartDateConstraint | TimeOfDateConstraint | None
Price = Decimal | TieredPrices

KNOWN_NAMES = 4_096  # (provider, model) pairs kept
PRECISION = Decimal("1E-10")  # of a price per million tokens
EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)
# The catalogue's prices by our kinds; it has prices for a million tokens, a thousand of
# other things, or an hour. Of two names of one kind the first that has a price counts.
PRICES = {
    "input_mtok": "input_tokens",
    "cache_read_mtok": "cached_tokens",
    "cache_write_mtok": "cache_write_tokens",
    "cache_write_5m_mtok": "cache_write_5m_tokens",
    "cache_write_1h_mtok": "cache_write_1h_tokens",
    "output_mtok": "output_tokens",
    "output_reasoning_mtok": "reasoning_tokens",
    "output_citation_mtok": "citation_tokens",
    "input_audio_mtok": "audio_input_tokens",
    "input_image_mtok": "image_input_tokens",
    "input_video_mtok": "video_input_tokens",
    "cache_audio_read_mtok": "audio_cached_tokens",
    "cache_image_read_mtok": "image_cached_tokens",
    "cache_video_read_mtok": "video_cached_tokens",
    "output_audio_mtok": "audio_output_tokens",
    "output_image_mtok": "image_output_tokens",
    "output_video_mtok": "video_output_tokens",
    "audio_hours": "seconds",
    "input_audio_hours": "seconds",
    "input_mchars": "characters",
    "input_document_kpages": "pages",
    "input_annotated_document_kpages": "annotated_pages",
    "web_searches_kcount": "searches",
    "social_searches_kcount": "social_searches",
    "storage_searches_kcount": "storage_searches",
    "rerank_searches_kcount": "rerank_searches",
    "code_executions_kcount": "code_executions",
    "input_text_messages_kcount": "text_messages",
    "requests_kcount": "requests",
}
_PER = {"mtok": 1, "kcount": 1_000, "kpages": 1_000, "mchars": 10**6, "hours": 3_600}

# The catalogue files a service tier under one of these, by provider.
TIER_KEYS = ("service_tier", "processing", "speed")
# Shares of the list price per token that providers publish, for models and times for
# which the catalogue has no price of the tier itself:
# https://platform.openai.com/docs/pricing
# https://docs.claude.com/en/docs/build-with-claude/batch-processing
# https://ai.google.dev/gemini-api/docs/batch-api
TIER_SHARES = {
    ("openai", "batch"): Decimal("0.5"),
    ("openai", "flex"): Decimal("0.5"),
    ("anthropic", "batch"): Decimal("0.5"),
    ("google", "batch"): Decimal("0.5"),
}


@dataclass(frozen=True, slots=True)
class _Listing:
    """One model as one provider sells it."""

    provider: str
    model: str
    prices: tuple[ConditionalPrice, ...]
    variants: tuple[PriceVariant, ...]
    context: int | None = None  # tokens that one request may have


def span_at(
    provider: str, model: str, at: datetime, service_tier: str = ""
) -> PricedSpan:
    """Find the price of *model* at *at* and the span in which it stays the same.

    Its tariff is None for a provider, model or service tier without a known price. A
    model is never priced by its name alone: the provider has to be known too. Spans
    without an end reach from 1900 to 2200.

    Raises:
        ValueError: *at* is naive.
    """
    if at.tzinfo is None:
        message = "A price is looked up at an aware datetime."
        raise ValueError(message)
    listing = _listing(provider, model.strip().lower())
    if listing is None or not listing.prices:
        return PricedSpan(OPEN_START, OPEN_END, None)
    moment = at.astimezone(UTC)
    tier = service_tier.strip().lower()
    entry, asked = _entry_at(listing.prices, moment)
    variants = _variants_of(listing.variants, tier)
    asked += [variant.constraint for variant in variants]
    start, end = _unchanged_around(asked, moment)
    special = [variant for variant in variants if _holds(variant.constraint, moment)]
    return PricedSpan(start, end, _tariff(listing, entry, special, tier))


def known_models() -> Iterator[tuple[str, str]]:
    """Yield (provider, model) of the catalogue, each found by just these names."""
    for provider in bundled_providers():
        for model in provider.models:
            if model.is_match(model.id):
                yield provider.id, model.id


def is_listed(provider: str, model: str) -> bool:
    """Tell whether the catalogue has *model*, and not only one that is called alike."""
    listing = _listing(provider, model)
    if listing is None:
        return False
    return identify(provider, listing.model).model == identify(provider, model).model


def context_of(provider: str, model: str) -> int | None:
    """Return how many tokens one request of *model* may have; None: it is not known."""
    listing = _listing(provider, model)
    return None if listing is None else listing.context


@lru_cache(maxsize=KNOWN_NAMES)
def _listing(provider_name: str, sent: str) -> _Listing | None:
    """Look both names up as the library does, without its unbounded caches."""
    meant = identify(provider_name, sent)
    if prices := fine_tuned_prices(meant, sent):
        entries = (ConditionalPrice(prices=prices),)
        return _Listing(meant.provider, f"ft:{meant.model}", entries, ())
    provider = next((p for p in bundled_providers() if p.id == meant.provider), None)
    if provider is None:
        return None
    model = _listed_model(provider, meant, sent)
    if model is None:
        return None
    # Azure sells OpenAI's models at OpenAI's list prices, but the library leaves the
    # variants to the provider that has them.
    is_own = any(model is own for own in provider.models)
    variants = tuple(model.price_variants or ()) if is_own else ()
    context = model.context_window
    return _Listing(provider.id, model.id, _entries(model), variants, context)


def _listed_model(provider: Provider, meant: Identity, sent: str) -> ModelInfo | None:
    """Return the model by the name that was *sent*, or else the version, or the model.

    What is sold otherwise than the model itself has prices of its own or none.
    """
    names = [sent]
    seller, _, rest = sent.partition("/")
    if rest and provider_named(seller) == meant.provider:
        names.append(rest)
    if not is_fine_tuned(sent) and not is_variant(sent):
        names += meant.version, meant.model
    for name in filter(None, names):
        found = provider.find_model(name, all_providers=bundled_providers())
        if found is not None:
            return found
    return None


def _entries(model: ModelInfo) -> tuple[ConditionalPrice, ...]:
    if isinstance(model.prices, ModelPrice):
        return (ConditionalPrice(prices=model.prices),)
    return tuple(model.prices)


def _entry_at(
    entries: Sequence[ConditionalPrice], moment: datetime
) -> tuple[ModelPrice, list[Constraint]]:
    """Choose the last entry that holds, or else the first.

    Also returns the constraints that decided: while none of them turns, the choice
    stays the same.
    """
    asked: list[Constraint] = []
    for entry in reversed(entries):
        asked.append(entry.constraint)
        if _holds(entry.constraint, moment):
            return entry.prices, asked
    return entries[0].prices, asked


def _variants_of(variants: Sequence[PriceVariant], tier: str) -> list[PriceVariant]:
    context = dict.fromkeys(TIER_KEYS, tier)
    return [
        variant
        for variant in variants
        if all(context.get(key) == value for key, value in variant.when.items())
    ]


def _holds(constraint: Constraint, moment: datetime) -> bool:
    return constraint is None or constraint.active(moment)


def _unchanged_around(
    constraints: Sequence[Constraint], moment: datetime
) -> tuple[datetime, datetime]:
    """Return the widest [start, end) around *moment* in which no constraint turns."""
    turns = [turn for each in constraints for turn in _turns(each, moment)]
    return (
        max((turn for turn in turns if turn <= moment), default=OPEN_START),
        min((turn for turn in turns if turn > moment), default=OPEN_END),
    )


def _turns(constraint: Constraint, moment: datetime) -> list[datetime]:
    """List when *constraint* begins or ceases to hold, nearest to *moment*."""
    if constraint is None:
        return []
    if isinstance(constraint, StartDateConstraint):
        return [datetime.combine(constraint.start_date, time(), UTC)]
    daily = {_utc_time(constraint.start_time), _utc_time(constraint.end_time)}
    if len(daily) == 1:  # an empty window: it never holds
        return []
    days = [moment.date() + timedelta(days=offset) for offset in (-1, 0, 1)]
    return [datetime.combine(day, turn, UTC) for day in days for turn in daily]


def _utc_time(value: time) -> time:
    """Return a time of day in UTC, without its zone; a naive one is UTC already."""
    if value.tzinfo is None:
        return value
    return datetime.combine(date(2000, 1, 1), value).astimezone(UTC).time()


def _tariff(
    listing: _Listing, entry: ModelPrice, variants: Sequence[PriceVariant], tier: str
) -> Tariff | None:
    source = f"catalogue:{listing.provider}/{listing.model}"
    share: Decimal | None = Decimal(1)
    if tier not in LIST_PRICE_TIERS:
        source += f" ({tier})"
        if not variants:
            share = TIER_SHARES.get((listing.provider, tier))
    prices = _merged(entry, variants)
    if put_right := corrected(listing.provider, listing.model, prices):
        prices |= put_right
        source += " (corrected)"
    if share is None or not prices:
        return None
    starts = {
        step.start
        for price in prices.values()
        if isinstance(price, TieredPrices)
        for step in price.tiers
    }
    return Tariff(
        currency=LISTED_IN,
        rates=_rates(prices, 0, share),
        tiers=tuple(
            (start, _rates(prices, start + 1, share)) for start in sorted(starts)
        ),
        source=source,
        price_ref=None,
        alike=same_prices(listing.provider, listing.model),
    )


def _merged(entry: ModelPrice, variants: Sequence[PriceVariant]) -> dict[str, Price]:
    """Merge prices: of the first variant that has one, else of *entry*."""
    prices: dict[str, Price] = {}
    for source in (*(variant.prices for variant in variants), entry):
        for key in PRICES:
            price = vars(source).get(key)
            if price is not None:
                prices.setdefault(key, price)
    return prices


def _rates(listed: Mapping[str, Price], input_tokens: int, share: Decimal) -> Rates:
    """Resolve prices for a request with so many input tokens.

    The share of a service tier is one of the price per token: what a search or a
    request costs stays.
    """
    prices: dict[str, Decimal | Fraction] = {}
    per_request = Decimal(0)
    for key, kind in PRICES.items():
        if key not in listed:
            continue
        price = _applicable(listed[key], input_tokens)
        if kind == "requests":
            per_request = _clean(EXACT.divide(price, Decimal(1_000)))
        elif is_tokens(kind):
            prices[kind] = _clean(EXACT.multiply(price, share))
        else:
            per = _PER[key.rpartition("_")[2]]
            prices.setdefault(kind, Fraction(_clean(price)) / per)
    return Rates.of(prices, per_request=per_request)


def _applicable(price: Price, input_tokens: int) -> Decimal:
    if isinstance(price, Decimal):
        return price
    for step in reversed(price.tiers):
        if input_tokens > step.start:
            return step.price
    return price.base


def _clean(price: Decimal) -> Decimal:
    """Round a price per million to ten decimals.

    Some of the catalogue's prices went through binary floating point on their way
    (0.27999999999999997); providers themselves publish none with so many decimals.
    """
    return price.quantize(PRECISION, context=EXACT)
