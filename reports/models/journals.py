"""Which accounts costs go to, and the journals that were posted."""

from typing import Any, Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.audit import MOST_REASON, current_actor, history
from accounts.models import Organization
from lib.fields import MoneyField
from reports.journals.mappings import LONGEST_NAME


class DateOrder(models.TextChoices):
    """How NetSuite and QuickBooks of an organization read days."""

    MDY = "mdy", "12/31/2026"
    DMY = "dmy", "31/12/2026"
    YMD = "ymd", "2026-12-31"


def _name(label: str, **more: Any) -> models.CharField[str, str]:
    return models.CharField(label, max_length=LONGEST_NAME, blank=True, **more)


class JournalSetup(models.Model):
    """How one organization has its journals: accounts, and what its system asks for.

    `mappings` are as the wire has them; see `reports.journals.mappings`. The row is the
    mutex of all postings of its organization.
    """

    organization = models.OneToOneField(
        Organization, models.PROTECT, related_name="journal_setup"
    )
    mappings = models.JSONField(default=list)
    rounding_account = _name(
        "account for rounding",
        help_text="Gets what rounding to cents leaves. Empty: the account of the "
        "month's largest amount.",
    )
    decimals = models.PositiveSmallIntegerField(
        "decimals of amounts",
        null=True,
        blank=True,
        help_text="Empty: as many as the currency has. NetSuite, QuickBooks and Xero "
        "keep two.",
    )
    date_order = models.CharField(
        "days in files for NetSuite and QuickBooks",
        max_length=3,
        choices=DateOrder.choices,
        default=DateOrder.MDY,
        help_text="As that system is set up to read them.",
    )
    subsidiary = _name("subsidiary in NetSuite")
    tax_rate = models.CharField(
        "tax rate in Xero",
        max_length=LONGEST_NAME,
        default="Tax Exempt",
        help_text="Its full name, as Xero has it; every line needs one.",
    )
    tracking_department = _name(
        "Xero's tracking category of departments",
        default="Department",
        help_text="Empty: they are not tracked. Xero has two categories.",
    )
    tracking_cost_center = _name(
        "Xero's tracking category of cost centers", default="Cost center"
    )
    tracking_class = _name("Xero's tracking category of classes")

    history = history()

    class Meta:
        verbose_name = "journal setup"
        constraints = [
            models.CheckConstraint(
                condition=Q(date_order__in=DateOrder.values),
                name="journals_write_days_in_a_known_order",
            ),
            models.CheckConstraint(
                condition=Q(decimals=None) | Q(decimals__lte=4),
                name="journals_have_few_decimals",
            ),
            models.CheckConstraint(
                condition=~Q(tax_rate=""), name="journals_have_a_tax_rate"
            ),
        ]

    def __str__(self) -> str:
        return f"Journals of {self.organization}"


class JournalKind(models.TextChoices):
    ACCRUAL = "accrual", "Accrual"
    CORRECTION = "correction", "Correction"


class JournalQuerySet(models.QuerySet["Journal"]):
    def of_month(self, month: Any) -> Self:
        """Keep those of the month that begins with the day *month*, the first first."""
        return self.filter(month=month).order_by("number")


class Journal(models.Model):
    """One posting of a month: its accrual, or a later correction by what changed; and
    its reversal. It is kept as it was posted: neither it nor its lines change.

    The database refuses to change a row, and files that are written anew from it have
    to have the digests in `files`, {system: [{"name", "sha256"}]}.
    """

    organization = models.ForeignKey(
        Organization, models.PROTECT, db_index=False, related_name="+"
    )
    month = models.DateField()  # its first day, in the organization's zone
    number = models.PositiveSmallIntegerField()  # from 1, in the month
    kind = models.CharField(max_length=10, choices=JournalKind.choices)
    external_id = models.CharField(max_length=150)
    dated_on = models.DateField()
    reversal_id = models.CharField(max_length=150)
    reversed_on = models.DateField()
    currency = models.CharField(max_length=3)
    amount = MoneyField()  # what is posted, the sum of its lines
    total = MoneyField()  # what the ledger had for the month, not rounded
    unpriced = models.BigIntegerField(default=0)  # requests that are not in it
    cut_off = models.DateTimeField()  # nothing that was booked later is in it
    # How files are written, and by which mappings: those of the accrual first, then
    # those of corrections, for what the ones before did not map.
    style = models.JSONField()
    mappings = models.JSONField()
    files = models.JSONField()
    reason = models.CharField(max_length=MOST_REASON, blank=True)
    posted_by = models.CharField(max_length=200, default=current_actor)
    posted_at = models.DateTimeField(db_default=Now())

    objects = JournalQuerySet.as_manager()

    class Meta:
        ordering = ["-month", "-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "month", "number"],
                name="one_journal_per_number_of_a_month",
            ),
            models.UniqueConstraint(
                fields=["organization", "month"],
                condition=Q(kind="accrual"),
                name="one_accrual_per_month",
            ),
            models.UniqueConstraint(
                fields=["organization", "external_id"],
                name="one_journal_per_external_id",
            ),
            models.CheckConstraint(
                condition=Q(kind="accrual", number=1)
                | Q(kind="correction", number__gt=1),
                name="the_first_journal_of_a_month_is_its_accrual",
            ),
            models.CheckConstraint(
                condition=Q(reversed_on__gt=F("dated_on"))
                & Q(dated_on__gte=F("month")),
                name="a_journal_is_reversed_after_it_is_dated",
            ),
        ]

    def __str__(self) -> str:
        return self.external_id


class JournalLine(models.Model):
    """One amount of a journal, debited to an expense and credited to a liability; a
    negative one the other way round."""

    organization = models.ForeignKey(
        Organization, models.PROTECT, db_index=False, related_name="+"
    )
    journal = models.ForeignKey(
        Journal, models.PROTECT, db_index=False, related_name="lines"
    )
    number = models.PositiveIntegerField()  # from 1
    expense_account = models.CharField(max_length=LONGEST_NAME)
    liability_account = models.CharField(max_length=LONGEST_NAME)
    cost_center = models.CharField(max_length=LONGEST_NAME, blank=True)
    department = models.CharField(max_length=LONGEST_NAME, blank=True)
    class_name = models.CharField(max_length=LONGEST_NAME, blank=True)
    is_rounding = models.BooleanField(default=False)
    amount = MoneyField()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "journal", "number"],
                name="one_journal_line_per_number",
            ),
            models.CheckConstraint(
                condition=~Q(amount=0), name="a_journal_line_is_not_nothing"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.expense_account} {self.amount:f}"
