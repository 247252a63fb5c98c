"""What people ask of the ledger again and again, and the files they take along."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.audit import history
from accounts.models import Organization, User

VIEW_NAME_TAKEN = "You have a view of that name already: choose another."


class SpendViewQuerySet(models.QuerySet["SpendView"]):
    def seen_by(self, user: User) -> "SpendViewQuerySet":
        """Keep what is the person's own, and what is shared."""
        return self.filter(Q(owner=user) | Q(is_shared=True))


class SpendView(models.Model):
    """A question to the ledger under a name: its owner's alone, or the organization's.

    `query` is that of the page's address (`reports.spending.questions`). What it comes
    to is not kept: it is read anew at every look.
    """

    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="+", db_index=False
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", editable=False
    )
    name = models.CharField(max_length=100)
    query = models.TextField(editable=False)
    is_shared = models.BooleanField(
        "shared",
        default=False,
        help_text="Everybody in the organization sees it; only you change it.",
    )
    updated_at = models.DateTimeField(auto_now=True)

    history = history()
    objects = SpendViewQuerySet.as_manager()

    class Meta:
        verbose_name = "saved view"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "owner", "name"],
                name="one_spend_view_per_owner_and_name",
                violation_error_message=VIEW_NAME_TAKEN,
            ),
            models.CheckConstraint(
                condition=~Q(name=""), name="a_spend_view_has_a_name"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ExportState(models.TextChoices):
    WAITING = "waiting", "Waiting for a worker"
    WRITING = "writing", "Being written"
    DONE = "done", "Ready"
    FAILED = "failed", "Failed"


class SpendExport(models.Model):
    """A file of what a question comes to, too long to be written while one waits."""

    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="+", db_index=False
    )
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", editable=False
    )
    query = models.TextField()
    asked_on = models.DateField()  # the day in UTC that "last 7 days" ends with
    form = models.CharField(max_length=4)  # of reports.spending.files.FORMS
    state = models.CharField(
        max_length=8, choices=ExportState.choices, default=ExportState.WAITING
    )
    done = models.PositiveSmallIntegerField(default=0)  # percent
    content = models.BinaryField(null=True)
    error = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = "spend export"
        constraints = [
            models.CheckConstraint(
                condition=Q(state=ExportState.DONE, content__isnull=False)
                | (~Q(state=ExportState.DONE) & Q(content=None)),
                name="a_spend_export_that_is_done_has_its_file",
            )
        ]
        indexes = [
            models.Index(
                fields=["organization", "created_at"], name="spend_export_order"
            )
        ]

    def __str__(self) -> str:
        return f"{self.form} of {self.created_at:%Y-%m-%d}"
