"""Giving many budgets new amounts: changed at once, or asked for where that is asked.

A raise that a policy of the organization has people decide about becomes a request, and
so does one of somebody who may ask for money there and not change the budget.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from django.db import transaction

from accounts.access import roles_allow, roles_of
from accounts.models import Organization, User
from accounts.permissions import Action
from accounts.scopes import Scope
from approvals.models import OPEN_STATES, BudgetRequest, Policy, RequestKind
from approvals.services import ask_for
from approvals.types import Ask, By
from budgets.models import Budget
from budgets.permissions import budgets_for
from budgets.reallotment import NewAmount, reallot
from lib.errors import Forbidden, Invalid

MOST_REQUESTS = 20  # opened in one go: each is put to people


class Way(StrEnum):
    """What becomes of one new amount."""

    CHANGE = "change"
    REQUEST = "request"
    ASKED = "asked"  # the same is asked for already
    NOT_YOURS = "not_yours"  # it stays as it is


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of new amounts."""

    changed: int
    requests: Sequence[BudgetRequest]
    left: int  # that stay as they are


def ways_of(
    organization: Organization,
    wanted: Sequence[NewAmount],
    *,
    person: User | None,
) -> dict[int, Way]:
    """Return by budget what becomes of each new amount that *person* applies; None: a
    key of nobody's, which changes all but what people are to decide, and asks nobody.

    Six queries, however many budgets.
    """
    ids = [one.budget.pk for one in wanted]
    may_change, may_raise = set(ids), set(ids)
    may_ask, asked = False, set[tuple[int | None, Decimal]]()
    if person is not None:
        may_change = _ids(person, Action.CHANGE, ids)
        may_raise = _ids(person, Action.RAISE, ids)
        may_ask = roles_allow(roles_of(person), Scope.APPROVALS_WRITE, organization)
        asked = _asked(organization, ids, person)
    policies = _Policies(organization)
    found = {}
    for one in wanted:
        more = one.amount - one.budget.amount
        is_mine = one.budget.pk in may_change
        is_free = is_mine and one.budget.pk in may_raise
        needs_leave = more > 0 and (not is_free or policies.ask(one.budget))
        if needs_leave and may_ask:
            is_asked = (one.budget.pk, more) in asked
            found[one.budget.pk] = Way.ASKED if is_asked else Way.REQUEST
        else:
            is_changed = is_mine and not needs_leave
            found[one.budget.pk] = Way.CHANGE if is_changed else Way.NOT_YOURS
    return found


@transaction.atomic
def apply_amounts(
    organization: Organization,
    wanted: Sequence[NewAmount],
    ways: Mapping[int, Way],
    *,
    by: By,
    reason: str,
    now: datetime,
) -> Applied:
    """Do with new amounts what *ways*, which the person was shown, say: all or nothing.

    Raises:
        Forbidden: by now something else would become of one of them.
        Invalid: too many requests at once.
        Refusal: as `budgets.reallotment.reallot` and `approvals.services.ask_for`.
    """
    if ways != ways_of(organization, wanted, person=by.person):
        raise Forbidden("What you may do changed meanwhile. Look at it again.")
    asking = [one for one in wanted if ways[one.budget.pk] is Way.REQUEST]
    changing = [one for one in wanted if ways[one.budget.pk] is Way.CHANGE]
    if len(asking) > MOST_REQUESTS:
        raise Invalid(
            f"{len(asking)} raises would be put to people, at most {MOST_REQUESTS} are "
            "at once. Apply a part of the tree first."
        )
    # The organization is held before the trail, as whoever decides a request does.
    reallot(organization, changing, now=now, reason=reason)
    requests = [
        ask_for(organization, _ask(one, by.person, reason), by=by, now=now)
        for one in asking
        if by.person is not None  # else none is asked
    ]
    left = len(wanted) - len(changing) - len(asking)
    return Applied(len(changing), requests, left)


def _ids(person: User, action: Action, ids: Collection[int]) -> set[int]:
    """Return which of the budgets *person* may do *action* to. One query."""
    rows = budgets_for(person, action).filter(pk__in=ids)
    return set(rows.values_list("pk", flat=True))


def _ask(wanted: NewAmount, person: User, reason: str) -> Ask:
    return Ask(
        kind=RequestKind.INCREASE,
        amount=wanted.amount - wanted.budget.amount,
        requester=person,
        currency=wanted.budget.currency,
        budget=wanted.budget,
        justification=reason,
    )


def _asked(
    organization: Organization, budget_ids: Collection[int], person: User
) -> set[tuple[int | None, Decimal]]:
    """Return which raises *person* has asked for, that are not decided: by how much."""
    rows = BudgetRequest.objects.filter(
        organization=organization,
        kind=RequestKind.INCREASE,
        state__in=OPEN_STATES,
        requester=person,
        budget__in=budget_ids,
    )
    return set(rows.order_by().values_list("budget_id", "amount"))


class _Policies:
    """For which budgets the policies of an organization ask people. Two queries."""

    def __init__(self, organization: Organization) -> None:
        rows = Policy.objects.filter(organization=organization).order_by()
        self.places: set[int | None] = set(rows.values_list("budget_id", flat=True))
        tree = Budget.objects.filter(organization=organization).order_by()
        self.parents = dict(tree.values_list("pk", "parent_id")) if self.places else {}

    def ask(self, budget: Budget) -> bool:
        """Tell whether people decide about raises of *budget*: of whatever amount, as
        each policy has a level that begins at 0."""
        if None in self.places or not self.places:
            return bool(self.places)
        place: int | None = budget.pk
        while place is not None and place not in self.places:
            place = self.parents[place]
        return place is not None
