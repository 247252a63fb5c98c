"""The vocabulary of the ledger."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Self

from django.db.models import Exists, OuterRef, Q, QuerySet

if TYPE_CHECKING:
    from accounts.models import Organization
    from ledger.models import CostRecord, DailySpend, ExchangeRate, Price


class CostRecordQuerySet(QuerySet["CostRecord"]):
    def during(self, start: datetime | None, end: datetime | None) -> Self:
        """Keep what was used in [*start*, *end*); None leaves that side open."""
        rows = self
        if start is not None:
            rows = rows.filter(timestamp__gte=start)
        if end is not None:
            rows = rows.filter(timestamp__lt=end)
        return rows

    def originals(self) -> Self:
        """Keep the records as first booked, without the corrections."""
        return self.filter(correction=0)

    def unpriced(self) -> Self:
        """Keep the records no price was ever found for; served by a partial index."""
        corrected = self.model.objects.filter(
            organization=OuterRef("organization"),
            usage_id=OuterRef("usage_id"),
            correction__gt=0,
        )
        return self.filter(~Exists(corrected), total_cost=None, correction=0)


class DailySpendQuerySet(QuerySet["DailySpend"]):
    def during(self, start: date | None, end: date | None) -> Self:
        """Keep the UTC days from *start* up to, but not including, *end*."""
        rows = self
        if start is not None:
            rows = rows.filter(day__gte=start)
        if end is not None:
            rows = rows.filter(day__lt=end)
        return rows


class PriceQuerySet(QuerySet["Price"]):
    def for_organization(self, organization: "Organization | int") -> Self:
        """Keep its own prices and those for all."""
        return self.filter(Q(organization=organization) | Q(organization=None))

    def overlapping(self, start: datetime, end: datetime | None) -> Self:
        """Keep the prices that are in force at some moment of [*start*, *end*)."""
        rows = self.filter(Q(effective_to=None) | Q(effective_to__gt=start))
        return rows if end is None else rows.filter(effective_from__lt=end)


class ExchangeRateQuerySet(QuerySet["ExchangeRate"]):
    def for_organization(self, organization: "Organization | int") -> Self:
        """Keep its own rates and those for all."""
        return self.filter(Q(organization=organization) | Q(organization=None))
