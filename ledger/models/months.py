"""Months that were closed, by whom, and what they came to."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.audit import MOST_REASON, current_actor
from accounts.models import Organization
from lib.fields import MoneyField


class MonthLockQuerySet(models.QuerySet["MonthLock"]):
    def standing(self) -> Self:
        """Keep those that nobody took back."""
        return self.filter(unlocked_at=None)


class MonthLock(models.Model):
    """One closing of a month (of UTC). Taken back, it stays; a new one is another row.

    `total` and `requests` are what the month came to when it was closed, in the
    organization's currency, and `upto_id` the last cost record there was: what was
    booked since has greater ones.
    """

    organization = models.ForeignKey(
        Organization, models.PROTECT, db_index=False, related_name="+"
    )
    month = models.DateField()  # its first day
    locked_at = models.DateTimeField(db_default=Now())
    locked_by = models.CharField(max_length=200, default=current_actor)
    reason = models.CharField(max_length=MOST_REASON, blank=True)
    # Of the checklist, as it was: {"name": ..., "count": ...} of what was not done.
    open_items = models.JSONField(default=list)
    total = MoneyField()
    requests = models.BigIntegerField()
    upto_id = models.BigIntegerField()
    unlocked_at = models.DateTimeField(null=True, blank=True)
    unlocked_by = models.CharField(max_length=200, blank=True)
    unlock_reason = models.CharField(max_length=MOST_REASON, blank=True)

    objects = MonthLockQuerySet.as_manager()

    class Meta:
        ordering = ["-month", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "month"],
                condition=Q(unlocked_at=None),
                name="one_lock_per_closed_month",
            ),
            models.CheckConstraint(
                condition=Q(unlocked_at=None) | ~Q(unlock_reason=""),
                name="taking_back_a_lock_has_a_reason",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "month"], name="month_lock_order")
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"
