"""Budgets: what may be spent, by whom, in which stretches of time."""

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Self
from uuid import uuid4

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import F, FilteredRelation, Q, QuerySet
from django.db.models.functions import Cast, Now
from mptt.managers import TreeManager
from mptt.models import MPTTModel, TreeForeignKey
from mptt.querysets import TreeQuerySet

from accounts.audit import MOST_REASON, history
from accounts.locks import hold_trees
from accounts.models import (
    Organization,
    User,
    validate_currency_code,
    validate_zone,
)
from budgets.templates import FOR_EACH, MOST_MADE, TAG
from budgets.thresholds import Basis
from lib.fields import MoneyField
from lib.measures import measure_of
from lib.money import COUNTED
from lib.periods import Cadence


def validate_counted(currency: str) -> None:
    """Refuse what budgets can't count: no currency, nor tokens, nor requests."""
    if currency not in COUNTED:
        validate_currency_code(currency)


class Enforcement(models.TextChoices):
    SOFT = "soft", "Soft: warn"
    HARD = "hard", "Hard: no authorization passes the amount"


class Priority(models.TextChoices):
    """Whose needs come first where there is not enough for all, the last first."""

    LOW = "low", "Low"
    NORMAL = "normal", "Normal"
    HIGH = "high", "High"
    CRITICAL = "critical", "Critical"


class RolloverMode(models.TextChoices):
    """What of a closed period is carried into the next."""

    NONE = "none", "Nothing"
    UNUSED = "unused", "What was left"
    OVERSPEND = "overspend", "What was overspent"
    BOTH = "both", "What was left or overspent"


class Backfill(models.Model):
    """Charging budgets for what was spent before they were as they are.

    Goes through the cost records up to `upto_id` by time; what came later is charged
    as it arrives. The budgets that wait for it point here.
    """

    organization = models.ForeignKey(Organization, models.CASCADE)
    upto_id = models.BigIntegerField()
    done_until = models.DateTimeField()  # everything before is charged
    until = models.DateTimeField()  # exclusive
    total = models.BigIntegerField()  # records to go through, about
    done = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"Backfill of {self.organization}: {self.share_done:.0%}"

    @property
    def share_done(self) -> float:
        return min(self.done / self.total, 1.0) if self.total else 1.0


class BudgetQuerySet(TreeQuerySet["Budget"]):
    def active(self) -> Self:
        """Keep what is not archived."""
        return self.filter(archived_at=None)

    def looking_ahead(self) -> Self:
        """Keep those with a share that a forecast is held against."""
        written = Cast("alerts", models.TextField())
        return self.alias(written=written).filter(written__contains=Basis.FORECAST)

    def templates(self) -> Self:
        """Keep those that make budgets."""
        return self.exclude(template_for_each="")

    def with_period_at(self, moment: datetime) -> QuerySet[Any]:
        """Join as `current` the period that contains *moment*; null when not opened.

        For `values_list`, last in the chain: one query, however many budgets.
        """
        return self.annotate(
            current=FilteredRelation(
                "periods",
                condition=Q(
                    periods__starts_at__lte=moment, periods__ends_at__gt=moment
                ),
            )
        )


BudgetManager = TreeManager.from_queryset(BudgetQuerySet)


class Budget(MPTTModel):
    """A limit on what a scope may spend in each period.

    A record is charged to every budget whose scope matches it and to all of their
    ancestors, each once.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="budgets"
    )
    name = models.CharField(max_length=200)
    parent = TreeForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children"
    )
    owner = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="budgets"
    )
    note = models.TextField(blank=True)
    scope = models.JSONField(default=dict, blank=True)  # see budgets.scopes
    amount = MoneyField()
    # A currency's code, or what is counted instead: see lib.measures.
    currency = models.CharField(max_length=8, validators=[validate_counted])
    period = models.CharField(
        max_length=16, choices=[(c.value, c.value.title()) for c in Cadence]
    )
    timezone = models.CharField("time zone", max_length=64, validators=[validate_zone])
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)  # exclusive
    warning_threshold = models.DecimalField(
        max_digits=7, decimal_places=4, default=Decimal("0.80")
    )  # share of the limit
    critical_threshold = models.DecimalField(
        max_digits=7, decimal_places=4, default=Decimal("0.95")
    )
    alerts = models.JSONField(default=list, blank=True)  # see budgets.thresholds
    enforcement = models.CharField(
        max_length=8, choices=Enforcement.choices, default=Enforcement.SOFT
    )
    # The trigger of a rule that stops all calls at the amount: see budgets.enforcement.
    hard_stop = models.CharField(
        max_length=500, blank=True, default="", db_default="", editable=False
    )
    priority = models.CharField(
        max_length=8,
        choices=Priority.choices,
        default=Priority.NORMAL,
        db_default=Priority.NORMAL.value,
    )
    rollover_mode = models.CharField(
        max_length=16, choices=RolloverMode.choices, default=RolloverMode.NONE
    )
    rollover_cap = models.DecimalField(
        max_digits=7,
        decimal_places=4,
        null=True,
        blank=True,
        help_text="At most this share of the next period's amount. Empty: no cap.",
    )
    # A template: for each value of this it makes a budget below it; see
    # budgets.templates. "": it is a budget like any other.
    template_for_each = models.CharField(
        max_length=204, blank=True, default="", db_default="", editable=False
    )
    template_most = models.PositiveIntegerField(
        null=True, blank=True, editable=False
    )  # budgets that it may have in use
    # What was made by a template: which one, and for which value.
    template_of = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="made",
    )
    template_value = models.CharField(
        max_length=500, blank=True, default="", db_default="", editable=False
    )
    # Its amount is its own, and stays when the template's changes.
    is_override = models.BooleanField(default=False, db_default=False, editable=False)
    # What each month or quarter of the fiscal year has, as texts: see budgets.phasing.
    phasing = models.JSONField(default=list, blank=True, editable=False)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    backfill = models.ForeignKey(
        Backfill,
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="budgets",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    _change_reason: str | None  # simple-history's: why it was saved

    objects: ClassVar = BudgetManager()
    history = history(
        excluded=("lft", "rght", "tree_id", "level", "backfill", "created_at")
    )

    class Meta:
        # django-mptt adds this index at run time only: unlisted, no migration has it.
        indexes = [
            models.Index(fields=["tree_id", "lft"], name="budget_tree_order"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gte=0), name="budget_amount_is_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gt=F("starts_at")),
                name="budget_ends_after_it_starts",
            ),
            models.CheckConstraint(
                condition=~Q(period=Cadence.CUSTOM.value) | Q(ends_at__isnull=False),
                name="budget_with_custom_period_has_an_end",
            ),
            models.CheckConstraint(
                condition=Q(warning_threshold__gt=0)
                & Q(critical_threshold__gte=F("warning_threshold")),
                name="budget_warns_before_it_is_critical",
            ),
            models.CheckConstraint(
                condition=Q(period__in=[c.value for c in Cadence]),
                name="budget_period_is_known",
            ),
            models.CheckConstraint(
                condition=Q(enforcement__in=Enforcement.values),
                name="budget_enforcement_is_known",
            ),
            models.CheckConstraint(
                condition=Q(priority__in=Priority.values),
                name="budget_priority_is_known",
            ),
            models.CheckConstraint(
                condition=Q(rollover_mode__in=RolloverMode.values)
                & (Q(rollover_cap=None) | Q(rollover_cap__gte=0)),
                name="budget_rollover_is_known",
            ),
            models.UniqueConstraint(
                fields=["organization", "template_of", "template_value"],
                condition=Q(template_of__isnull=False),
                name="one_budget_per_template_and_value",
            ),
            models.CheckConstraint(
                condition=Q(template_for_each="", template_most=None)
                | (
                    Q(template_for_each__in=FOR_EACH)
                    | Q(template_for_each__startswith=TAG)
                )
                & Q(template_most__gte=1, template_most__lte=MOST_MADE),
                name="budget_template_is_known_and_bounded",
            ),
            models.CheckConstraint(
                condition=Q(template_of=None, template_value="", is_override=False)
                | Q(template_of=F("parent"), parent__isnull=False, template_for_each="")
                & ~Q(template_value=""),
                name="budget_made_by_a_template_lies_below_it",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        # One writer at a time: inserting or moving one node renumbers others, and two
        # such writers leave a broken tree.
        # No savepoint, as in Django's own save.
        with transaction.atomic(savepoint=False):
            hold_trees()
            if self.parent and not self._state.adding:
                # To move a node mptt reckons from the parent in memory, which may be
                # out of date; to insert one it looks by itself.
                self.parent.refresh_from_db(fields=["tree_id", "lft", "rght", "level"])
            super().save(*args, **kwargs)

    @property
    def is_template(self) -> bool:
        return bool(self.template_for_each)

    @property
    def made_in_use(self) -> int:
        """How many budgets in use a template has made. One query."""
        made: int = Budget.objects.active().filter(template_of=self).count()
        return made

    @property
    def unit(self) -> str:
        """What it counts: money, tokens or requests."""
        return measure_of(self.currency)

    def give_reason(self, reason: str) -> None:
        """Say why the next `save` is made, for the history; see MOST_REASON."""
        self._change_reason = reason[:MOST_REASON] or None

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        with transaction.atomic():
            hold_trees()
            self.refresh_from_db(fields=["tree_id", "lft", "rght", "level"])
            return super().delete(*args, **kwargs)

    def clean(self) -> None:
        super().clean()
        if self.parent and self.parent.organization_id != self.organization_id:
            raise ValidationError({"parent": "Must be a budget of the organization."})
