"""What cost records add up to, by attribution and time."""

from datetime import date
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.models import Organization
from ledger.models.attributions import Attribution
from lib.fields import MoneyField
from lib.humanize import date_words


class SpendBatch(models.Model):
    """The spend deltas of one batch on PostgreSQL, where arrays hold them in one row.

    A batch of a thousand records brings hundreds of deltas; rows of their own would
    cost a third of what its records do. `SpendDelta` is the view of them as rows.
    """

    organization = models.ForeignKey(
        Organization, models.PROTECT, db_constraint=False, related_name="+"
    )
    # One element a delta, each array in the same order.
    attribution_ids = ArrayField(models.BigIntegerField())
    starts_at = ArrayField(models.DateTimeField())
    currency = ArrayField(models.CharField(max_length=3, blank=True))
    requests = ArrayField(models.IntegerField())
    unpriced = ArrayField(models.IntegerField())
    input_tokens = ArrayField(models.BigIntegerField())
    cached_tokens = ArrayField(models.BigIntegerField())
    output_tokens = ArrayField(models.BigIntegerField())
    cost = ArrayField(MoneyField())

    class Meta:
        required_db_vendor = "postgresql"

    def __str__(self) -> str:
        return f"{len(self.cost)} spend deltas"


class SpendDelta(models.Model):
    """Spend not yet rolled up into daily spend and budget hours: one batch's share.

    `starts_at` begins a stretch of time in which nothing changes: not the price, not
    the UTC day, not the clock hour or the period of any budget that is charged.

    A table on SQLite, on PostgreSQL a view of `SpendBatch`: read it, don't write it.
    """

    organization = models.ForeignKey(
        Organization, models.PROTECT, db_constraint=False, db_index=False
    )
    attribution = models.ForeignKey(
        Attribution, models.PROTECT, db_constraint=False, db_index=False
    )
    starts_at = models.DateTimeField()
    # "" is the organization's own; another one repeats the amount for those budgets.
    currency = models.CharField(max_length=3, blank=True)
    requests = models.IntegerField()
    unpriced = models.IntegerField()
    input_tokens = models.BigIntegerField()
    cached_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
    cost = MoneyField()

    class Meta:
        indexes = [
            models.Index(
                fields=["organization", "attribution"], name="spend_delta_attribution"
            )
        ]

    def __str__(self) -> str:
        return f"{self.cost} at {self.starts_at}"


class DailySpendQuerySet(models.QuerySet["DailySpend"]):
    def during(self, start: date | None, end: date | None) -> Self:
        """Keep the UTC days from *start* up to, but not including, *end*."""
        rows = self
        if start is not None:
            rows = rows.filter(day__gte=start)
        if end is not None:
            rows = rows.filter(day__lt=end)
        return rows


class DailySpend(models.Model):
    """What one attribution used and cost on one UTC day, in organization's currency."""

    organization = models.ForeignKey(
        Organization, models.PROTECT, db_constraint=False, db_index=False
    )
    attribution = models.ForeignKey(
        Attribution, models.PROTECT, db_constraint=False, db_index=False
    )
    day = models.DateField()
    requests = models.BigIntegerField(default=0)
    unpriced = models.BigIntegerField(default=0)
    input_tokens = models.BigIntegerField(default=0)
    cached_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cost = MoneyField(default=0)

    objects = DailySpendQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "daily spend"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "day", "attribution"],
                name="one_daily_spend_per_attribution",
            )
        ]

    def __str__(self) -> str:
        return date_words(self.day)
