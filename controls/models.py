"""Guardrails as they are written down, and what is kept about their use."""

from typing import Self
from uuid import uuid4

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.audit import current_actor, history
from accounts.models import Organization
from approvals.models import OPEN_STATES, BudgetRequest, RequestState
from budgets.models import Budget
from controls.types import ControlAction
from lib.periods import Window
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
    action = models.CharField(max_length=16, choices=ControlAction.choices)
    trigger = models.CharField(max_length=LONGEST)  # see controls.expressions
    config = models.JSONField(default=dict, blank=True)
    notify = models.BooleanField(default=False)
    # It stops calls at the amount, and the budget's limit was soft before it came.
    hardens = models.BooleanField(default=False, db_default=False, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    history = history(excluded=("created_at",))

    class Meta:
        ordering = ["position", "id"]
        verbose_name = "guardrail"
        constraints = [
            models.CheckConstraint(
                condition=Q(action__in=ControlAction.values),
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


class RuleActionState(models.TextChoices):
    PENDING = "pending", "Waits for approval"
    EXECUTED = "executed", "In effect"
    FAILED = "failed", "Failed"
    REJECTED = "rejected", "Rejected"
    EXPIRED = "expired", "Expired"
    REVERSED = "reversed", "Reversed"
    RESET = "reset", "Reset"


class RuleActionQuerySet(models.QuerySet["RuleAction"]):
    def standing(self) -> Self:
        """Those that nobody has reset: one for each rule and period."""
        return self.filter(reset_at=None)

    def unasked(self) -> Self:
        """Those whose request is still to be opened."""
        return self.standing().filter(request=None, failure="")

    def executed(self) -> Self:
        """Those that people approved, and nobody has taken back."""
        return self.standing().filter(
            request__state=RequestState.APPROVED, reversed_at=None
        )

    def windows(self, organization_id: int) -> dict[int, Window]:
        """Return when rules may act that need approval: of each the last time. One
        query."""
        rows = self.executed().filter(organization=organization_id)
        found = rows.order_by("period_starts_at").values_list(
            "rule_id", "period_starts_at", "period_ends_at"
        )
        return {rule: Window(start, end) for rule, start, end in found if rule}


class RuleAction(models.Model):
    """That a rule which needs approval was to act in a period, and what came of it.

    In effect from the moment that its request is approved to the end of the period,
    unless somebody reverses it. Reset, the rule stands by for the next time.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    budget = models.ForeignKey(Budget, models.CASCADE, related_name="rule_actions")
    rule = models.ForeignKey(  # null: it was removed
        ControlRule, models.SET_NULL, null=True, related_name="actions"
    )
    summary = models.CharField(max_length=500)  # of the rule, as it was
    period_starts_at = models.DateTimeField()
    period_ends_at = models.DateTimeField()  # exclusive
    triggered_at = models.DateTimeField()
    request = models.OneToOneField(  # null: not asked yet, or it failed
        BudgetRequest, models.PROTECT, null=True, related_name="rule_action"
    )
    failure = models.CharField(max_length=500, blank=True)  # why nobody could be asked
    reversed_at = models.DateTimeField(null=True)
    reset_at = models.DateTimeField(null=True)
    actor = models.CharField(max_length=320, blank=True)  # who did the last of these

    objects = RuleActionQuerySet.as_manager()

    class Meta:
        verbose_name = "action"
        ordering = ["-triggered_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "period_starts_at"],
                condition=Q(reset_at=None),
                name="one_action_per_rule_and_period",
            ),
            models.CheckConstraint(
                condition=Q(failure="") | Q(request=None),
                name="failed_action_has_no_request",
            ),
        ]

    def __str__(self) -> str:
        return self.summary

    @property
    def state(self) -> RuleActionState:
        """Where it stands; its request is to be at hand."""
        if self.reset_at is not None:
            return RuleActionState.RESET
        if self.reversed_at is not None:
            return RuleActionState.REVERSED
        if self.failure:
            return RuleActionState.FAILED
        if self.request is None or self.request.state in OPEN_STATES:
            return RuleActionState.PENDING
        if self.request.state == RequestState.APPROVED:
            gone = self.rule_id is None
            return RuleActionState.FAILED if gone else RuleActionState.EXECUTED
        if self.request.state == RequestState.EXPIRED:
            return RuleActionState.EXPIRED
        return RuleActionState.REJECTED


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
