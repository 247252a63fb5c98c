"""What happened, in an order that nobody can change unnoticed."""

from django.db import models
from django.db.models import Q

from accounts.models import Organization


class How(models.TextChoices):
    """How it is known who acts."""

    SESSION = "session", "Logged in"
    KEY = "key", "API key"
    LINK = "link", "Mailed link"
    SLACK = "slack", "Button in Slack"
    SYSTEM = "system", "By the clock"


class TrailEntry(models.Model):
    """One thing that happened; its digest covers it and the digest of the one before.

    The database refuses to change and to delete rows, where it can.
    """

    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", db_index=False
    )
    number = models.PositiveBigIntegerField()  # from 1, in each organization
    at = models.DateTimeField()
    event = models.CharField(max_length=64)  # "request.submitted": see approvals.trail
    subject = models.UUIDField(null=True)  # the uid of the request it is about
    actor = models.CharField(max_length=200)  # an address, "key NAME", "system"
    how = models.CharField(max_length=16, choices=How.choices)
    address = models.GenericIPAddressField(null=True)
    agent = models.CharField(max_length=300, blank=True)
    details = models.JSONField(default=dict)  # of texts, whole numbers, lists, objects
    previous = models.CharField(max_length=64)  # digest of the one before; first: zeros
    digest = models.CharField(max_length=64)  # SHA-256, hexadecimal

    class Meta:
        ordering = ["organization", "number"]
        verbose_name_plural = "trail entries"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "number"], name="one_trail_entry_per_number"
            ),
            models.UniqueConstraint(
                fields=["organization", "previous"], name="trail_never_forks"
            ),
            models.CheckConstraint(
                condition=Q(number__gte=1), name="trail_is_numbered_from_one"
            ),
            models.CheckConstraint(
                condition=Q(how__in=How.values), name="trail_knows_how_it_was_told"
            ),
        ]
        indexes = [
            models.Index(
                fields=["organization", "subject", "number"], name="trail_of_a_request"
            )
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.event}"


class TrailHead(models.Model):
    """Where an organization's trail ends: what is cut off behind it is missed."""

    organization = models.OneToOneField(
        Organization, models.PROTECT, related_name="+", primary_key=True
    )
    number = models.PositiveBigIntegerField()
    digest = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.number}: {self.digest[:12]}…"
