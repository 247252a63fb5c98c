"""Reports that are kept, what people wrote to them, and how organizations want them."""

from decimal import Decimal
from typing import Self
from uuid import uuid4

from babel import Locale, UnknownLocaleError
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from accounts.audit import history
from accounts.models import Organization
from budgets.models import Budget
from lib.fields import MoneyField


def validate_locale(name: str) -> None:
    try:
        Locale.parse(name)
    except (ValueError, UnknownLocaleError) as error:
        raise ValidationError(
            f"“{name}” is no locale. Use one such as en_US or de_DE."
        ) from error


class ReportSettings(models.Model):
    """How an organization has its reports; without a row, as the defaults say."""

    organization = models.OneToOneField(
        Organization, models.CASCADE, related_name="report_settings"
    )
    # A variance beyond both needs a comment.
    threshold = MoneyField(
        default=Decimal(100), help_text="In the organization's currency."
    )
    threshold_share = models.DecimalField(
        max_digits=7,
        decimal_places=4,
        default=Decimal("0.10"),
        help_text="A share of what is budgeted: 0.1 is 10 %.",
    )
    locale = models.CharField(
        max_length=20, default="en_US", validators=[validate_locale]
    )

    history = history()

    class Meta:
        verbose_name = verbose_name_plural = "report settings"
        constraints = [
            models.CheckConstraint(
                condition=Q(threshold__gte=0) & Q(threshold_share__gte=0),
                name="report_thresholds_are_not_negative",
            )
        ]

    def __str__(self) -> str:
        return f"Reports of {self.organization}"


class ReportKind(models.TextChoices):
    MONTHLY = "monthly", "Monthly"


class ReportState(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Being made"
    DRAFT = "draft", "Draft"
    FINAL = "final", "Final"
    FAILED = "failed", "Failed"


IN_THE_MAKING = (ReportState.QUEUED, ReportState.RUNNING)


class ReportQuerySet(models.QuerySet["Report"]):
    def final(self) -> Self:
        return self.filter(state=ReportState.FINAL)

    def open(self) -> Self:
        """Those that are not final: of one month and budget there is one at most."""
        return self.exclude(state=ReportState.FINAL)

    def about(
        self, organization: Organization, month: object, budget: Budget | None
    ) -> Self:
        """Keep those of a month, and of a budget; None: of the whole organization."""
        return self.filter(
            organization=organization,
            kind=ReportKind.MONTHLY,
            month=month,
            budget=budget,
        )

    def listed(self) -> Self:
        """Bring names along, and leave out what is large."""
        rows = self.select_related("organization", "budget", "replaces")
        return rows.defer("pdf", "figures")


class Report(models.Model):
    """One month's report: a draft is made anew at will, a final one stays.

    The database refuses to change a final one. Another one of its month is a revision,
    which names the one it takes the place of.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="reports", db_index=False
    )
    kind = models.CharField(
        max_length=16, choices=ReportKind.choices, default=ReportKind.MONTHLY
    )
    month = models.DateField()  # its first day
    budget = models.ForeignKey(  # null: of the whole organization
        Budget, models.PROTECT, null=True, blank=True, related_name="reports"
    )
    revision = models.PositiveIntegerField(default=1)
    replaces = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="replaced_by"
    )
    state = models.CharField(
        max_length=16, choices=ReportState.choices, default=ReportState.QUEUED
    )
    progress = models.PositiveSmallIntegerField(default=0)  # percent
    failure = models.TextField(blank=True)  # why it was not made
    requested_by = models.CharField(max_length=200)
    requested_at = models.DateTimeField()
    # Since when somebody makes it; moves on with each sign of life.
    claimed_at = models.DateTimeField(null=True, blank=True)
    made_at = models.DateTimeField(null=True, blank=True)  # when all was read
    figures = models.TextField(blank=True)  # reports.monthly.frozen
    commentary = models.PositiveIntegerField(default=0)  # rises with every comment
    drawn_with = models.PositiveIntegerField(default=0)  # the commentary in `pdf`
    pdf = models.BinaryField(null=True)
    digest = models.CharField(max_length=64, blank=True)  # SHA-256 of `pdf`, if final
    finalised_by = models.CharField(max_length=200, blank=True)
    finalised_at = models.DateTimeField(null=True, blank=True)

    objects = ReportQuerySet.as_manager()

    class Meta:
        ordering = ["-month", "-requested_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "kind", "month", "budget", "revision"],
                condition=Q(budget__isnull=False),
                name="one_report_per_budget_month_and_revision",
            ),
            models.UniqueConstraint(
                fields=["organization", "kind", "month", "revision"],
                condition=Q(budget=None),
                name="one_report_per_month_and_revision",
            ),
            models.UniqueConstraint(
                fields=["organization", "kind", "month", "budget"],
                condition=~Q(state="final") & Q(budget__isnull=False),
                name="one_open_report_per_budget_and_month",
            ),
            models.UniqueConstraint(
                fields=["organization", "kind", "month"],
                condition=~Q(state="final") & Q(budget=None),
                name="one_open_report_per_month",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=ReportKind.values), name="report_kind_is_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=ReportState.values), name="report_state_is_known"
            ),
            models.CheckConstraint(
                condition=Q(progress__lte=100), name="report_progress_is_in_percent"
            ),
            models.CheckConstraint(
                condition=Q(
                    state="final", pdf__isnull=False, finalised_at__isnull=False
                )
                & ~Q(digest="")
                & ~Q(figures="")
                | ~Q(state="final") & Q(digest="", finalised_at=None),
                name="final_report_is_kept_with_its_digest",
            ),
            models.CheckConstraint(
                condition=~Q(state="draft") | ~Q(figures=""),
                name="draft_report_has_figures",
            ),
            models.CheckConstraint(
                condition=Q(revision=1, replaces=None)
                | Q(revision__gt=1, replaces__isnull=False),
                name="report_revision_replaces_another",
            ),
        ]

    def __str__(self) -> str:
        about = self.budget.name if self.budget else self.organization.name
        return f"{about}, {self.month:%B %Y}"

    @property
    def is_final(self) -> bool:
        return self.state == ReportState.FINAL

    @property
    def is_in_the_making(self) -> bool:
        return self.state in IN_THE_MAKING


class ReportComment(models.Model):
    """Why one row of a report is off, and what comes of it."""

    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", db_index=False
    )
    report = models.ForeignKey(
        Report, models.CASCADE, related_name="comments", db_index=False
    )
    budget = models.ForeignKey(Budget, models.PROTECT, related_name="+")
    text = models.TextField()  # the cause
    driver = models.CharField(max_length=200, blank=True)
    owner = models.CharField(max_length=200, blank=True)  # who sees to the action
    action = models.TextField(blank=True)
    due = models.DateField(null=True, blank=True)
    writer = models.CharField(max_length=200)
    written_at = models.DateTimeField()

    history = history()

    class Meta:
        ordering = ["report", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "report", "budget"],
                name="one_comment_per_report_and_budget",
            ),
            models.CheckConstraint(
                condition=~Q(text=""), name="report_comment_says_something"
            ),
        ]
        indexes = [models.Index(fields=["report"], name="report_comment_of")]

    def __str__(self) -> str:
        return f"{self.budget}: {self.text[:60]}"
