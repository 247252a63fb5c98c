"""Guardrails as they are written down, and what is kept about their use."""

from uuid import uuid4

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.audit import current_actor, history
from accounts.models import Organization
from budgets.models import Budget
from controls.types import Action
from lib.rules.expressions import LONGEST


class ControlRule(models.Model):
    """What is to happen to calls that a budget is charged for while a trigger holds.

    Effective for the budgets below it too, as their calls charge this one as well.
    `config` is what `controls.api.rule_schemas` made of it, by the action.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    budget = models.ForeignKey(Budget, models.CASCADE, related_name="control_rules")
    position = models.PositiveSmallIntegerField(default=0)
    action = models.CharField(max_length=16, choices=Action.choices)
    trigger = models.CharField(max_length=LONGEST)  # see controls.expressions
    config = models.JSONField(default=dict, blank=True)
    notify = models.BooleanField(default=False)
    # It stops calls at the amount, and the budget's limit was soft before it came.
    hardens = models.BooleanField(default=False, db_default=False, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    history = history(excluded=("created_at",))

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(action__in=Action.values),
                name="control_rule_action_is_known",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()}: {self.trigger}"


class KillSwitch(models.Model):
    """That nothing may be spent from a budget or from those below it, until removed."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    budget = models.OneToOneField(Budget, models.CASCADE, related_name="kill_switch")
    message = models.CharField(max_length=500, blank=True)
    actor = models.CharField(max_length=320, default=current_actor)
    since = models.DateTimeField()

    history = history()

    class Meta:
        verbose_name_plural = "kill switches"

    def __str__(self) -> str:
        return f"{self.budget} is switched off"


class Intervention(models.Model):
    """That a rule has had an effect in a period: people were told of the first."""

    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="+", db_index=False
    )
    rule = models.ForeignKey(
        ControlRule, models.CASCADE, db_index=False, related_name="interventions"
    )
    period_starts_at = models.DateTimeField()
    first_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "period_starts_at"],
                name="one_intervention_per_rule_and_period",
            )
        ]

    def __str__(self) -> str:
        return f"{self.rule}, from {self.first_at}"


class RateCount(models.Model):
    """How a rate limit was used lately: `controls.rates.RateUse` as it is kept."""

    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="+", db_index=False
    )
    rule = models.OneToOneField(
        ControlRule, models.CASCADE, primary_key=True, related_name="rate_count"
    )
    data = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"Use of {self.rule}"
