"""What each use of a model cost, and for which response and currencies it is kept."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from accounts.models import Organization
from ledger.models.attributions import Attribution
from ledger.models.fixed_charges import FixedCharge
from ledger.models.repricings import Repricing
from lib.fields import MoneyField, RateField


class CostRecordQuerySet(models.QuerySet["CostRecord"]):
    def during(self, start: datetime | None, end: datetime | None) -> Self:
        """Keep what was used in [*start*, *end*); None leaves that side open."""
        rows = self
        if start is not None:
            rows = rows.filter(timestamp__gte=start)
        if end is not None:
            rows = rows.filter(timestamp__lt=end)
        return rows

    def contents(self) -> Self:
        """Keep the rows that have all of a usage: as first booked, or corrected.

        What is first booked of a fixed charge is of no request.
        """
        return self.filter(Q(requests__gt=0) | Q(correction=0))

    def changes(self) -> Self:
        """Keep the rows that correct others; served by a partial index."""
        return self.exclude(correction=0)

    def standing(self) -> Self:
        """Keep the contents that count: of each usage the last one."""
        taken_off = self._of_same_usage().filter(
            correction__lt=0 - OuterRef("correction")
        )
        return self.contents().filter(~Exists(taken_off))

    def adjustments(self) -> Self:
        """Keep what belongs to a closed month; served by a partial index."""
        return self.filter(used_at__isnull=False)

    def unpriced(self) -> Self:
        """Keep the contents that count and have no price; served by a partial index."""
        return self.filter(~Exists(self._later()), total_cost=None)

    def with_followers(self) -> Self:
        """Annotate `has_followers`: something later corrects the same usage."""
        return self.annotate(has_followers=Exists(self._later()))

    def _later(self) -> Self:
        return self._of_same_usage().filter(correction__gt=OuterRef("correction"))

    def _of_same_usage(self) -> Self:
        return type(self)(self.model).filter(
            organization=OuterRef("organization"), usage_id=OuterRef("usage_id")
        )


class CostRecord(models.Model):
    """What one use of a model cost. Append-only: a correction is a record of its own.

    Amounts are in the organization's currency as it was when the record was booked;
    `total_cost` is what is charged. Null costs mean that no price is known. Foreign
    keys are not checked by the database, for that would cost more than the insert
    itself; what they point at is never deleted, and `verify` looks.
    """

    organization = models.ForeignKey(
        Organization, models.PROTECT, db_constraint=False, db_index=False
    )
    attribution = models.ForeignKey(
        Attribution,
        models.PROTECT,
        db_constraint=False,
        db_index=False,
        related_name="cost_records",
    )
    usage_id = models.CharField(max_length=255)  # the sender's id
    # 0: as first booked. Below 0: takes off what counted before the one above it.
    correction = models.SmallIntegerField(default=0)
    timestamp = models.DateTimeField()
    input_tokens = models.BigIntegerField(default=0)  # cached ones included
    cached_tokens = models.BigIntegerField(default=0)
    cache_write_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)  # reasoning included
    reasoning_tokens = models.BigIntegerField(default=0)
    latency_ms = models.IntegerField(null=True)
    service_tier = models.CharField(max_length=50, blank=True)
    # By the price list; a fee per request is part of the input.
    input_cost = MoneyField(null=True)
    output_cost = MoneyField(null=True)
    total_cost = MoneyField(null=True)
    # What the sender was billed, or the price list's amount, in another currency.
    source_cost = MoneyField(null=True)
    source_currency = models.CharField(max_length=3, blank=True)
    exchange_rate = RateField(null=True)
    reported = models.BooleanField(default=False)  # the sender named the cost
    metadata = models.JSONField(null=True)
    repricing = models.ForeignKey(
        Repricing,
        models.PROTECT,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="cost_records",
    )
    recorded_at = models.DateTimeField(db_default=Now())
    # What few records have: a row without any of it leaves these columns out.
    requests = models.IntegerField(db_default=1)  # what it adds to the count of them
    unpriced = models.SmallIntegerField(db_default=0)  # 1: no price; -1: takes one off
    quantities = models.JSONField(null=True)  # by kind, those without a column
    other_cost = MoneyField(null=True)  # of what is neither input nor output
    unpriced_kinds = models.JSONField(null=True)  # for want of which nothing is priced
    assumed_kinds = models.JSONField(null=True)  # priced by what stands in for a price
    said = models.JSONField(null=True)  # named otherwise than where it is charged
    response_id = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - null leaves an index of them small
    settles = models.UUIDField(null=True)  # the reservation it names
    run_id = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001 - null leaves an index of them small
    # When it was used, where it is booked at another `timestamp`: its month was closed.
    used_at = models.DateTimeField(null=True)
    # Whose part of a day it is; of a request: by which it is paid for already.
    charge = models.ForeignKey(
        FixedCharge,
        models.PROTECT,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="cost_records",
    )
    has_followers: bool  # set by CostRecordQuerySet.with_followers

    objects = CostRecordQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "usage_id", "correction"],
                name="one_cost_record_per_usage_id",
            )
        ]
        indexes = [
            models.Index(fields=["organization", "timestamp"], name="cost_record_time"),
            models.Index(
                fields=["organization", "id"],
                condition=Q(total_cost=None),
                name="cost_record_unpriced",
            ),
            models.Index(
                fields=["organization", "timestamp"],
                condition=Q(said__isnull=False),
                name="cost_record_said",
            ),
            models.Index(
                fields=["organization", "timestamp"],
                condition=~Q(correction=0),
                name="cost_record_change",
            ),
            models.Index(
                fields=["organization", "run_id", "timestamp"],
                condition=Q(run_id__isnull=False),
                name="cost_record_run",
            ),
            models.Index(
                fields=["organization", "timestamp"],
                condition=~Q(source_currency=""),
                name="cost_record_foreign",
            ),
            models.Index(
                fields=["organization", "used_at"],
                condition=Q(used_at__isnull=False),
                name="cost_record_adjustment",
            ),
            models.Index(
                fields=["organization", "charge", "timestamp"],
                condition=Q(charge__isnull=False),
                name="cost_record_of_charge",
            ),
        ]

    def __str__(self) -> str:
        return self.usage_id

    @property
    def own_time(self) -> datetime:
        """When it was used, wherever it is booked: prices and rates are of then."""
        return self.used_at or self.timestamp

    @property
    def priced(self) -> bool:
        return self.total_cost is not None


class Response(models.Model):
    """A provider's response, and the usage it is booked for: any other repeats it."""

    organization = models.ForeignKey(
        Organization, models.PROTECT, db_constraint=False, db_index=False
    )
    provider = models.CharField(max_length=500)  # its one name
    digest = models.BinaryField(max_length=16)  # of the provider's id
    usage_id = models.CharField(max_length=255)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "provider", "digest"],
                name="one_usage_per_response",
            )
        ]

    def __str__(self) -> str:
        return f"A response of {self.provider}"


class ConvertedCost(models.Model):
    """A cost record's amount in the currency of a budget that has another one.

    Kept when the record is booked, with the rate that was used: later rates change
    nothing that is booked.
    """

    organization = models.ForeignKey(
        Organization, models.PROTECT, db_constraint=False, db_index=False
    )
    usage_id = models.CharField(max_length=255)
    correction = models.SmallIntegerField(default=0)
    currency = models.CharField(max_length=3)
    rate = RateField()
    amount = MoneyField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "usage_id", "correction", "currency"],
                name="one_converted_cost_per_currency",
            )
        ]

    def __str__(self) -> str:
        return f"{self.usage_id} in {self.currency}"
