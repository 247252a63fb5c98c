"""What was achieved: what costs are held against beside requests and people."""

from uuid import uuid4

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Organization
from ledger.models.attributions import Attribution


class OutcomeRecord(models.Model):
    """That something was achieved so many times: tickets solved, orders placed.

    Append-only, unique by (organization, outcome id). Its dimensions are those of an
    attribution, as a cost record's are, so that a budget covers it by the same scope.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    organization = models.ForeignKey(
        Organization, models.PROTECT, db_index=False, related_name="+"
    )
    attribution = models.ForeignKey(Attribution, models.PROTECT, related_name="+")
    outcome_id = models.CharField(max_length=255)  # the sender's
    name = models.CharField(max_length=100)
    timestamp = models.DateTimeField()
    count = models.BigIntegerField()
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "outcome_id"],
                name="one_outcome_record_per_outcome_id",
            ),
            models.CheckConstraint(
                condition=Q(count__gt=0), name="outcome_count_is_positive"
            ),
        ]
        indexes = [
            models.Index(
                fields=["organization", "name", "timestamp"], name="outcome_record_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.count} {self.name}"
