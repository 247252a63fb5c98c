"""Who has to approve how much: definitions, which requests take a copy of."""

from uuid import uuid4

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.audit import history
from accounts.models import Organization, User, validate_currency_code
from accounts.scopes import Role
from budgets.models import Budget
from lib.fields import MoneyField


class Policy(models.Model):
    """Who decides requests in one organization, or in the subtree of a budget.

    The one nearest above a budget holds; what runs keeps the copy it began with.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="approval_policies"
    )
    name = models.CharField(max_length=200)
    # None: the whole organization. The root of the subtree it is for.
    budget = models.ForeignKey(
        Budget, models.CASCADE, null=True, blank=True, related_name="approval_policies"
    )
    currency = models.CharField(max_length=3, validators=[validate_currency_code])
    # Requests of less than this their own requester may decide; null: none.
    self_approval_below = MoneyField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    history = history(excluded=("created_at",))

    class Meta:
        ordering = ["organization", "name"]
        verbose_name = "approval policy"
        verbose_name_plural = "approval policies"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "budget"],
                name="one_approval_policy_per_subtree",
            ),
            models.UniqueConstraint(
                fields=["organization"],
                condition=Q(budget=None),
                name="one_approval_policy_per_organization",
            ),
            models.CheckConstraint(
                condition=Q(self_approval_below=None) | Q(self_approval_below__gt=0),
                name="self_approval_limit_is_positive",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Level(models.Model):
    """One level of a policy: how many of whom, from which amount on."""

    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", db_index=False
    )
    policy = models.ForeignKey(
        Policy, models.CASCADE, related_name="levels", db_index=False
    )
    number = models.PositiveSmallIntegerField()  # from 1
    name = models.CharField(max_length=200)
    required = models.PositiveSmallIntegerField(null=True, blank=True)  # null: all
    min_amount = MoneyField(default=0)  # in the policy's currency, inclusive
    # Decided at the same time as the level before it.
    parallel = models.BooleanField(default=False)

    class Meta:
        ordering = ["policy", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "policy", "number"],
                name="one_approval_level_per_number",
            ),
            models.CheckConstraint(
                condition=Q(required=None) | Q(required__gte=1),
                name="approval_level_requires_somebody",
            ),
            models.CheckConstraint(
                condition=Q(min_amount__gte=0),
                name="approval_level_begins_at_an_amount",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ApproverKind(models.TextChoices):
    PERSON = "person", "A person"
    ROLE = "role", "Everybody with a role"
    BUDGET_OWNER = "budget_owner", "The budget's owner"
    ANCESTOR_OWNER = "ancestor_owner", "The owner of a budget above"


class LevelApprover(models.Model):
    """Whom a level asks: a person, a role, or whoever owns a budget."""

    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", db_index=False
    )
    level = models.ForeignKey(Level, models.CASCADE, related_name="approvers")
    number = models.PositiveSmallIntegerField()  # from 1, in the order given
    kind = models.CharField(max_length=16, choices=ApproverKind.choices)
    person = models.ForeignKey(
        User, models.CASCADE, null=True, blank=True, related_name="+"
    )
    role = models.CharField(max_length=16, choices=Role.choices, blank=True)
    # How many levels above the budget; for ANCESTOR_OWNER alone.
    above = models.PositiveSmallIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["level", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "level", "number"],
                name="one_level_approver_per_number",
            ),
            models.CheckConstraint(
                condition=Q(kind="person", person__isnull=False, role="", above=None)
                | Q(kind="role", role__in=Role.values, person=None, above=None)
                | Q(kind="budget_owner", role="", person=None, above=None)
                | Q(kind="ancestor_owner", role="", person=None, above__gte=1),
                name="level_approver_is_named_as_its_kind_asks",
            ),
        ]

    def __str__(self) -> str:
        return self.words

    @property
    def words(self) -> str:
        """How the API writes it: an address, or "role:finance_admin"."""
        match self.kind:
            case ApproverKind.PERSON:
                return self.person.email if self.person else ""
            case ApproverKind.ROLE:
                return f"role:{self.role}"
            case ApproverKind.ANCESTOR_OWNER:
                return f"ancestor_owner:{self.above}"
        return str(self.kind)
