"""Which costs budgets are charged for."""

from django.db import models

from accounts.models import Organization
from budgets.models.budgets import Budget
from ledger.models import Attribution


class Coverage(models.Model):
    """That a budget is charged for an attribution's records of [starts_at, ends_at).

    Follows from scopes, tree and dates; kept so that SQL can join by it. For one pair
    the stretches never touch.
    """

    organization = models.ForeignKey(
        Organization, models.CASCADE, db_index=False, related_name="+"
    )
    attribution = models.ForeignKey(
        Attribution, models.CASCADE, db_index=False, related_name="+"
    )
    budget = models.ForeignKey(
        Budget, models.CASCADE, db_index=False, related_name="coverage"
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    # The budget's currency where it is not the organization's, else "".
    currency = models.CharField(max_length=3, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "attribution", "budget", "starts_at"],
                name="one_coverage_per_start",
            )
        ]
        indexes = [
            models.Index(fields=["budget", "attribution"], name="coverage_budget")
        ]

    def __str__(self) -> str:
        return f"{self.budget} covers {self.attribution}"
