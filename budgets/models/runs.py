"""What runs of agents have spent, and how much each may."""

from decimal import Decimal

from django.db import models
from django.db.models import Q

from accounts.models import Organization
from lib.fields import MoneyField
from lib.money import share


class Run(models.Model):
    """One run of an agent or a job: all calls that name it, and its cap if it has one.

    Money is in the organization's currency. `spent` is what the cost records that name
    the run add up to, `reserved` what is set aside for its calls.
    """

    organization = models.ForeignKey(
        Organization, models.PROTECT, db_index=False, related_name="+"
    )
    run_id = models.CharField(max_length=200)
    cap = MoneyField(null=True)  # null: none was named so far
    spent = MoneyField(default=0)
    reserved = MoneyField(default=0)
    requests = models.BigIntegerField(default=0)  # of the cost records
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()  # its last call or usage

    class Meta:
        ordering = ["-last_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "run_id"], name="one_row_per_run"
            ),
            models.CheckConstraint(condition=~Q(run_id=""), name="run_has_a_name"),
            models.CheckConstraint(
                condition=Q(reserved__gte=0), name="run_reserved_is_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(cap=None) | Q(cap__gte=0), name="run_cap_is_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(last_at__gte=models.F("first_at")),
                name="run_ends_after_it_starts",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "-last_at", "-id"], name="run_order")
        ]

    def __str__(self) -> str:
        return self.run_id

    @property
    def left(self) -> Decimal | None:
        """What its cap has left, below zero where it is passed; None: no cap."""
        return None if self.cap is None else self.cap - self.spent - self.reserved

    @property
    def used_share(self) -> Decimal | None:
        """What is spent and reserved of the cap, 1 for all of it; None: no cap, or
        immeasurably much of one that is nothing."""
        used = Decimal(self.spent + self.reserved)
        return None if self.cap is None else share(used, Decimal(self.cap))
