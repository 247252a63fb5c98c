"""What was thought of a budget's future, and kept."""

from collections.abc import Sequence

from django.db import models
from django.db.models import Q

from accounts.audit import current_actor, history
from accounts.models import Organization
from budgets.models import Budget
from forecasts.assumptions import Scenario, read

NAME_TAKEN = "This budget has a comparison of that name already: choose another."


class ScenarioSet(models.Model):
    """Scenarios of one budget that are looked at side by side, under a name.

    `scenarios` is [{"name", "assumptions"}], the latter as `forecasts.assumptions`
    tells them. What they come to is not kept: it is reckoned anew at every look.
    """

    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="+", db_index=False
    )
    budget = models.ForeignKey(
        Budget, models.CASCADE, related_name="scenario_sets", db_index=False
    )
    name = models.CharField(max_length=100)
    scenarios = models.JSONField(default=list)
    created_by = models.CharField(max_length=320, default=current_actor, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    history = history()

    class Meta:
        verbose_name = "comparison"
        verbose_name_plural = "scenarios"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "budget", "name"],
                name="one_scenario_set_per_name",
                violation_error_message=NAME_TAKEN,
            ),
            models.CheckConstraint(
                condition=~Q(name=""), name="a_scenario_set_has_a_name"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def listed(self) -> Sequence[Scenario]:
        """Return its scenarios."""
        return [
            Scenario(one["name"], read(one["assumptions"])) for one in self.scenarios
        ]
