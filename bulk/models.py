"""Work on many rows at once: what was wanted, what it would do, and what it did."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.audit import MOST_REASON, history
from accounts.models import Organization
from bulk.types import StepAction
from lib.secrets import EncryptedJSONField


class BulkState(models.TextChoices):
    WAITING = "waiting", "Waiting for a worker"
    READING = "reading", "Being looked at"
    READY = "ready", "To be confirmed"
    REFUSED = "refused", "Can't be read"
    CONFIRMED = "confirmed", "Confirmed, waiting for a worker"
    APPLYING = "applying", "Being applied"
    APPLIED = "applied", "Applied"
    FAILED = "failed", "Not applied"
    DISCARDED = "discarded", "Discarded"


UNDER_WAY = (
    BulkState.WAITING,
    BulkState.READING,
    BulkState.CONFIRMED,
    BulkState.APPLYING,
)
CONFIRMED = (BulkState.CONFIRMED, BulkState.APPLYING, BulkState.APPLIED)


class BulkKind(models.TextChoices):
    BUDGETS = "budgets", "Budgets"
    PRICES = "prices", "Prices"
    CHANNELS = "channels", "Channels"
    RULES = "rules", "Guardrail rules"
    ALERT_RULES = "alert_rules", "Alert rules"


class BulkSource(models.TextChoices):
    """Where what is wanted comes from."""

    FILE = "file", "A file"
    COPY = "copy", "A copy of budgets"
    EDIT = "edit", "An edit of several budgets"


class BulkChange(models.Model):
    """A change of many rows: looked at by a worker first, applied when confirmed.

    What its steps say is what is applied, and nothing else: a row that somebody changed
    since is left as it is.
    """

    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="+", db_index=False
    )
    kind = models.CharField(max_length=12, choices=BulkKind.choices)
    source = models.CharField(max_length=4, choices=BulkSource.choices)
    title = models.CharField(max_length=200)
    # What is wanted: a file as it came, or what a copy or an edit was told.
    # In Base64, encrypted as it may hold secrets; gone once it is looked at.
    content = EncryptedJSONField(null=True, editable=False)
    asked = models.JSONField(default=dict, editable=False)
    locale = models.CharField(max_length=20)  # of numbers in texts
    state = models.CharField(
        max_length=10, choices=BulkState.choices, default=BulkState.WAITING
    )
    progress = models.PositiveSmallIntegerField(default=0)  # percent of the stage
    claimed_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=1_000, blank=True)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        editable=False,
    )
    requested_by = models.CharField(max_length=254)
    requested_at = models.DateTimeField()
    skips_faulty = models.BooleanField(default=False)  # False: all or nothing
    reason = models.CharField(max_length=MOST_REASON, blank=True)
    confirmed_by = models.CharField(max_length=254, blank=True)
    confirmed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    history = history(excluded=("content", "progress", "claimed_at"))

    class Meta:
        verbose_name = "bulk change"
        ordering: ClassVar = ["-pk"]
        indexes: ClassVar = [
            models.Index(fields=["organization", "-id"], name="bulk_change_newest"),
            models.Index(
                fields=["state", "claimed_at"],
                condition=Q(state__in=[str(one) for one in UNDER_WAY]),
                name="bulk_change_under_way",
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(state__in=[str(one) for one in CONFIRMED])
                | Q(confirmed_at__isnull=False),
                name="a_bulk_change_is_confirmed_before_it_is_applied",
            ),
            models.CheckConstraint(
                condition=~Q(source=BulkSource.FILE.value)
                | ~Q(state__in=[BulkState.WAITING.value, BulkState.READING.value])
                | Q(content__isnull=False),
                name="a_bulk_change_of_a_file_has_it_until_it_is_read",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class BulkStep(models.Model):
    """What one line, or the lines about one thing, come to."""

    change = models.ForeignKey(
        BulkChange, models.CASCADE, related_name="steps", db_index=False
    )
    position = models.PositiveIntegerField()
    lines = models.JSONField(default=list)
    label = models.CharField(max_length=1_000)
    action = models.CharField(
        max_length=6, choices=[(one.value, one.value) for one in StepAction]
    )
    target = models.CharField(max_length=60, blank=True)
    version = models.CharField(max_length=120, blank=True)
    values: Any = EncryptedJSONField(default=dict)  # secrets of channels, too
    differences = models.JSONField(default=list)  # [column, before, after]
    faults = models.JSONField(default=list)  # [line, column, message]
    is_applied = models.BooleanField(default=False)
    refusal = models.CharField(max_length=1_000, blank=True)  # when it was applied

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["change", "position"], name="one_bulk_step_per_position"
            ),
            models.CheckConstraint(
                condition=Q(is_applied=False)
                | Q(action__in=[StepAction.MAKE.value, StepAction.CHANGE.value]),
                name="a_bulk_step_that_is_applied_does_something",
            ),
        ]

    def __str__(self) -> str:
        return self.label
