"""What was used and has no price, or one that stands in for a price of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet, Sum
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
    input_tokens: int
    cached_tokens: int  # of the input
    output_tokens: int
    requests: int
    first_used_at: datetime
    last_used_at: datetime
    assumed: bool  # what is used instead is a price that stands in
    filled: bool  # a price is known by now: reprice

    @property
    def tokens(self) -> int:
        """In and out."""
        return self.input_tokens + self.output_tokens


def gaps_of(organization: Organization, *, assumed: bool = True) -> Iterator[Gap]:
    """Yield the gaps in what *organization* used, the most used first. Reads all of it,
    without what is only *assumed* no more than what is unpriced.

    Costs that the sender named need no price.
    """
    prices = PriceBook(organization.pk)
    found = _sums_of(organization, assumed=assumed)
    for provider, model, sent, tier, unpriced, stands_in_for, *sums in found:
        kinds = tuple(stands_in_for or unpriced or ())
        records, *used, first, last = sums
        tariff = prices.span_at(provider, sent, tier, last).tariff
        filled = tariff is not None and all(
            rate is not None and not stands_in
            for rate, stands_in in (
                tariff.rate_of(kind, tariff.rates) for kind in kinds
            )
        )
        yield Gap(
            provider=provider,
            model=model,
            service_tier=tier,
            kinds=kinds,
            records=records,
            input_tokens=used[0],
            cached_tokens=used[1],
            output_tokens=used[2],
            requests=used[3],
            first_used_at=first,
            last_used_at=last,
            assumed=bool(stands_in_for),
            filled=filled and kinds != ("requests",),
        )


def _sums_of(organization: Organization, *, assumed: bool) -> QuerySet[Any]:
    """Return what lacks a price, added up. One query."""
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
    return (
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
            used_input=Sum("input_tokens"),
            used_cached=Sum("cached_tokens"),
            used_output=Sum("output_tokens"),
            used_requests=Sum("requests"),
            first_used_at=Min(_USED_AT),
            last_used_at=Max(_USED_AT),
        )
        .order_by("-records", "attribution__provider", "attribution__model")
    )
