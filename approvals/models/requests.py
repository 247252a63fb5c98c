"""Money that is asked for, and what became of it."""

from datetime import datetime
from decimal import Decimal
from typing import Self
from uuid import uuid4

from django.db import models
from django.db.models import F, Q

from accounts.models import Organization, User
from approvals.models.policies import Policy
from budgets.models import Budget, validate_counted
from lib.fields import MoneyField
from lib.money import format_money
from lib.periods import Cadence


class RequestKind(models.TextChoices):
    NEW = "new", "New budget"
    INCREASE = "increase", "Increase"
    TRANSFER = "transfer", "Transfer"
    RAISE = "raise", "Temporary raise"
    ROLLOVER_EXCEPTION = "rollover_exception", "Rollover exception"
    RULE_EXCEPTION = "rule_exception", "Rule exception"
    RULE_ACTION = "rule_action", "Action of a rule"


class RequestState(models.TextChoices):
    DRAFT = "draft", "Draft"
    PENDING = "pending", "Submitted"
    CHANGES_REQUESTED = "changes_requested", "Changes requested"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    WITHDRAWN = "withdrawn", "Withdrawn"
    EXPIRED = "expired", "Expired"


WITHOUT_AMOUNT = (RequestKind.RULE_EXCEPTION, RequestKind.RULE_ACTION)

OPEN_STATES = (
    RequestState.DRAFT,
    RequestState.PENDING,
    RequestState.CHANGES_REQUESTED,
)


class BudgetRequestQuerySet(models.QuerySet["BudgetRequest"]):
    def pending(self) -> Self:
        """Those that wait for a decision."""
        return self.filter(state=RequestState.PENDING)

    def open(self) -> Self:
        """Those that nothing has ended."""
        return self.filter(state__in=OPEN_STATES)

    def overdue(self, now: datetime) -> Self:
        """Those that nobody decided in time."""
        return self.filter(
            state__in=[RequestState.PENDING, RequestState.CHANGES_REQUESTED],
            expires_at__lte=now,
        )

    def waiting_for(self, person: User) -> Self:
        """Those with an open step that *person* is assigned to and has not decided."""
        asked = Q(
            steps__state="open",
            steps__assignments__person=person,
            steps__assignments__removed_at=None,
            steps__assignments__decision=None,
        )
        return self.pending().filter(asked).distinct()


class BudgetRequest(models.Model):
    """What somebody asks for: how much, of which budget, until when, and why.

    `amount` is by how much more, of a new budget all of it; in `currency`.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="budget_requests", db_index=False
    )
    kind = models.CharField(max_length=24, choices=RequestKind.choices)
    state = models.CharField(
        max_length=24, choices=RequestState.choices, default=RequestState.DRAFT
    )
    # Rises with every edit and every submission: links and pages are of one revision.
    revision = models.PositiveIntegerField(default=1)
    # The revision whose steps count: that of the last submission, or of the last edit
    # that voided the approvals given.
    chain_revision = models.PositiveIntegerField(default=0)

    requester = models.ForeignKey(User, models.PROTECT, related_name="budget_requests")
    on_behalf_of = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+"
    )
    # Who wrote it down: another person, or a program by its name alone.
    filed_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+"
    )
    filed_by_name = models.CharField(max_length=200, blank=True)

    # Whose amount it is about; of a new one: what the approval made.
    budget = models.ForeignKey(
        Budget, models.PROTECT, null=True, blank=True, related_name="requests"
    )
    parent = models.ForeignKey(  # of a new budget
        Budget, models.PROTECT, null=True, blank=True, related_name="+"
    )
    source = models.ForeignKey(  # of a transfer: what gives
        Budget, models.PROTECT, null=True, blank=True, related_name="+"
    )
    name = models.CharField(max_length=200, blank=True)  # of a new budget
    scope = models.JSONField(default=dict, blank=True)  # of a new budget
    period = models.CharField(  # of a new budget
        max_length=16,
        choices=[(one.value, one.value.title()) for one in Cadence],
        default=Cadence.MONTHLY.value,
    )
    # The id of one that is not to hold, or one that waits to act, in words.
    rule = models.CharField(max_length=200, blank=True)
    # What the rule that is not to hold said when it was asked; "": nobody wrote it.
    rule_words = models.CharField(max_length=500, blank=True)
    until = models.DateTimeField(null=True, blank=True)  # exclusive

    amount = MoneyField()
    # What approvers lowered it to so far; once approved: what was approved.
    approved_amount = MoneyField(null=True, blank=True)
    currency = models.CharField(max_length=8, validators=[validate_counted])
    justification = models.TextField(blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    links = models.JSONField(default=list, blank=True)  # [{"title", "url"}]
    needed_by = models.DateTimeField(null=True, blank=True)
    # approvals.impact.Impact as it was at the last submission; null before.
    impact = models.JSONField(null=True, blank=True)
    # Equal asks of programs join the open one with the same key; "": never.
    ask_key = models.CharField(max_length=200, blank=True)

    # The policy as it was at the last submission; named approvers have none.
    policy = models.ForeignKey(
        Policy, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    policy_name = models.CharField(max_length=200, blank=True)
    policy_currency = models.CharField(max_length=3, blank=True)
    self_approval = models.BooleanField(default=False)  # at this amount, by the policy
    named_approvers = models.JSONField(default=list, blank=True)  # addresses
    in_turn = models.BooleanField(default=False)  # the named ones, one after another

    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)  # or withdrawn, expired
    expires_at = models.DateTimeField(null=True, blank=True)
    outcome_reason = models.TextField(blank=True)  # of a rejection, a withdrawal

    objects = BudgetRequestQuerySet.as_manager()

    class Meta:
        verbose_name = "request"
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(
                fields=["organization", "state", "created_at"], name="request_by_state"
            ),
            models.Index(
                fields=["expires_at"],
                condition=Q(state__in=["pending", "changes_requested"]),
                name="request_to_expire",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "ask_key"],
                condition=~Q(ask_key="")
                & Q(state__in=["draft", "pending", "changes_requested"]),
                name="one_open_request_per_ask",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=RequestKind.values), name="request_kind_is_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=RequestState.values),
                name="request_state_is_known",
            ),
            models.CheckConstraint(
                condition=Q(amount__gt=0) | Q(kind__in=WITHOUT_AMOUNT, amount=0),
                name="request_asks_for_an_amount",
            ),
            models.CheckConstraint(
                condition=Q(approved_amount=None)
                | Q(approved_amount__gt=0, approved_amount__lte=F("amount"))
                | Q(amount=0, approved_amount=0),
                name="approved_amount_is_at_most_what_was_asked",
            ),
            models.CheckConstraint(
                condition=Q(decided_at=None, state__in=OPEN_STATES)
                | (Q(decided_at__isnull=False) & ~Q(state__in=OPEN_STATES)),
                name="request_has_ended_when_it_says_so",
            ),
            models.CheckConstraint(
                condition=~Q(state="approved")
                | Q(approved_amount__isnull=False, submitted_at__isnull=False),
                name="approved_request_has_its_amount",
            ),
            models.CheckConstraint(
                condition=~Q(state="rejected") | ~Q(outcome_reason=""),
                name="rejected_request_says_why",
            ),
            models.CheckConstraint(
                condition=Q(kind="new")
                | Q(kind="transfer", source__isnull=False, budget__isnull=False)
                | Q(kind="raise", until__isnull=False, budget__isnull=False)
                | Q(kind__in=WITHOUT_AMOUNT, until__isnull=False)
                | Q(kind__in=["increase", "rollover_exception"], budget__isnull=False),
                name="request_names_what_its_kind_asks",
            ),
            models.CheckConstraint(
                condition=Q(source=None) | ~Q(source=F("budget")),
                name="transfer_is_between_two_budgets",
            ),
            models.CheckConstraint(
                condition=Q(state="draft") | ~Q(kind="new") | ~Q(name=""),
                name="new_budget_has_a_name",
            ),
            models.CheckConstraint(
                condition=Q(chain_revision__lte=F("revision")),
                name="steps_are_of_a_revision_there_was",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {format_money(self.amount, self.currency)}"

    @property
    def present_amount(self) -> Decimal:
        """What is decided about: what was asked, or what it was lowered to since."""
        lowered: Decimal | None = self.approved_amount
        asked: Decimal = self.amount
        return asked if lowered is None else lowered

    @property
    def is_lowered(self) -> bool:
        return bool(self.present_amount < self.amount)

    @property
    def place(self) -> Budget | None:
        """The budget it is about; of a new one, the one it is to lie below."""
        return self.budget or self.parent

    @property
    def own_ids(self) -> frozenset[int]:
        """The people whose request it is: they don't decide it."""
        mine = (self.requester_id, self.on_behalf_of_id, self.filed_by_id)
        return frozenset(one for one in mine if one is not None)
