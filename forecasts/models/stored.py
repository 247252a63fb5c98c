"""Forecasts as they were made: to be held against what happened."""

from django.db import models
from django.db.models import F, Q

from accounts.models import Organization
from budgets.models import Budget
from lib.fields import MoneyField


class StoredForecast(models.Model):
    """What was said of one budget's period on one day of its zone.

    Amounts are of the whole period, in the budget's currency; null where there was too
    little to go by. Never changed: what a period came to stands in its own row.
    """

    organization = models.ForeignKey(
        Organization, models.PROTECT, db_index=False, related_name="+"
    )
    budget = models.ForeignKey(
        Budget, models.CASCADE, db_index=False, related_name="forecasts"
    )
    made_on = models.DateField()
    made_at = models.DateTimeField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    limit = MoneyField()
    spent = MoneyField()  # when it was made
    days = models.PositiveSmallIntegerField()  # of history
    expected = MoneyField(null=True)
    lower_80 = MoneyField(null=True)
    upper_80 = MoneyField(null=True)
    lower_95 = MoneyField(null=True)
    upper_95 = MoneyField(null=True)
    probability = models.FloatField(null=True)  # share: that the limit is passed
    today = MoneyField(null=True)  # what all of the day it was made on was to cost
    rest = MoneyField(null=True)  # and the days after it

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "budget", "made_on"],
                name="one_stored_forecast_per_budget_and_day",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="stored_forecast_period_ends_after_it_starts",
            ),
            models.CheckConstraint(
                condition=Q(probability=None)
                | Q(probability__gte=0, probability__lte=1),
                name="stored_forecast_probability_is_a_share",
            ),
        ]
        indexes = [models.Index(fields=["made_on"], name="stored_forecast_by_day")]

    def __str__(self) -> str:
        return f"{self.budget_id}, {self.made_on}"
