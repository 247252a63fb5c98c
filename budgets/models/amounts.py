"""The dated reasons why a budget may spend more or less."""

from django.db import models
from django.db.models import F, Q

from accounts.audit import current_actor
from accounts.models import Organization
from budgets.models.budgets import Budget
from lib.fields import MoneyField


class Grant(models.Model):
    """Money that a budget may spend once, until a moment, over several periods.

    Lines say how much of it each period has; all of them are of one grant.
    """

    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", db_index=False
    )
    budget = models.ForeignKey(
        Budget, models.CASCADE, related_name="grants", db_index=False
    )
    amount = MoneyField()  # in the budget's currency, as that is now
    begins_at = models.DateTimeField()
    until = models.DateTimeField()  # exclusive
    reason = models.CharField(max_length=500, blank=True)
    actor = models.CharField(max_length=200, default=current_actor)

    class Meta:
        ordering = ["until", "pk"]  # as they are used up
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0), name="grant_is_of_something"
            ),
            models.CheckConstraint(
                condition=Q(until__gt=F("begins_at")), name="grant_ends_after_it_begins"
            ),
        ]
        indexes = [models.Index(fields=["budget", "until"], name="grant_order")]

    def __str__(self) -> str:
        return f"Grant to {self.budget}"


class AmountLine(models.Model):
    """One dated reason why a budget may spend more or less: who, when, why.

    What may be spent at a moment is the sum of the lines in force then. Lines are only
    ever added; what one got wrong, another corrects.
    """

    class Kind(models.TextChoices):
        PLANNED = "planned", "Planned"
        CHANGE = "change", "Changed"
        ROLLOVER = "rollover", "Carried over"
        CORRECTION = "correction", "Corrected"
        TRANSFER = "transfer", "Transferred"
        RAISE = "raise", "Raised for a while"
        GRANT = "grant", "Granted"

    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", db_index=False
    )
    budget = models.ForeignKey(
        Budget, models.CASCADE, related_name="lines", db_index=False
    )
    kind = models.CharField(max_length=16, choices=Kind.choices)
    amount = MoneyField()  # by how much it is more; negative: less
    effective_from = models.DateTimeField(null=True)  # null: from the budget's start
    effective_to = models.DateTimeField(null=True)  # exclusive; null: for good
    # Of a transfer: where its money went, or came from.
    counterpart = models.ForeignKey(
        Budget, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    grant = models.ForeignKey(
        Grant, models.CASCADE, null=True, blank=True, related_name="lines"
    )
    # Of a rollover that was undone: nothing more is carried into its period.
    ends_rollover = models.BooleanField(default=False)
    reason = models.CharField(max_length=500, blank=True)
    # The uid of what was approved, whose apps lie above; null: nothing asked for it.
    request = models.UUIDField(null=True, blank=True)
    actor = models.CharField(max_length=200, default=current_actor)
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["made_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "budget"],
                condition=Q(kind="planned"),
                name="one_planned_amount_per_budget",
            ),
            models.CheckConstraint(
                condition=Q(counterpart=None) | Q(kind="transfer"),
                name="amount_line_has_a_counterpart_only_of_a_transfer",
            ),
            models.CheckConstraint(
                condition=Q(grant=None) ^ Q(kind="grant"),
                name="amount_line_is_of_a_grant_or_not",
            ),
            models.CheckConstraint(
                condition=Q(ends_rollover=False) | Q(kind="rollover"),
                name="amount_line_ends_only_a_rollover",
            ),
            models.UniqueConstraint(
                fields=["organization", "budget", "effective_from"],
                condition=Q(ends_rollover=True),
                name="one_end_of_rollover_per_period",
            ),
            # What was approved takes effect once.
            models.UniqueConstraint(
                fields=["organization", "budget", "request"],
                condition=Q(request__isnull=False),
                name="one_amount_line_per_budget_and_request",
            ),
            models.CheckConstraint(
                condition=Q(kind="planned", effective_from=None, effective_to=None)
                # One that ends is phased: it is of one period.
                | Q(kind="change", effective_from__isnull=False)
                | Q(
                    kind__in=["rollover", "transfer", "raise", "grant"],
                    effective_from__isnull=False,
                    effective_to__isnull=False,
                )
                | Q(kind="correction"),
                name="amount_line_is_dated_as_its_kind_asks",
            ),
            models.CheckConstraint(
                condition=Q(effective_from=None)
                | Q(effective_to=None)
                | Q(effective_to__gt=F("effective_from")),
                name="amount_line_ends_after_it_starts",
            ),
        ]
        indexes = [models.Index(fields=["budget", "made_at"], name="amount_line_order")]

    def __str__(self) -> str:
        return self.get_kind_display()
