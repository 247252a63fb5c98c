"""What is remembered from one evaluation to the next."""

from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.audit import current_actor
from accounts.models import Organization
from budgets.models import Budget, BudgetPeriod
from lib.fields import MoneyField
from lib.humanize import clock, date_words


class NotAnAnomaly(models.Model):
    """A day, or clock hour, that somebody said was fine: such amounts are usual for its
    budget.
    """

    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="+", db_index=False
    )
    budget = models.ForeignKey(Budget, models.CASCADE, related_name="+")
    day = models.DateField()  # of the budget's zone
    hour_at = models.DateTimeField(null=True)  # when it began; None: a day
    amount = MoneyField()
    said_by = models.CharField(max_length=320, default=current_actor)
    said_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = "usual day"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "budget", "day"],
                condition=Q(hour_at=None),
                name="one_answer_per_day",
            ),
            models.UniqueConstraint(
                fields=["organization", "budget", "hour_at"],
                condition=Q(hour_at__isnull=False),
                name="one_answer_per_hour",
            ),
        ]

    def __str__(self) -> str:
        if self.hour_at is None:
            return date_words(self.day)
        return clock(self.hour_at, ZoneInfo(self.budget.timezone))


class Watch(models.Model):
    """The amounts between which the thresholds of a period stand as they are.

    While the period's limit is `limit`, and what was spent is from `at_least` up to,
    but not including, `below`, evaluating it again would find nothing new; so for what
    was spent and is set aside, and the other two. A table of its own: the period's row
    is for charging alone.
    """

    period = models.OneToOneField(
        BudgetPeriod, models.CASCADE, primary_key=True, related_name="watch"
    )
    limit = MoneyField()
    at_least = MoneyField(null=True)  # None: no threshold is passed
    below = MoneyField(null=True)  # None: all are passed
    committed_at_least = MoneyField(null=True)  # as at_least
    committed_below = MoneyField(null=True)

    def __str__(self) -> str:
        return f"{self.at_least} to {self.below}"


class EvaluatedState(models.Model):
    """The state of its budgets and rules for which an organization's watches hold."""

    organization = models.OneToOneField(
        Organization, models.CASCADE, primary_key=True, related_name="+"
    )
    state = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.state


class Turn(models.Model):
    """Whose turn it is to do what only one worker is to do at a time."""

    name = models.CharField(max_length=32, primary_key=True)
    holder = models.UUIDField(null=True)
    until = models.DateTimeField()  # from then on it is anybody's
    again = models.BooleanField(default=False)  # somebody came meanwhile

    def __str__(self) -> str:
        return f"{self.name} until {self.until}"
