"""Money that is set aside before it is spent."""

from django.db import models
from django.db.models import Q

from accounts.models import Organization
from lib.fields import MoneyField


class Reservation(models.Model):
    """Money set aside on every hard-limited budget of one path, before it is spent.

    What is set aside stands in the `reserved` of the periods that `lines` name. The
    usage records that name an authorization use it up at once; those that name a lease
    draw on it until it is returned.
    """

    class Kind(models.TextChoices):
        AUTHORIZATION = "authorization", "Authorization"
        LEASE = "lease", "Lease"

    class State(models.TextChoices):
        OPEN = "open", "Open"
        SETTLED = "settled", "Settled"
        RELEASED = "released", "Released"
        EXPIRED = "expired", "Expired"

    uid = models.UUIDField(unique=True, editable=False)
    organization = models.ForeignKey(
        Organization, models.PROTECT, db_index=False, related_name="+"
    )
    kind = models.CharField(max_length=16, choices=Kind.choices)
    state = models.CharField(max_length=16, choices=State.choices, default=State.OPEN)
    # What it is for: ledger.types.Sent by name, "tags" and "tier".
    path = models.JSONField()
    granted = MoneyField()  # in the organization's currency, as are the next two
    held = MoneyField()  # of it, still set aside
    settled = MoneyField(default=0)  # cost of the records that named it
    records = models.IntegerField(default=0)  # that named it
    lines = models.JSONField()  # see budgets.reservations.hold.Line
    details = models.JSONField(default=dict)  # the decision, for people
    at = models.DateTimeField()  # the periods that contain it are reserved on
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    run_id = models.CharField(max_length=200, blank=True, default="", db_default="")

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(granted__gte=0) & Q(held__gte=0),
                name="reservation_is_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(state="open", ended_at=None)
                | ~Q(state="open") & Q(held=0, ended_at__isnull=False),
                name="reservation_holds_nothing_once_it_has_ended",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["authorization", "lease"])
                & Q(state__in=["open", "settled", "released", "expired"]),
                name="reservation_kind_and_state_are_known",
            ),
        ]
        indexes = [
            models.Index(
                fields=["organization", "expires_at"],
                condition=Q(state="open"),
                name="reservation_to_expire",
            ),
            models.Index(fields=["organization", "-id"], name="reservation_order"),
            models.Index(
                fields=["organization", "run_id", "-id"],
                condition=~Q(run_id=""),
                name="reservation_run",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.uid}"
