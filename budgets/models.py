"""Budgets: what may be spent, by whom, in which stretches of time."""

from decimal import Decimal
from typing import Any, ClassVar
from uuid import uuid4

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from mptt.models import MPTTModel, TreeForeignKey

from accounts.audit import current_actor, history
from accounts.locks import hold_trees
from accounts.models import (
    Organization,
    User,
    validate_currency_code,
    validate_zone,
)
from budgets.querysets import BudgetManager
from ledger.models import Attribution
from lib.fields import MoneyField
from lib.periods import Cadence, Window


class Enforcement(models.TextChoices):
    SOFT = "soft", "Soft: warn"
    HARD = "hard", "Hard: no authorization passes the amount"


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
    currency = models.CharField(max_length=3, validators=[validate_currency_code])
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
    alerts = models.JSONField(default=list, blank=True)  # [{"threshold", "channels"}]
    enforcement = models.CharField(
        max_length=8, choices=Enforcement.choices, default=Enforcement.SOFT
    )
    # The trigger of a rule that stops all calls at the amount: see budgets.enforcement.
    hard_stop = models.CharField(
        max_length=500, blank=True, default="", db_default="", editable=False
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
                condition=Q(rollover_mode__in=RolloverMode.values)
                & (Q(rollover_cap=None) | Q(rollover_cap__gte=0)),
                name="budget_rollover_is_known",
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

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        with transaction.atomic():
            hold_trees()
            self.refresh_from_db(fields=["tree_id", "lft", "rght", "level"])
            return super().delete(*args, **kwargs)

    def clean(self) -> None:
        super().clean()
        if self.parent and self.parent.organization_id != self.organization_id:
            raise ValidationError({"parent": "Must be a budget of the organization."})


class AmountLine(models.Model):
    """One dated reason why a budget may spend more or less: who, when, why.

    What may be spent at a moment is the sum of the lines in force then. Lines are only
    ever added; what one got wrong, another corrects.
    """

    class Kind(models.TextChoices):
        PLANNED = "planned", "Planned"
        CHANGE = "change", "Changed"
        ROLLOVER = "rollover", "Carried over"
        CORRECTION = "correction", "Corrected"

    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", db_index=False
    )
    budget = models.ForeignKey(
        Budget, models.CASCADE, related_name="lines", db_index=False
    )
    kind = models.CharField(max_length=16, choices=Kind.choices)
    amount = MoneyField()  # by how much it is more; negative: less
    effective_from = models.DateTimeField(null=True)  # null: from the budget's start
    effective_to = models.DateTimeField(null=True)  # exclusive; null: for good
    reason = models.CharField(max_length=500, blank=True)
    actor = models.CharField(max_length=200, default=current_actor)
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["made_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "budget"],
                condition=Q(kind="planned"),
                name="one_planned_amount_per_budget",
            ),
            models.CheckConstraint(
                condition=Q(kind="planned", effective_from=None, effective_to=None)
                | Q(kind="change", effective_from__isnull=False, effective_to=None)
                | Q(
                    kind="rollover",
                    effective_from__isnull=False,
                    effective_to__isnull=False,
                )
                | Q(kind="correction"),
                name="amount_line_is_dated_as_its_kind_asks",
            ),
            models.CheckConstraint(
                condition=Q(effective_from=None)
                | Q(effective_to=None)
                | Q(effective_to__gt=F("effective_from")),
                name="amount_line_ends_after_it_starts",
            ),
        ]
        indexes = [models.Index(fields=["budget", "made_at"], name="amount_line_order")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.amount}"


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
        return f"{self.budget}, from {self.starts_at:%Y-%m-%d}"

    @property
    def window(self) -> Window:
        return Window(self.starts_at, self.ends_at)


class Reservation(models.Model):
    """Money set aside on every hard-limited budget of one path, before it is spent.

    What is set aside stands in the `reserved` of the periods that `lines` name. The
    usage records that name an authorization use it up at once; those that name a lease
    draw on it until it is returned.
    """

    class Kind(models.TextChoices):
        AUTHORIZATION = "authorization", "Authorization"
        LEASE = "lease", "Lease"

    class State(models.TextChoices):
        OPEN = "open", "Open"
        SETTLED = "settled", "Settled"
        RELEASED = "released", "Released"
        EXPIRED = "expired", "Expired"

    uid = models.UUIDField(unique=True, editable=False)
    organization = models.ForeignKey(
        Organization, models.PROTECT, db_index=False, related_name="+"
    )
    kind = models.CharField(max_length=16, choices=Kind.choices)
    state = models.CharField(max_length=16, choices=State.choices, default=State.OPEN)
    # What it is for: ledger.types.Sent by name, "tags" and "tier".
    path = models.JSONField()
    granted = MoneyField()  # in the organization's currency, as are the next two
    held = MoneyField()  # of it, still set aside
    settled = MoneyField(default=0)  # cost of the records that named it
    records = models.IntegerField(default=0)  # that named it
    lines = models.JSONField()  # see budgets.reservations.hold.Line
    details = models.JSONField(default=dict)  # the decision, for people
    at = models.DateTimeField()  # the periods that contain it are reserved on
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(granted__gte=0) & Q(held__gte=0),
                name="reservation_is_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(state="open", ended_at=None)
                | ~Q(state="open") & Q(held=0, ended_at__isnull=False),
                name="reservation_holds_nothing_once_it_has_ended",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["authorization", "lease"])
                & Q(state__in=["open", "settled", "released", "expired"]),
                name="reservation_kind_and_state_are_known",
            ),
        ]
        indexes = [
            models.Index(
                fields=["organization", "expires_at"],
                condition=Q(state="open"),
                name="reservation_to_expire",
            ),
            models.Index(fields=["organization", "-id"], name="reservation_order"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.uid}"


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
