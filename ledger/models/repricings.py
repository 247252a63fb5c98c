"""Who had booked usage corrected, and why."""

from django.db import models
from django.db.models.functions import Now

from accounts.audit import current_actor
from accounts.models import Organization
from lib.fields import MoneyField
from lib.humanize import date_words


class Repricing(models.Model):
    """One audited correction of what is booked: who, why, and by how much.

    Of what usage was charged at, or of what was reported of it.
    """

    class Kind(models.TextChoices):
        PRICES = "prices", "Prices"
        USAGE = "usage", "Usage"

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    reason = models.CharField(max_length=500)
    actor = models.CharField(max_length=200, default=current_actor)
    kind = models.CharField(
        max_length=6, choices=Kind.choices, default=Kind.PRICES, db_default=Kind.PRICES
    )
    filters = models.JSONField(default=dict)  # what was corrected
    # What this one takes back, of another; once.
    undoes = models.OneToOneField(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="undone_by",
        editable=False,
    )
    records = models.PositiveIntegerField(default=0)
    difference = MoneyField(default=0)  # organization's currency
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "correction"

    def __str__(self) -> str:
        what = "Repricing" if self.kind == self.Kind.PRICES else "Correction"
        what = "Undoing" if self.undoes_id else what
        return f"{what} of {date_words(self.created_at)}: {self.reason}"
