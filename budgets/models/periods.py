"""What was spent of budgets, and when."""

from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import F, Q

from accounts.models import Organization
from budgets.models.budgets import Budget
from lib.fields import MoneyField
from lib.humanize import stretch
from lib.periods import Window


class BudgetPeriod(models.Model):
    """One stretch [starts_at, ends_at) of a budget: its money in a single row.

    What may be spent is `limit`, in the budget's currency; the budget's lines say how
    amount and carried_over came to be.
    """

    organization = models.ForeignKey(
        Organization, models.PROTECT, db_index=False, related_name="+"
    )
    budget = models.ForeignKey(
        Budget, models.CASCADE, db_index=False, related_name="periods"
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    amount = MoneyField()
    carried_over = MoneyField(default=0)
    adjusted = MoneyField(default=0)
    # Added up by the database: read it again after a change of the three.
    limit = models.GeneratedField(
        expression=F("amount") + F("carried_over") + F("adjusted"),
        output_field=MoneyField(db_column="limit"),
        db_persist=True,
    )
    spent = MoneyField(default=0)
    reserved = MoneyField(default=0)
    late_spend = MoneyField(default=0)  # of spent: charged after the period closed
    requests = models.BigIntegerField(default=0)
    unpriced_requests = models.BigIntegerField(default=0)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["budget", "starts_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "budget", "starts_at"],
                name="one_budget_period_per_start",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="budget_period_ends_after_it_starts",
            ),
            models.CheckConstraint(
                condition=Q(reserved__gte=0), name="budget_period_reserved_not_negative"
            ),
        ]
        indexes = [
            models.Index(
                fields=["ends_at"],
                condition=Q(closed_at=None),
                name="budget_period_to_close",
            ),
            models.Index(fields=["budget", "starts_at"], name="budget_period_order"),
        ]

    def __str__(self) -> str:
        zone = ZoneInfo(self.budget.timezone)
        return f"{self.budget}, {stretch(Window(self.starts_at, self.ends_at), zone)}"

    @property
    def window(self) -> Window:
        return Window(self.starts_at, self.ends_at)


class BudgetHour(models.Model):
    """What was charged to a budget in one clock hour of its zone, or a part of it."""

    organization = models.ForeignKey(
        Organization, models.PROTECT, db_constraint=False, db_index=False
    )
    budget = models.ForeignKey(
        Budget, models.CASCADE, db_constraint=False, db_index=False
    )
    starts_at = models.DateTimeField()
    spent = MoneyField(default=0)
    requests = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "budget", "starts_at"],
                name="one_budget_hour_per_start",
            )
        ]

    def __str__(self) -> str:
        return f"{self.starts_at}: {self.spent}"
