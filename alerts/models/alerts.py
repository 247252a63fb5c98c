"""Alerts, and what happened to them."""

from datetime import datetime
from typing import Any, Self
from uuid import uuid4

from django.db import models
from django.db.models import Exists, OuterRef, Q

from accounts.audit import current_actor
from accounts.models import Organization
from alerts.models.rules import BASES, AlertRule, RuleType, Severity
from budgets.models import Budget
from budgets.thresholds import Basis
from lib.fields import MoneyField


class AlertState(models.TextChoices):
    FIRING = "firing", "Firing"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    SNOOZED = "snoozed", "Snoozed"
    RESOLVED = "resolved", "Resolved"


def _never_told() -> Q:
    """Say of an alert that none of its steps was told."""
    told = AlertEvent.objects.filter(alert=OuterRef("pk"), kind__in=_TELLING)
    return ~Q(Exists(told))


class AlertQuerySet(models.QuerySet["Alert"]):
    def unresolved(self) -> Self:
        return self.filter(resolved_at=None)

    def with_names(self) -> Self:
        """Bring what a message says of them along: no further query for it."""
        return self.select_related("budget", "organization")

    def with_step_due(self, now: datetime) -> Self:
        """Keep those of which a step is due, the longest waiting first.

        Of a period that is over only those that nobody was told of yet.
        """
        is_due = Q(period_ends_at__gt=now) | _never_told()
        return self.stepping(now).filter(is_due).order_by("next_step_at", "pk")

    def stepping(self, now: datetime) -> Self:
        """Keep those that nobody answered and whose next step's time has come."""
        return self.unresolved().filter(state=AlertState.FIRING, next_step_at__lte=now)

    def untold(self) -> Self:
        """Keep those that somebody is to be told of, and nobody was yet."""
        rows = self.unresolved().filter(state=AlertState.FIRING)
        return rows.filter(_never_told(), next_step_at__isnull=False)

    def to_take_up(self, now: datetime) -> Self:
        """Keep those whose acknowledgement lapsed or whose snooze is over."""
        lapsed = Q(state=AlertState.ACKNOWLEDGED, acknowledged_until__lte=now)
        awake = Q(state=AlertState.SNOOZED, snoozed_until__lte=now)
        return self.unresolved().filter(lapsed | awake, period_ends_at__gt=now)

    def told_by(self, alert: "Alert") -> Self:
        """Keep the lower thresholds passed with *alert*, which told for them."""
        if not alert.steps:
            return self.none()
        return self.unresolved().filter(
            organization=alert.organization_id,
            budget=alert.budget_id,
            period_starts_at=alert.period_starts_at,
            fired_at=alert.fired_at,
            steps=[],
        )

    def holding_back(self) -> Self:
        """Keep those that keep others of their key and period from firing."""
        return self.filter(rearmed_at=None)


class Alert(models.Model):
    """One thing that is wrong with one budget in one period, until it is resolved.

    `key` says which rule and threshold it is about: "threshold:0.8",
    "threshold:forecast:0.8:0.5", "velocity:<rule uid>". For one key of a period there
    is never more than one that is not re-armed: an open one, or one that a person
    resolved, keeps the next from firing until the condition has ended once
    (`rearmed_at`).
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="+", db_index=False
    )
    budget = models.ForeignKey(Budget, models.CASCADE, related_name="raised_alerts")
    key = models.CharField(max_length=100)
    period_starts_at = models.DateTimeField()
    period_ends_at = models.DateTimeField()
    rule = models.ForeignKey(
        AlertRule, models.SET_NULL, null=True, related_name="raised_alerts"
    )
    type = models.CharField(max_length=16, choices=RuleType.choices)
    basis = models.CharField(
        max_length=16,
        choices=[(one.value, label) for one, label in BASES.items()],
        default=Basis.SPENT.value,
        db_default=Basis.SPENT.value,
    )  # of a threshold: what was held against it
    severity = models.CharField(max_length=16, choices=Severity.choices)
    # Shares, rates or amounts, as the type has it.
    threshold = MoneyField(null=True)
    value = MoneyField()
    spent = MoneyField()
    limit = MoneyField()
    message = models.CharField(max_length=500)  # one sentence
    details = models.JSONField(default=dict)  # formula, band, drivers in money
    state = models.CharField(
        max_length=16, choices=AlertState.choices, default=AlertState.FIRING
    )
    fired_at = models.DateTimeField()
    acknowledged_by = models.CharField(max_length=320, blank=True)
    acknowledged_until = models.DateTimeField(null=True, blank=True)
    snoozed_until = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.CharField(max_length=320, blank=True)  # "": by itself
    rearmed_at = models.DateTimeField(null=True, blank=True)
    # The policy as it was at the start, sorted by "at": see notifications.steps and its
    # LadderStep. `next_step` counts those done, `next_step_at` is when the next is due.
    steps = models.JSONField(default=list)
    next_step = models.PositiveSmallIntegerField(default=0)
    next_step_at = models.DateTimeField(null=True, blank=True)

    events: Any  # AlertEvent's

    objects = AlertQuerySet.as_manager()

    class Meta:
        ordering = ["-fired_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "budget", "key", "period_starts_at"],
                condition=Q(rearmed_at=None),
                name="one_alert_per_key_and_period_until_rearmed",
            ),
            models.CheckConstraint(
                condition=Q(basis=Basis.SPENT.value)
                | Q(basis__in=[one.value for one in Basis], type=RuleType.THRESHOLD),
                name="alert_basis_is_known_and_of_a_threshold",
            ),
            models.CheckConstraint(
                condition=Q(rearmed_at=None) | Q(resolved_at__isnull=False),
                name="alert_is_resolved_before_it_is_rearmed",
            ),
            models.CheckConstraint(
                condition=Q(state=AlertState.RESOLVED, resolved_at__isnull=False)
                | (~Q(state=AlertState.RESOLVED) & Q(resolved_at=None)),
                name="alert_is_resolved_or_open",
            ),
        ]
        indexes = [
            models.Index(
                fields=["organization", "budget"],
                condition=Q(resolved_at=None),
                name="alert_open",
            ),
            models.Index(
                fields=["next_step_at"],
                condition=Q(resolved_at=None, next_step_at__isnull=False),
                name="alert_step_due",
            ),
            models.Index(fields=["organization", "-fired_at"], name="alert_order"),
        ]

    def __str__(self) -> str:
        return self.message


class AlertEvent(models.Model):
    """One line of an alert's timeline; only ever added."""

    class Kind(models.TextChoices):
        FIRED = "fired", "Fired"
        TOLD = "told", "Told"
        SILENCED = "silenced", "Silenced"
        MISSED = "missed", "Step missed"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        LAPSED = "lapsed", "Acknowledgement lapsed"
        SNOOZED = "snoozed", "Snoozed"
        AWAKE = "awake", "Snooze over"
        RESOLVED = "resolved", "Resolved"
        NOT_AN_ANOMALY = "not_an_anomaly", "Not an anomaly"

    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="+", db_index=False
    )
    alert = models.ForeignKey(Alert, models.CASCADE, related_name="events")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    at = models.DateTimeField()
    actor = models.CharField(max_length=320, default=current_actor)
    text = models.CharField(max_length=500, blank=True)
    step = models.PositiveSmallIntegerField(null=True)  # of Alert.steps

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["alert", "step"],
                condition=Q(kind__in=["told", "silenced", "missed"]),
                name="one_event_per_step",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} at {self.at}"


_TELLING = (AlertEvent.Kind.TOLD, AlertEvent.Kind.MISSED)
