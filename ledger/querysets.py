"""The vocabulary of the ledger."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING, Self

from django.db.models import Exists, OuterRef, Q, QuerySet

from ledger.identity import ModelName, one_name
from ledger.patterns import ModelSet

if TYPE_CHECKING:
    from accounts.models import Organization
    from ledger.models import (
        Attribution,
        CostRecord,
        DailySpend,
        ExchangeRate,
        Price,
    )


class AttributionQuerySet(QuerySet["Attribution"]):
    def of(self, dimension: str, texts: Iterable[str]) -> Self:
        """Keep those of which *dimension* is one of *texts*, or means what it means."""
        if dimension == "model":
            return self.of_models(texts)
        names = {one_name(dimension, text) for text in texts}
        return self.filter(**{f"{dimension}__in": names})

    def of_models(self, texts: Iterable[str]) -> Self:
        """Keep those whose model one of *texts* means; one query if any has a *."""
        wanted = ModelSet.of(texts)
        named = Q(model__in=wanted.models) | Q(model_version__in=wanted.versions)
        if wanted.patterns:
            pairs = self.order_by().values_list("model", "model_version").distinct()
            found = [pair for pair in pairs if wanted.reaches(ModelName(*pair))]
            named |= Q(model_version__in={version for _, version in found if version})
            plain = {model for model, version in found if not version}
            named |= Q(model__in=plain, model_version="")
        return self.filter(named)


class CostRecordQuerySet(QuerySet["CostRecord"]):
    def during(self, start: datetime | None, end: datetime | None) -> Self:
        """Keep what was used in [*start*, *end*); None leaves that side open."""
        rows = self
        if start is not None:
            rows = rows.filter(timestamp__gte=start)
        if end is not None:
            rows = rows.filter(timestamp__lt=end)
        return rows

    def contents(self) -> Self:
        """Keep the rows that have all of a usage: as first booked, or corrected."""
        return self.filter(requests__gt=0)

    def changes(self) -> Self:
        """Keep the rows that correct others; served by a partial index."""
        return self.exclude(correction=0)

    def standing(self) -> Self:
        """Keep the contents that count: of each usage the last one."""
        taken_off = self._of_same_usage().filter(
            correction__lt=0 - OuterRef("correction")
        )
        return self.contents().filter(~Exists(taken_off))

    def unpriced(self) -> Self:
        """Keep the contents that count and have no price; served by a partial index."""
        later = self._of_same_usage().filter(correction__gt=OuterRef("correction"))
        return self.filter(~Exists(later), total_cost=None)

    def _of_same_usage(self) -> Self:
        return type(self)(self.model).filter(
            organization=OuterRef("organization"), usage_id=OuterRef("usage_id")
        )


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
