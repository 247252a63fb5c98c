import uuid

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import lib.secrets


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_invitation"),
        ("approvals", "0003_actions_of_rules"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SlackApp",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "team",
                    models.CharField(
                        max_length=24,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^T[A-Z0-9]{6,20}$",
                                "Must be a workspace's id: T012AB3CD.",
                            )
                        ],
                        verbose_name="workspace",
                    ),
                ),
                (
                    "secrets",
                    lib.secrets.EncryptedJSONField(default=dict, editable=False),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        editable=False,
                    ),
                ),
                (
                    "organization",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="slack_app",
                        to="accounts.organization",
                    ),
                ),
            ],
            options={"verbose_name": "Slack app", "ordering": ["organization"]},
        ),
        migrations.CreateModel(
            name="SlackUser",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "uid",
                    models.UUIDField(default=uuid.uuid4, editable=False, unique=True),
                ),
                (
                    "slack_id",
                    models.CharField(
                        max_length=24,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[UW][A-Z0-9]{6,20}$",
                                "Must be a member id: U012AB3CD.",
                            )
                        ],
                        verbose_name="member id",
                    ),
                ),
                ("named_by", models.CharField(editable=False, max_length=200)),
                (
                    "named_at",
                    models.DateTimeField(editable=False, verbose_name="named"),
                ),
                (
                    "confirmed_at",
                    models.DateTimeField(
                        editable=False, null=True, verbose_name="confirmed"
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "person in Slack",
                "verbose_name_plural": "people in Slack",
                "ordering": ["organization", "person__email"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=["organization", "person"],
                        name="one_slack_user_per_person",
                    ),
                    models.UniqueConstraint(
                        fields=["organization", "slack_id"],
                        name="one_person_per_slack_user",
                    ),
                ],
            },
        ),
    ]
