"""Changing what prices and exchange rates are known by hand.

Every change raises the revision of the organizations it is for, so that every process
reads prices anew before it books the next record.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, F, Q, QuerySet
from django.utils import timezone

from accounts.locks import hold_alone
from accounts.models import Organization
from accounts.versions import Seen, check_seen, history_of
from ledger.identity import (
    identify,
    is_fine_tuned,
    model_named,
    provider_named,
)
from ledger.models import CostRecord, ExchangeRate, Price
from ledger.patterns import ModelPattern, is_priced_as, pattern_of
from ledger.quantities import kind_named
from ledger.types import LIST_PRICE_TIERS, LISTED_IN
from lib.errors import Conflict, Invalid, NotFound
from lib.money import to_units

EVERYBODY = 0  # locked for what is for all organizations: none has this id
MOST_OF_ONE = Decimal(1_000_000)  # the price of a million tokens, or of one thing
MOST_PERCENT = 1_000
# Kinds whose price has a column.
_COLUMNS = {
    "input_tokens": "input_per_million",
    "cached_tokens": "cached_input_per_million",
    "output_tokens": "output_per_million",
    "requests": "per_request",
}


class PriceOverlaps(Conflict):
    """Another price for the same model is in force at the same time."""

    code = "price_overlaps"


class RateExists(Conflict):
    """There is a rate between the two currencies for that day already."""

    code = "rate_exists"


@transaction.atomic
def add_price(**values: Any) -> Price:
    """Keep a new price and return it.

    Raises:
        Invalid: its end is not after its beginning, a * is not at the end, or it says
            no price, or both prices and a share of the list.
        PriceOverlaps: two for the same would be in force at once.
    """
    values.setdefault("effective_from", timezone.now())
    price = Price(**values)
    hold_alone(price.organization_id or EVERYBODY)
    _check(price)
    price.save()
    _tell(price.organization_id)
    return price


@transaction.atomic
def change_price(price: Price, *, seen: Seen | None = None, **changes: Any) -> Price:
    """Change a price and return it; what is booked keeps the cost it was booked with.

    Raises:
        NotFound: it was deleted meanwhile.
        ChangedMeanwhile: it is none of the versions *seen*.
        Invalid, PriceOverlaps: as `add_price`.
    """
    hold_alone(price.organization_id or EVERYBODY)
    found = Price.objects.filter(pk=price.pk).first()
    if found is None:
        raise NotFound("There is no such price.")
    check_seen(history_of(found), seen)
    for name, value in changes.items():
        setattr(found, name, value)
    _check(found)
    found.save()
    _tell(found.organization_id)
    return found


@transaction.atomic
def delete_price(price: Price, *, seen: Seen | None = None) -> None:
    """Delete a price; what is booked keeps the cost it was booked with.

    Raises:
        ChangedMeanwhile: it is none of the versions *seen*.
    """
    hold_alone(price.organization_id or EVERYBODY)
    check_seen(history_of(price), seen)
    price.delete()
    _tell(price.organization_id)


def kind_prices(given: Mapping[str, object]) -> dict[str, str]:
    """Return prices by kind as they are kept: exact, as text.

    Raises:
        Invalid: a kind can't be called so, is named twice, or its price is none.
    """
    found: dict[str, str] = {}
    for name, amount in given.items():
        kind = kind_named(str(name))
        if kind is None or kind in found:
            detail = (
                f"“{name}” is no kind, or named twice: a word of a to z, 0 to 9, _."
            )
            raise Invalid.field("quantities", detail)
        found[kind] = _price_text(kind, amount)
    if {"seconds", "minutes"} <= found.keys():
        detail = "A minute is 60 seconds: give the price of one of them."
        raise Invalid.field("quantities", detail)
    return found


def _price_text(kind: str, amount: object) -> str:
    try:
        price = Decimal(str(amount))
        fits = 0 <= price <= MOST_OF_ONE and not isinstance(amount, bool)
        to_units(price)
    except (ArithmeticError, ValueError):
        fits = False
    if not fits:
        detail = (
            f"The price of {kind} must be from 0 to {MOST_OF_ONE:,}, with ten decimal "
            "places at most."
        )
        raise Invalid.field("quantities", detail)
    return f"{price:f}"


def _take_kinds(price: Price) -> None:
    """Bring the prices of kinds into their one form; those with a column go there."""
    kinds = kind_prices(price.quantities or {})
    for kind, column in _COLUMNS.items():
        if kind not in kinds:
            continue
        amount = Decimal(kinds.pop(kind))
        if getattr(price, column) not in {None, amount}:
            raise Invalid.field("quantities", f"{kind} differs from {column}.")
        setattr(price, column, amount)
    price.quantities = kinds
    price.tiers = sorted(price.tiers or [], key=lambda tier: tier["above_input_tokens"])
    for tier in price.tiers:
        tier["prices"] = kind_prices(tier["prices"])


def _check_amounts(price: Price) -> None:
    says = bool(price.prices() or price.tiers)
    if price.percent_of_list is None:
        if not says:
            detail = "Give at least one price, or percent_of_list; 0 means free."
            raise Invalid.field("input_per_million", detail, code="required")
        return
    if says:
        detail = "A share of the list stands instead of prices: send one or the other."
        raise Invalid.field("percent_of_list", detail)
    if not 0 <= price.percent_of_list <= MOST_PERCENT:
        detail = f"Must be from 0 to {MOST_PERCENT:,}."
        raise Invalid.field("percent_of_list", detail)
    if price.currency != LISTED_IN:
        detail = f"The catalogue is in {LISTED_IN}; so is a share of it."
        raise Invalid.field("currency", detail)


def _check(price: Price) -> None:
    _take_kinds(price)
    _check_amounts(price)
    if "*" in price.model[:-1]:
        raise Invalid.field("model", "A * may stand at the end only.")
    if price.effective_to and price.effective_to <= price.effective_from:
        raise Invalid.field("effective_to", "Must be after effective_from.")
    others = Price.objects.filter(
        organization=price.organization_id, service_tier__iexact=price.service_tier
    ).exclude(pk=price.pk)
    for other in others.overlapping(price.effective_from, price.effective_to):
        if _meaning(other) == _meaning(price):
            raise PriceOverlaps(
                f"Price {other.pk} is in force from "
                f"{other.effective_from:%Y-%m-%d %H:%M} on: end that one first, or let "
                "the new one begin when it ends."
            )


def _meaning(price: Price) -> tuple[str, ModelPattern, bool]:
    """Return what two prices for the same have in common, however it is spelled."""
    provider = identify(price.provider, price.model).provider
    return provider, *_model_meant(price.model)


def _model_meant(text: str) -> tuple[ModelPattern, bool]:
    return replace(pattern_of(text), text=""), is_fine_tuned(text)


def about(rows: QuerySet[Price], provider: str, model: str) -> QuerySet[Price]:
    """Keep the prices for *provider* and *model*, however both spell them; "": any."""
    if not provider and not model:
        return rows
    found = [
        price.pk
        for price in rows
        if (not provider or provider_named(price.provider) == provider_named(provider))
        and (not model or _model_meant(price.model) == _model_meant(model))
    ]
    return rows.filter(pk__in=found)


def count_priced_by(price: Price) -> int:
    """Return how many records without any price so far *price* would give one."""
    if price.percent_of_list is not None:
        return 0  # what the list has no price for has no share of one
    priced = {"seconds" if kind == "minutes" else kind for kind in price.prices()}
    rows = priced_by(price).values_list("unpriced_kinds").order_by()
    return sum(
        count
        for kinds, count in rows.annotate(count=Count("pk"))
        if kinds is None or priced.issuperset(kinds)
    )


def priced_by(price: Price) -> QuerySet[CostRecord]:
    """Return the records without any price so far that *price* is for. One query now,
    to find the models."""
    provider = identify(price.provider, price.model).provider
    rows = CostRecord.objects.unpriced().filter(
        attribution__provider=provider, reported=False
    )
    if price.organization_id is not None:
        rows = rows.filter(organization=price.organization_id)
    rows = rows.during(price.effective_from, price.effective_to)
    if price.service_tier:
        rows = rows.filter(service_tier__iexact=price.service_tier)
    else:
        rows = rows.filter(service_tier__in=LIST_PRICE_TIERS)
    sent = rows.order_by().values_list("attribution__sent_model", flat=True).distinct()
    reached = [
        model for model in sent if is_priced_as(price.model, model, model_named(model))
    ]
    return rows.filter(attribution__sent_model__in=reached)


@transaction.atomic
def add_rate(**values: Any) -> ExchangeRate:
    """Keep a manual exchange rate and return it.

    Raises:
        Invalid: both currencies are the same.
        RateExists: that day has one already.
    """
    rate = ExchangeRate(**values)
    if rate.base == rate.quote:
        raise Invalid.field("quote", "Must be another currency than base.")
    hold_alone(rate.organization_id or EVERYBODY)
    try:
        with transaction.atomic():
            rate.save()
    except IntegrityError as error:
        raise RateExists(
            f"There is a rate from {rate.base} to {rate.quote} for {rate.date} "
            "already: delete that one first."
        ) from error
    _tell(rate.organization_id)
    return rate


@transaction.atomic
def delete_rate(rate: ExchangeRate, *, seen: Seen | None = None) -> None:
    """Delete a manual rate; what is booked keeps the rate it was booked with.

    Raises:
        ChangedMeanwhile: it is none of the versions *seen*.
    """
    hold_alone(rate.organization_id or EVERYBODY)
    check_seen(history_of(rate), seen)
    rate.delete()
    _tell(rate.organization_id)


def _tell(organization_id: int | None) -> None:
    """Make every process read anew what it knows of one organization, or of all."""
    concerned = Q() if organization_id is None else Q(pk=organization_id)
    Organization.objects.filter(concerned).update(revision=F("revision") + 1)
