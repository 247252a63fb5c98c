"""What was used and has no price, or one that stands in for a price of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, Sum
from django.db.models.functions import Coalesce

from accounts.models import Organization
from ledger.models import CostRecord
from ledger.pricing import PriceBook

_USED_AT = Coalesce("used_at", "timestamp")  # when, wherever it is booked


@dataclass(frozen=True, slots=True)
class Gap:
    """A model, or kinds of its use, whose price is not known."""

    provider: str
    model: str
    service_tier: str
    kinds: tuple[str, ...]  # empty: the model has no price at all
    records: int
    tokens: int  # in and out
    first_used_at: datetime
    last_used_at: datetime
    assumed: bool  # what is used instead is a price that stands in
    filled: bool  # a price is known by now: reprice


def gaps_of(organization: Organization, *, assumed: bool = True) -> Iterator[Gap]:
    """Yield the gaps in what *organization* used, the most used first. Reads all of it,
    without what is only *assumed* no more than what is unpriced.

    Costs that the sender named need no price.
    """
    prices = PriceBook(organization.pk)
    rows = CostRecord.objects.filter(organization=organization, reported=False)
    # What is booked of a use stands in its last row.
    later = CostRecord.objects.filter(
        organization=organization,
        usage_id=OuterRef("usage_id"),
        correction__gt=OuterRef("correction"),
    )
    gaps = Q(total_cost=None)
    if assumed:
        gaps |= Q(assumed_kinds__isnull=False)
    found = (
        rows.filter(gaps, ~Exists(later))
        .values_list(
            "attribution__provider",
            "attribution__model",
            "attribution__sent_model",
            "service_tier",
            "unpriced_kinds",
            "assumed_kinds",
        )
        .annotate(
            records=Count("pk"),
            tokens=Sum(F("input_tokens") + F("output_tokens")),
            first_used_at=Min(_USED_AT),
            last_used_at=Max(_USED_AT),
        )
        .order_by("-records", "attribution__provider", "attribution__model")
    )
    for provider, model, sent, tier, unpriced, stands_in_for, *sums in found:
        kinds = tuple(stands_in_for or unpriced or ())
        records, tokens, first, last = sums
        tariff = prices.span_at(provider, sent, tier, last).tariff
        filled = tariff is not None and all(
            rate is not None and not stands_in
            for rate, stands_in in (
                tariff.rate_of(kind, tariff.rates) for kind in kinds
            )
        )
        yield Gap(
            *(provider, model, tier, kinds, records, tokens, first, last),
            assumed=bool(stands_in_for),
            filled=filled and kinds != ("requests",),
        )
