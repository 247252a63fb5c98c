"""Who decides by buttons in Slack: the app that signs them, and who is who there."""

from uuid import uuid4

from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now

from accounts.models import Organization, User
from lib.secrets import EncryptedJSONField

_TEAM = RegexValidator(r"^T[A-Z0-9]{6,20}$", "Must be a workspace's id: T012AB3CD.")
_USER = RegexValidator(r"^[UW][A-Z0-9]{6,20}$", "Must be a member id: U012AB3CD.")


class SlackApp(models.Model):
    """An organization's app in Slack. Without its secret no message has buttons."""

    organization = models.OneToOneField(
        Organization, models.CASCADE, related_name="slack_app"
    )
    team = models.CharField("workspace", max_length=24, validators=[_TEAM])
    # {"signing_secret"}: whoever knows it can press any button in anybody's name.
    secrets = EncryptedJSONField(default=dict, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["organization"]
        verbose_name = "Slack app"

    def __str__(self) -> str:
        return f"Slack of {self.organization}"


class SlackUser(models.Model):
    """That somebody in Slack is a person: a finance admin says so, and they confirm."""

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="+", db_index=False
    )
    person = models.ForeignKey(User, models.CASCADE, related_name="+")
    slack_id = models.CharField("member id", max_length=24, validators=[_USER])
    named_by = models.CharField(max_length=200, editable=False)
    named_at = models.DateTimeField("named", editable=False)
    confirmed_at = models.DateTimeField("confirmed", null=True, editable=False)

    class Meta:
        ordering = ["organization", "person__email"]
        verbose_name = "person in Slack"
        verbose_name_plural = "people in Slack"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "person"], name="one_slack_user_per_person"
            ),
            models.UniqueConstraint(
                fields=["organization", "slack_id"], name="one_person_per_slack_user"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.slack_id}"
