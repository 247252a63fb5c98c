"""What chargeback keeps: shares that somebody set, and statements that are frozen."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.audit import MOST_REASON, current_actor, history
from accounts.models import Organization

LONGEST_BY = 210  # "tag:" and the name of a tag
LONGEST_NAME = 200


class AllocationShare(models.Model):
    """How much of shared costs one unit is given, and how many persons it has."""

    organization = models.ForeignKey(
        Organization, models.PROTECT, db_index=False, related_name="+"
    )
    by = models.CharField(
        max_length=LONGEST_BY
    )  # department, team, project, tag:<name>
    name = models.CharField(max_length=LONGEST_NAME)
    share = models.DecimalField(max_digits=9, decimal_places=8, null=True, blank=True)
    heads = models.PositiveIntegerField(null=True, blank=True)

    history = history()

    class Meta:
        ordering = ["by", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "by", "name"], name="one_share_per_unit"
            ),
            models.CheckConstraint(
                condition=Q(share=None) | Q(share__gte=0, share__lte=1),
                name="share_of_shared_costs_is_0_to_1",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ChargebackStatement(models.Model):
    """A month's chargeback as it was frozen. Never changed: what is otherwise later is
    another revision, which names the one it replaces."""

    organization = models.ForeignKey(
        Organization, models.PROTECT, db_index=False, related_name="+"
    )
    month = models.DateField()  # its first day
    by = models.CharField(max_length=LONGEST_BY)
    key = models.CharField(max_length=10)
    revision = models.PositiveIntegerField()
    figures = models.TextField()  # JSON, exactly as it is hashed
    sha256 = models.CharField(max_length=64)
    replaces = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="replaced_by"
    )
    reason = models.CharField(max_length=MOST_REASON, blank=True)
    made_by = models.CharField(max_length=200, default=current_actor)
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-month", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "month", "by", "key", "revision"],
                name="one_statement_per_revision",
            ),
            models.CheckConstraint(
                condition=Q(revision=1, replaces=None)
                | Q(revision__gt=1, replaces__isnull=False),
                name="a_later_statement_replaces_one",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} by {self.by}, revision {self.revision}"
