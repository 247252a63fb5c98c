"""What budgets are watched for, who is told, and when nobody is."""

from uuid import uuid4

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.audit import current_actor, history
from accounts.models import Organization, validate_zone
from budgets.models import Budget
from budgets.thresholds import Basis
from lib.fields import MoneyField


class RuleType(models.TextChoices):
    THRESHOLD = "threshold", "Share of the budget"
    FORECAST = "forecast", "Projected to pass the budget"
    VELOCITY = "velocity", "Spending faster than planned"
    ANOMALY = "anomaly", "Unusual day or hour"
    SPIKE = "spike", "Much in little time"


WINDOWED = frozenset({RuleType.SPIKE, RuleType.ANOMALY})  # types that have a window


class Severity(models.TextChoices):
    INFO = "info", "Information"
    WARNING = "warning", "Warning"
    CRITICAL = "critical", "Critical"


class Sensitivity(models.TextChoices):
    LOW = "low", "Low"
    MEDIUM = "medium", "Medium"
    HIGH = "high", "High"


class SpikeWindow(models.TextChoices):
    """The sliding window of a spike rule; of an anomaly, a clock hour or a day."""

    HOURLY = "hourly", "An hour"
    DAILY = "daily", "A day"
    WEEKLY = "weekly", "A week"


# What an anomaly rule judges.
ANOMALOUS = (SpikeWindow.HOURLY.value, SpikeWindow.DAILY.value)
BASES = {
    Basis.SPENT: "Spent",
    Basis.COMMITTED: "Spent and set aside",
    Basis.FORECAST: "Forecast for the end",
}


def usual_window(kind: str) -> str:
    """Return the window of a rule of *kind* where nothing else is said."""
    if kind == RuleType.ANOMALY:
        return SpikeWindow.DAILY.value
    return SpikeWindow.HOURLY.value


class AlertRule(models.Model):
    """What a budget and those below it are watched for, and who is told.

    For thresholds `Budget.alerts` (and its warning and critical threshold) says which
    charging watches, and has the shares of rules too: see `configuring`. A rule adds
    what is said, to whom and how often, and that those below are watched. Its
    `threshold` is a share of the limit, a spike's an amount, a forecast's a
    probability. `basis` says what is held against a share of the limit; what is
    forecast is with the `probability` from which it tells.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    budget = models.ForeignKey(Budget, models.CASCADE, related_name="alert_rules")
    type = models.CharField(max_length=16, choices=RuleType.choices)
    threshold = MoneyField(null=True, blank=True)
    basis = models.CharField(
        "what is looked at",
        max_length=16,
        choices=[(one.value, label) for one, label in BASES.items()],
        default=Basis.SPENT.value,
        db_default=Basis.SPENT.value,
    )
    probability = models.DecimalField(
        max_digits=5, decimal_places=4, null=True, blank=True
    )
    condition = models.CharField(max_length=500, blank=True)  # see alerts.conditions
    sensitivity = models.CharField(
        max_length=8, choices=Sensitivity.choices, default=Sensitivity.MEDIUM
    )
    window = models.CharField(
        max_length=8, choices=SpikeWindow.choices, default=SpikeWindow.HOURLY
    )
    channels = models.JSONField(default=list, blank=True)  # types or names
    recipients = models.JSONField(default=list, blank=True)  # mail addresses
    message = models.CharField(max_length=500, blank=True)
    cooldown_s = models.PositiveIntegerField("cooldown (seconds)", default=0)
    severity = models.CharField(
        max_length=16, choices=Severity.choices, default=Severity.WARNING
    )
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    history = history(excluded=("created_at",))

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(type__in=RuleType.values), name="alert_rule_type_is_known"
            ),
            models.CheckConstraint(
                condition=~Q(type=RuleType.ANOMALY) | Q(window__in=ANOMALOUS),
                name="anomaly_rule_judges_days_or_hours",
            ),
            models.CheckConstraint(
                condition=Q(basis=Basis.SPENT.value)
                | Q(basis__in=[one.value for one in Basis], type=RuleType.THRESHOLD),
                name="alert_rule_basis_is_known_and_of_a_threshold",
            ),
            models.CheckConstraint(
                condition=Q(
                    basis=Basis.FORECAST.value,
                    probability__isnull=False,
                    probability__gt=0,
                    probability__lte=1,
                )
                | (~Q(basis=Basis.FORECAST.value) & Q(probability=None)),
                name="only_a_forecast_threshold_has_a_probability",
            ),
            models.UniqueConstraint(
                fields=["budget", "basis", "threshold"],
                condition=Q(type=RuleType.THRESHOLD, probability=None),
                name="one_threshold_rule_per_basis_and_share",
            ),
            models.UniqueConstraint(
                fields=["budget", "threshold", "probability"],
                condition=Q(type=RuleType.THRESHOLD, probability__isnull=False),
                name="one_forecast_threshold_rule_per_share_and_probability",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_type_display()} of {self.budget}"


class EscalationPolicy(models.Model):
    """Who is told next while nobody acknowledges: a budget's, or the organization's.

    A budget without one follows its nearest ancestor's, then the organization's.
    `levels` is [{"delay": seconds from the alert's start, "recipients", "channels",
    "hours": null or {"from": "09:00", "until": "18:00", "days": [0..6], "timezone"}}].
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    budget = models.OneToOneField(
        Budget, models.CASCADE, null=True, blank=True, related_name="escalation"
    )
    name = models.CharField(max_length=100, default="Escalation")
    enabled = models.BooleanField(default=True)
    levels = models.JSONField(default=list)
    repeat = models.PositiveSmallIntegerField(default=0)  # times all levels run again
    repeat_after_s = models.PositiveIntegerField(default=3600)
    timezone = models.CharField(
        "time zone", max_length=64, default="UTC", validators=[validate_zone]
    )
    holidays = models.JSONField(default=list, blank=True)  # dates, "2026-12-25"

    history = history()

    class Meta:
        verbose_name_plural = "escalation policies"
        constraints = [
            models.UniqueConstraint(
                fields=["organization"],
                condition=Q(budget=None),
                name="one_escalation_for_the_organization",
            ),
            models.CheckConstraint(
                condition=Q(repeat__lte=9), name="escalation_repeats_at_most_nine_times"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class MaintenanceWindow(models.Model):
    """A stretch of time in which a budget and those below it tell nobody anything."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    budget = models.ForeignKey(
        Budget,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text="Empty: the whole organization.",
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=300)
    created_by = models.CharField(max_length=320, default=current_actor, editable=False)

    history = history()

    class Meta:
        ordering = ["-starts_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="maintenance_ends_after_it_starts",
            )
        ]

    def __str__(self) -> str:
        return self.reason
