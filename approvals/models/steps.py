"""What has to be decided about a request, by whom, and what they decided."""

from typing import Self
from uuid import uuid4

from django.db import models
from django.db.models import F, Prefetch, Q
from django.db.models.functions import Now

from accounts.models import Organization, User
from approvals.models.requests import BudgetRequest
from approvals.models.trail import How
from lib.fields import MoneyField


class StepState(models.TextChoices):
    WAITING = "waiting", "Not its turn yet"
    OPEN = "open", "Open"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    # Its request was edited, sent back, withdrawn or ended by another step.
    VOID = "void", "No longer asked"


class StepQuerySet(models.QuerySet["Step"]):
    def current(self) -> Self:
        """Those that count: of the request's present chain."""
        return self.filter(revision=F("request__chain_revision"))

    def open(self) -> Self:
        """Those that can be decided."""
        return self.filter(state=StepState.OPEN)

    def with_voices(self) -> Self:
        """With their assignments, whose they are, and who decided. One query more."""
        people = Assignment.objects.select_related("person", "decision__person")
        return self.prefetch_related(Prefetch("assignments", people.order_by("pk")))


class Step(models.Model):
    """One level of a policy, frozen into a request when it was submitted."""

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", db_index=False
    )
    request = models.ForeignKey(
        BudgetRequest, models.CASCADE, related_name="steps", db_index=False
    )
    revision = models.PositiveIntegerField()  # of the request, when it was frozen
    number = models.PositiveSmallIntegerField()  # from 1
    # Steps of one stage are decided at the same time, stages one after another.
    stage = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=200)
    needed = models.PositiveSmallIntegerField()  # approvals
    min_amount = MoneyField(default=0)  # where its band begins, in policy_currency
    given = models.PositiveSmallIntegerField(default=0)  # approvals so far
    state = models.CharField(
        max_length=16, choices=StepState.choices, default=StepState.WAITING
    )
    opened_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)  # when to escalate
    decided_at = models.DateTimeField(null=True, blank=True)

    objects = StepQuerySet.as_manager()

    class Meta:
        ordering = ["request", "revision", "number"]
        indexes = [
            models.Index(
                fields=["opened_at"], condition=Q(state="open"), name="step_open_since"
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "request", "revision", "number"],
                name="one_step_per_number_of_a_revision",
            ),
            models.CheckConstraint(
                condition=Q(state__in=StepState.values), name="step_state_is_known"
            ),
            models.CheckConstraint(
                condition=Q(needed__gte=1), name="step_needs_somebody"
            ),
            models.CheckConstraint(
                condition=~Q(state="approved") | Q(given__gte=F("needed")),
                name="approved_step_has_its_quorum",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "void"]) | Q(opened_at__isnull=False),
                name="decided_step_was_open",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class AssignmentQuerySet(models.QuerySet["Assignment"]):
    def in_place(self) -> Self:
        """Those that were not given to somebody else."""
        return self.filter(removed_at=None)

    def undecided(self) -> Self:
        return self.in_place().filter(decision=None)


class Assignment(models.Model):
    """That a person is asked about a step; one voice, their own or a delegate's."""

    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", db_index=False
    )
    step = models.ForeignKey(
        Step, models.CASCADE, related_name="assignments", db_index=False
    )
    person = models.ForeignKey(User, models.PROTECT, related_name="assignments")
    # Why they: "role:finance_admin", "budget_owner", an address; "reassigned".
    reason = models.CharField(max_length=500, blank=True)
    made_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True, blank=True)  # given to somebody else

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        ordering = ["step", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "step", "person"],
                condition=Q(removed_at=None),
                name="one_assignment_per_person_and_step",
            )
        ]
        indexes = [models.Index(fields=["step"], name="assignment_by_step")]

    def __str__(self) -> str:
        return f"{self.person} for {self.step}"


class Outcome(models.TextChoices):
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    CHANGES_REQUESTED = "changes_requested", "Changes requested"


class Decision(models.Model):
    """What one person said to one step, once. Rows are only added."""

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", db_index=False
    )
    step = models.ForeignKey(Step, models.CASCADE, related_name="decisions")
    revision = models.PositiveIntegerField()  # of the request, as it was decided on
    person = models.ForeignKey(User, models.PROTECT, related_name="decisions")
    # Whose voice it is: their own assignment, or that of whom they stand in for.
    assignment = models.OneToOneField(
        Assignment, models.PROTECT, related_name="decision"
    )
    outcome = models.CharField(max_length=24, choices=Outcome.choices)
    amount = MoneyField()  # of the request, as it stood after this decision
    comments = models.TextField(blank=True)
    how = models.CharField(max_length=16, choices=How.choices)
    decided_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    # Kept here so that the database itself refuses who decides about their own.
    requester = models.ForeignKey(User, models.PROTECT, related_name="+")
    self_approval = models.BooleanField(default=False)

    class Meta:
        ordering = ["decided_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "step", "person"],
                name="one_person_is_one_voice",
            ),
            models.CheckConstraint(
                condition=Q(outcome__in=Outcome.values),
                name="decision_outcome_is_known",
            ),
            models.CheckConstraint(
                condition=Q(outcome="approved") | ~Q(comments=""),
                name="who_does_not_approve_says_why",
            ),
            models.CheckConstraint(
                condition=~Q(person=F("requester"))
                | ~Q(outcome="approved")
                | Q(self_approval=True),
                name="nobody_approves_their_own_request",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()} by {self.person}"

    @property
    def is_by_delegate(self) -> bool:
        """Tell whether somebody stood in; the assignment is to be at hand."""
        return self.person_id != self.assignment.person_id
