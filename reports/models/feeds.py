"""Feeds: files that leave on a schedule, and what became of each of them."""

from datetime import datetime
from typing import Any, Self
from uuid import uuid4

from django.db import models
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce, Now

from accounts.audit import history
from accounts.models import Organization
from lib.secrets import EncryptedJSONField

MOST_OF_ONE = 2  # runs of one organization that are worked on at once


class FeedRhythm(models.TextChoices):
    MONTH = "month", "Every month"
    WEEK = "week", "Every week"
    DAY = "day", "Every day"


class FeedTarget(models.TextChoices):
    DIRECTORY = "directory", "Directory"
    S3 = "s3", "S3 bucket"
    WEBHOOK = "webhook", "Webhook"
    MAIL = "mail", "Mail"


class FeedQuerySet(models.QuerySet["Feed"]):
    def due(self, now: datetime) -> Self:
        """Keep those for which runs are to be written, the longest waiting first."""
        rows = self.filter(enabled=True, next_at__lte=now)
        return rows.order_by("next_at", "pk")


class Feed(models.Model):
    """A file that an organization has made and brought somewhere, again and again.

    What must stay secret (keys) is in `secrets`, encrypted and never shown again; where
    it goes otherwise is in `config`.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="feeds")
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=40)  # an ExportKind's name
    format = models.CharField(max_length=16)  # the file's extension
    options = models.JSONField(default=dict, blank=True)  # as the kind has them
    every = models.CharField(max_length=8, choices=FeedRhythm.choices)
    # Of the month, 1 to 31, or of the week, 1 for Monday; 1 where every day is one.
    day = models.PositiveSmallIntegerField(default=1)
    hour = models.PositiveSmallIntegerField(default=6)  # of the organization's clocks
    target = models.CharField(max_length=16, choices=FeedTarget.choices)
    config = models.JSONField(default=dict, blank=True)
    secrets = EncryptedJSONField(default=dict, blank=True, editable=False)
    enabled = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=300, blank=True, editable=False)
    # The first day that it has not been due on yet, and when it will be.
    next_on = models.DateField(editable=False)
    next_at = models.DateTimeField(editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    history = history(excluded=("secrets", "next_on", "next_at", "created_at"))
    objects = FeedQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "name"], name="one_feed_per_name"
            ),
            models.CheckConstraint(
                condition=Q(target__in=FeedTarget.values),
                name="feed_target_is_known",
            ),
            models.CheckConstraint(
                condition=Q(every=FeedRhythm.MONTH, day__gte=1, day__lte=31)
                | Q(every=FeedRhythm.WEEK, day__gte=1, day__lte=7)
                | Q(every=FeedRhythm.DAY, day=1),
                name="feed_is_due_on_a_day",
            ),
            models.CheckConstraint(
                condition=Q(hour__gte=0, hour__lte=23), name="feed_is_due_at_an_hour"
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_at", "id"], condition=Q(enabled=True), name="feed_due"
            )
        ]

    def __str__(self) -> str:
        return self.name


class FeedRunState(models.TextChoices):
    PENDING = "pending", "Pending"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Failed"


class FeedRunQuerySet(models.QuerySet["FeedRun"]):
    def pending(self) -> Self:
        return self.filter(state=FeedRunState.PENDING)

    def unclaimed(self, now: datetime) -> Self:
        """Keep those that no worker is at."""
        return self.filter(Q(claimed_until=None) | Q(claimed_until__lte=now))

    def due(self, now: datetime) -> Self:
        """Keep those that any worker may take now, the longest waiting first.

        Of one organization MOST_OF_ONE are worked on at once, so that others have
        their turn; who claims at the same moment may pass that.
        """
        theirs = FeedRun.objects.filter(
            organization=OuterRef("organization"), claimed_until__gt=now
        ).order_by()
        counted = theirs.values("organization").annotate(number=Count("*"))
        busy = Coalesce(Subquery(counted.values("number")), 0)
        rows = self.pending().unclaimed(now).filter(next_attempt_at__lte=now)
        rows = rows.alias(busy=busy).filter(busy__lt=MOST_OF_ONE)
        return rows.order_by("next_attempt_at", "pk")


class FeedRun(models.Model):
    """One file of a feed: of one stretch of days, once.

    Written when it is due, then made and brought away by a worker. Ends delivered or
    failed, never dropped. While `claimed_until` lies ahead a worker is at it and says
    so again and again; one that dies leaves it to the others from then on. What goes by
    mail is the outbox' once it is `handed_over_at`: then no worker takes it any more.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="+", db_index=False
    )
    feed = models.ForeignKey(Feed, models.SET_NULL, null=True, related_name="runs")
    feed_name = models.CharField(max_length=100)  # then
    first_day = models.DateField()
    end_day = models.DateField()  # the day after the last
    due_at = models.DateTimeField()
    asked_by = models.CharField(max_length=200, blank=True)  # "": it was due
    state = models.CharField(
        max_length=16, choices=FeedRunState.choices, default=FeedRunState.PENDING
    )
    file_name = models.CharField(max_length=200)
    # How often it was made anew after it had been brought away, and one more.
    revision = models.PositiveSmallIntegerField(default=1)
    progress = models.FloatField(null=True)  # of making it, a share; None: not begun
    # The attempt that made the file, and when; None: it is not kept.
    made_in = models.PositiveSmallIntegerField(null=True)
    made_at = models.DateTimeField(null=True)
    content_type = models.CharField(max_length=100, blank=True)
    size = models.PositiveBigIntegerField(null=True)  # bytes
    sha256 = models.CharField(max_length=64, blank=True)
    counts = models.JSONField(default=dict, blank=True)  # ExportKind.counts
    tries = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)  # None: nothing more is tried
    handed_over_at = models.DateTimeField(null=True)
    claim = models.UUIDField(null=True)  # of the attempt that is under way
    claimed_until = models.DateTimeField(null=True)
    error = models.CharField(max_length=500, blank=True)  # the last one
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    attempts: Any  # FeedAttempt's

    objects = FeedRunQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "run of a feed"
        verbose_name_plural = "runs of feeds"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "feed", "first_day", "end_day"],
                name="one_run_per_feed_and_days",
            ),
            models.CheckConstraint(
                condition=Q(end_day__gt=models.F("first_day")),
                name="feed_run_has_days",
            ),
            models.CheckConstraint(
                condition=Q(state="pending", finished_at=None)
                & (
                    Q(next_attempt_at__isnull=False, handed_over_at=None)
                    | Q(next_attempt_at=None, handed_over_at__isnull=False)
                )
                | Q(
                    state__in=["delivered", "failed"],
                    next_attempt_at=None,
                    claimed_until=None,
                ),
                name="feed_run_is_pending_or_done",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at", "id"],
                condition=Q(state="pending"),
                name="feed_run_due",
            ),
            models.Index(
                fields=["organization", "claimed_until"],
                condition=Q(claimed_until__isnull=False),
                name="feed_run_claimed",
            ),
            models.Index(fields=["organization", "id"], name="feed_run_order"),
        ]

    def __str__(self) -> str:
        return self.file_name


class FeedAttempt(models.Model):
    """One try at a run; begun before anything is made, so that a crash shows too."""

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="+", db_index=False
    )
    run = models.ForeignKey(FeedRun, models.CASCADE, related_name="attempts")
    number = models.PositiveSmallIntegerField()  # from 1
    at = models.DateTimeField()
    status = models.IntegerField(null=True)  # HTTP's; None: there was no answer
    error = models.CharField(max_length=500, blank=True)
    duration_ms = models.IntegerField(null=True)  # None: it has not ended

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "run", "number"],
                name="one_feed_attempt_per_number",
            )
        ]

    def __str__(self) -> str:
        return f"Attempt {self.number}"


class FeedFilePart(models.Model):
    """A part of the file of a run, so that every try and every reader gets the same."""

    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="+", db_index=False
    )
    run = models.ForeignKey(FeedRun, models.CASCADE, related_name="parts")
    attempt = models.PositiveSmallIntegerField()  # that writes it: FeedAttempt.number
    number = models.PositiveIntegerField()  # from 0
    body = models.BinaryField()

    class Meta:
        ordering = ["attempt", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "run", "attempt", "number"],
                name="one_feed_file_part_per_number",
            )
        ]

    def __str__(self) -> str:
        return f"Part {self.number}"
