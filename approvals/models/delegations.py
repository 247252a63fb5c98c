"""Who stands in for whom, from when until when, up to which amount."""

from datetime import datetime
from typing import Self
from uuid import uuid4

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.audit import history
from accounts.models import Organization, User, validate_currency_code
from lib.fields import MoneyField


class DelegationQuerySet(models.QuerySet["Delegation"]):
    def at(self, now: datetime) -> Self:
        """Those in force."""
        return self.filter(starts_at__lte=now, ends_at__gt=now, ended_at=None)


class Delegation(models.Model):
    """That somebody may decide in another's place meanwhile."""

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="delegations"
    )
    delegator = models.ForeignKey(User, models.CASCADE, related_name="delegations")
    delegate = models.ForeignKey(User, models.CASCADE, related_name="stands_in")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()  # exclusive
    limit = MoneyField(null=True, blank=True)  # up to and with; null: the delegator's
    currency = models.CharField(
        max_length=3, blank=True, validators=[validate_currency_code]
    )
    reason = models.CharField(max_length=500, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)  # early
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    history = history(excluded=("created_at",))
    objects = DelegationQuerySet.as_manager()

    class Meta:
        ordering = ["starts_at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(delegator=F("delegate")),
                name="nobody_stands_in_for_themself",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="delegation_ends_after_it_starts",
            ),
            models.CheckConstraint(
                condition=Q(limit=None, currency="")
                | (Q(limit__gt=0) & ~Q(currency="")),
                name="delegation_limit_has_a_currency",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.delegate} for {self.delegator}"
