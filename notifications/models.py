"""Channels, and the outbox of what is to be sent through them."""

from datetime import datetime
from typing import Any, Self
from uuid import uuid4

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.audit import history
from accounts.models import Organization, validate_zone
from lib.secrets import EncryptedJSONField


class ChannelType(models.TextChoices):
    EMAIL = "email", "Email"
    SLACK = "slack", "Slack"
    WEBHOOK = "webhook", "Webhook"
    PAGERDUTY = "pagerduty", "PagerDuty"
    SMS = "sms", "SMS"
    PHONE = "phone", "Phone call"
    APPRISE = "apprise", "Other service"


class Channel(models.Model):
    """A way to reach people or programs, set up by an organization.

    What must stay secret (addresses that carry a token, keys) is in `secrets`,
    encrypted and never shown again; all else is in `config`.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="channels"
    )
    name = models.CharField(max_length=100)
    type = models.CharField(max_length=16, choices=ChannelType.choices)
    config = models.JSONField(default=dict, blank=True)
    secrets = EncryptedJSONField(default=dict, blank=True, editable=False)
    # {"text": ...} or Slack's {"text", "attachments"}; empty: our own wording.
    template = models.JSONField(default=dict, blank=True)
    enabled = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=300, blank=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    history = history(excluded=("secrets", "created_at"))

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "name"], name="one_channel_per_name"
            ),
            models.CheckConstraint(
                condition=Q(type__in=ChannelType.values),
                name="channel_type_is_known",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Preference(models.Model):
    """When one person wants mail: not at night, or several in one."""

    class Digest(models.TextChoices):
        NONE = "none", "Each at once"
        HOURLY = "hourly", "Together, every hour"
        DAILY = "daily", "Together, once a day"

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    recipient = models.EmailField()
    digest = models.CharField(max_length=8, choices=Digest.choices, default=Digest.NONE)
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    timezone = models.CharField(
        "time zone", max_length=64, default="UTC", validators=[validate_zone]
    )
    # What is critical is sent at once all the same, unless this is off.
    critical_at_once = models.BooleanField(default=True)
    # On working days: which requests for money wait for them, where any do.
    daily_requests = models.BooleanField("requests that wait, daily", default=True)
    # Dates, "2026-12-25", on which they are not reminded of what waits for them.
    holidays = models.JSONField(default=list, blank=True)

    class Meta:
        verbose_name = "quiet hours and digests"
        verbose_name_plural = "quiet hours and digests"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "recipient"], name="one_preference_per_person"
            ),
            models.CheckConstraint(
                condition=Q(quiet_from=None, quiet_until=None)
                | Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="quiet_hours_begin_and_end",
            ),
        ]

    def __str__(self) -> str:
        return self.recipient


class Outsider(models.Model):
    """A mail address outside the organization's people that somebody named.

    Nothing but one question is mailed there before `confirmed_at`; see
    `notifications.outsiders`.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="+", db_index=False
    )
    address = models.CharField(max_length=320)  # in small letters
    asked_at = models.DateTimeField("asked", null=True)
    confirmed_at = models.DateTimeField("confirmed", null=True)
    # Their own address, or that of the finance admin who answered for them.
    confirmed_by = models.CharField(max_length=320, blank=True)
    refused_at = models.DateTimeField("refused", null=True)

    class Meta:
        ordering = ["address"]
        verbose_name = "outside recipient"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "address"], name="one_outsider_per_address"
            )
        ]

    def __str__(self) -> str:
        return self.address


class MailFile(models.Model):
    """A file that goes with mails; kept once, however many there are."""

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    name = models.CharField(max_length=200)
    content_type = models.CharField(max_length=100)
    body = models.BinaryField()
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class DeliveryState(models.TextChoices):
    PENDING = "pending", "Pending"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Failed"


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def due(self, now: datetime) -> Self:
        """Keep those that any worker may take now, the longest waiting first."""
        free = Q(claimed_until=None) | Q(claimed_until__lte=now)
        rows = self.filter(free, state=DeliveryState.PENDING, next_attempt_at__lte=now)
        return rows.order_by("next_attempt_at", "id")

    def held_back(self) -> Self:
        """Keep what ended as it was written: its reader had not confirmed."""
        ended_at_once = Q(finished_at=F("created_at"))
        return self.filter(ended_at_once, state=DeliveryState.FAILED, tries=0)


class Delivery(models.Model):
    """One message to one target: written with its cause, sent by a worker.

    Ends delivered or failed, never dropped. While `claimed_until` lies ahead a worker
    is at it; one that dies leaves it to the others from then on.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="+", db_index=False
    )
    key = models.CharField(max_length=255)  # of what is sent once only
    channel = models.ForeignKey(
        Channel, models.SET_NULL, null=True, related_name="deliveries"
    )
    type = models.CharField(max_length=16, choices=ChannelType.choices)
    recipient = models.CharField(max_length=320, blank=True)
    subject = models.CharField(max_length=64, blank=True)  # Message.subject
    # A notifications.types.Message; encrypted, for its links let their reader act.
    message = EncryptedJSONField()
    state = models.CharField(
        max_length=16, choices=DeliveryState.choices, default=DeliveryState.PENDING
    )
    tries = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)  # None: nothing more is tried
    together = models.BooleanField(default=False)  # in one mail with its recipient's
    claimed_until = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True)  # the last one
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True, blank=True)

    attempts: Any  # Attempt's

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "key"], name="one_delivery_per_key"
            ),
            models.CheckConstraint(
                condition=Q(state=DeliveryState.PENDING, next_attempt_at__isnull=False)
                | (
                    Q(state__in=[DeliveryState.DELIVERED, DeliveryState.FAILED])
                    & Q(next_attempt_at=None, claimed_until=None)
                ),
                name="delivery_is_pending_or_done",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at", "id"],
                condition=Q(state="pending"),
                name="delivery_due",
            ),
            models.Index(
                fields=["organization", "recipient"],
                condition=Q(state="pending", together=True),
                name="delivery_together",
            ),
            models.Index(
                fields=["organization", "created_at"],
                condition=Q(type="email"),
                name="delivery_mails",
            ),
            models.Index(fields=["organization", "id"], name="delivery_order"),
            models.Index(fields=["organization", "subject"], name="delivery_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.get_type_display()} to {self.recipient or self.channel}"


class Attempt(models.Model):
    """One try to send a delivery; begun before sending, so that a crash shows too."""

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="+", db_index=False
    )
    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="attempts")
    number = models.PositiveSmallIntegerField()  # from 1
    at = models.DateTimeField()
    status = models.IntegerField(null=True)  # HTTP's or SMTP's; None: no answer
    error = models.CharField(max_length=500, blank=True)
    duration_ms = models.IntegerField(null=True)  # None: it has not ended

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(
                fields=["delivery", "number"], name="one_attempt_per_number"
            )
        ]

    def __str__(self) -> str:
        return f"Attempt {self.number}"


class MailedLinkQuerySet(models.QuerySet["MailedLink"]):
    def open(self, now: datetime) -> Self:
        """Keep those that lead somewhere; what they were used for can be seen there."""
        return self.filter(expires_at__gt=now, burnt_at=None, voided_at=None)

    def usable(self, now: datetime) -> Self:
        """Keep those by which their reader may still act."""
        return self.open(now).filter(Q(used_at=None) | Q(once=False))


class MailedLink(models.Model):
    """A link in a message by which its reader acts; see `notifications.mailed_links`.

    Its token stands in the message alone, here is only its digest.
    """

    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="+", db_index=False
    )
    purpose = models.CharField(max_length=32)  # of the page that it opens: "alert"
    subject = models.UUIDField()  # the uid of what it acts on
    revision = models.PositiveIntegerField(default=0)  # of the subject, as it was told
    person = models.CharField(max_length=320)  # a mail address, or a channel's name
    digest = models.BinaryField(max_length=32, unique=True)  # SHA-256 of the token
    once = models.BooleanField(default=True)  # False: for as often as it lasts
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)  # the last time
    burnt_at = models.DateTimeField(null=True)  # its reader said: "This is not me"
    voided_at = models.DateTimeField(null=True)  # it was taken back
    # Of whoever used it last, or burnt it.
    address = models.GenericIPAddressField(null=True)
    agent = models.CharField(max_length=300, blank=True)

    objects = MailedLinkQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["organization", "purpose", "subject"],
                name="mailed_link_subject",
            )
        ]

    def __str__(self) -> str:
        return f"Link of {self.person}"
