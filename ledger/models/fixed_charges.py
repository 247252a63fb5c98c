"""What is paid whether or not anything is used: seats, subscriptions, commitments."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Self
from uuid import uuid4

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.audit import MOST_REASON, current_actor
from accounts.models import Organization, validate_currency_code
from ledger.amortization import Amortization, ChargeInterval
from ledger.models.attributions import Attribution
from lib.fields import MoneyField

USAGE_IDS = "fixed-charge/"  # how those of its records begin; nobody else's do
LONGEST_CHARGE_NAME = 150  # with its kind it is the model of an attribution


class ChargeKind(models.TextChoices):
    """What a fixed charge is paid for."""

    SEAT = "seat", "Seats"
    SUBSCRIPTION = "subscription", "Subscription"
    COMMITMENT = "commitment", "Commitment"
    OTHER = "other", "Other"


class FixedChargeQuerySet(models.QuerySet["FixedCharge"]):
    def unbooked_before(self, day: date) -> Self:
        """Keep those of which days before *day* may not be booked yet."""
        left = Q(last_day=None) | Q(last_day__gte=F("booked_to"))
        stands = Q(cancelled_from=None) | Q(cancelled_from__gt=F("booked_to"))
        return self.filter(left & stands, booked_to__lt=day)


class FixedCharge(models.Model):
    """A dated line of money that is owed for a stretch of time, used or not.

    Its terms are never changed: it is cancelled from a day on, and another takes its
    place. Each day's part is a cost record once the day has begun
    (`intake.fixed_charges`); `booked_to` is the first day without one.
    """

    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", db_index=False
    )
    uid = models.UUIDField("id", default=uuid4, unique=True, editable=False)
    name = models.CharField(max_length=LONGEST_CHARGE_NAME)
    kind = models.CharField(max_length=12, choices=ChargeKind.choices)
    amount = MoneyField(help_text="In each interval.")
    currency = models.CharField(max_length=3, validators=[validate_currency_code])
    interval = models.CharField(
        max_length=7, choices=[(one.value, one.value.title()) for one in ChargeInterval]
    )
    start_date = models.DateField()
    # Its last day; of what falls due once and has none, the first is. Null: it goes on.
    last_day = models.DateField(null=True, blank=True)
    provider = models.CharField(max_length=200)
    department = models.CharField(max_length=200, blank=True)
    team = models.CharField(max_length=200, blank=True)
    project = models.CharField(max_length=200, blank=True)
    environment = models.CharField(max_length=200, blank=True)
    user = models.CharField(max_length=200, blank=True)
    tags = models.JSONField(default=dict, blank=True)
    # What its days belong to; known when it is kept by `intake.fixed_charges`.
    attribution = models.ForeignKey(
        Attribution,
        models.PROTECT,
        null=True,
        editable=False,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    # Models, or patterns of them, whose usage it pays for; none: of nothing.
    covers = models.JSONField(default=list, blank=True)
    reason = models.CharField(max_length=MOST_REASON)
    replaces = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="replacement"
    )
    booked_to = models.DateField(editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    created_by = models.CharField(max_length=200, default=current_actor, editable=False)
    # From this day on nothing is charged, and what was is taken off.
    cancelled_from = models.DateField(null=True, blank=True, editable=False)
    cancelled_at = models.DateTimeField(null=True, blank=True, editable=False)
    cancelled_by = models.CharField(max_length=200, blank=True, editable=False)
    cancel_reason = models.CharField(max_length=MOST_REASON, blank=True, editable=False)

    objects = FixedChargeQuerySet.as_manager()

    class Meta:
        ordering = ["-start_date", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0), name="fixed_charge_is_above_nothing"
            ),
            models.CheckConstraint(
                condition=Q(last_day=None) | Q(last_day__gte=F("start_date")),
                name="fixed_charge_ends_after_it_begins",
            ),
            models.CheckConstraint(
                condition=Q(cancelled_from=None) | ~Q(cancel_reason=""),
                name="cancelling_a_fixed_charge_has_a_reason",
            ),
        ]
        indexes = [
            models.Index(
                fields=["organization", "start_date"], name="fixed_charge_order"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def terms(self) -> Amortization:
        """What it comes to, by day, whatever is cancelled of it."""
        interval = ChargeInterval(self.interval)
        return Amortization(self.amount, interval, self.start_date, self.last_day)

    @property
    def model(self) -> str:
        """What stands for it where usage has a model."""
        return f"{self.kind}: {self.name}"

    @property
    def ends_before(self) -> date | None:
        """The first day that is not charged; None: it goes on."""
        last = self.terms.last
        ends = [] if last is None else [last + timedelta(days=1)]
        if self.cancelled_from is not None:
            ends.append(self.cancelled_from)
        return min(ends, default=None)

    def is_over(self, day: date) -> bool:
        """Tell whether nothing of it belongs to *day* or later."""
        ends = self.ends_before
        return ends is not None and ends <= day

    @property
    def booked(self) -> Decimal:
        """What is booked of it, less what was taken off."""
        ends = self.ends_before
        return self.terms.before(
            self.booked_to if ends is None else min(self.booked_to, ends)
        )

    @property
    def to_come(self) -> Decimal | None:
        """What its days without a record come to; None: it goes on."""
        ends = self.ends_before
        return None if ends is None else self.terms.before(ends) - self.booked

    def state_on(self, today: date) -> str:
        """Return in a word how it stands: planned, running, ended or cancelled."""
        if self.cancelled_from is not None:
            return "cancelled"
        if today < self.start_date:
            return "planned"
        return "ended" if self.is_over(today) else "running"

    def booked_as(self, day: date, *, taken_off: bool = False) -> str:
        """Return the usage id of what is booked of *day*."""
        booked = f"{USAGE_IDS}{self.uid}/{day}"
        return f"{booked}/off" if taken_off else booked
