"""What to ask for where somebody meets a limit: by how much, for how long, and who may.

Who may raise a budget raises it; who may only ask gets an address that is filled in.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Self
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils.http import urlencode

from accounts.access import roles_allow, roles_of
from accounts.models import Membership, Organization, User
from accounts.permissions import TABLE, Action, Relation, relations_for
from accounts.scopes import SCOPES_OF_ROLE, Role, Scope
from approvals.models import RequestKind
from budgets.models import Budget
from budgets.permissions import budgets_for
from lib.periods import day_of

ZERO = Decimal(0)
_FIGURES = 2  # that an amount to ask for is rounded up to: 1,234.56 is 1,300
_MOMENT = timedelta(microseconds=1)
Roles = Mapping[str, Sequence[tuple[int, Role]]]  # people's ids, with each of theirs


@dataclass(frozen=True, slots=True)
class Wish:
    """What to ask for, where a form or a mail offers it; the asker may change it."""

    budget_id: int
    amount: Decimal | None = None  # None: theirs to say
    kind: str = RequestKind.RAISE.value
    until: date | None = None  # the last day; None: theirs to say
    why: str = ""  # for those who decide

    @classmethod
    def for_period(
        cls, budget: Budget, ends_at: datetime, lacks: Decimal, why: str = ""
    ) -> Self:
        """Return what a period that *lacks* something needs until its end."""
        last = day_of(ends_at - _MOMENT, ZoneInfo(budget.timezone))
        amount = rounded(lacks) if lacks > 0 else None
        return cls(budget.pk, amount, until=last, why=why)

    @property
    def path(self) -> str:
        """The address of the form, filled in."""
        query = {"budget": str(self.budget_id), "kind": self.kind}
        if self.amount is not None:
            query["amount"] = f"{self.amount:f}"
        if self.until is not None and self.kind == RequestKind.RAISE:
            query["until"] = self.until.isoformat()
        if self.why:
            query["why"] = self.why
        return f"{reverse('admin:approvals_budgetrequest_ask')}?{urlencode(query)}"


def lacking(limit: Decimal, used: Decimal, projected: Decimal | None) -> Decimal:
    """Return by how much a period's limit is too small: for what is *used* of it now,
    or for what will be at this pace; 0: it is not."""
    return max((projected or ZERO) - limit, used - limit, ZERO)


def rounded(amount: Decimal) -> Decimal:
    """Return *amount* rounded up to two figures, but to no part of a cent."""
    exponent = max(amount.adjusted() - _FIGURES + 1, -_FIGURES)
    step = Decimal(1).scaleb(exponent)
    return (amount / step).to_integral_value(ROUND_CEILING) * step


def askable(
    person: User, organization: Organization, budget_ids: Collection[int]
) -> frozenset[int]:
    """Return for which of the budgets *person* has to ask: they may ask for money, and
    may not raise the budget themselves. One query where it depends on the budget.
    """
    if not roles_allow(roles_of(person), Scope.APPROVALS_WRITE, organization):
        return frozenset()
    allowed = relations_for(person, Action.RAISE, organization)
    if Relation.ELSEWHERE in allowed:
        return frozenset()
    if not allowed or not budget_ids:
        return frozenset(budget_ids)
    mine = budgets_for(person, Action.RAISE).filter(pk__in=budget_ids)
    return frozenset(budget_ids) - set(mine.values_list("pk", flat=True))


def askers(
    path: Sequence[Budget], addresses: Collection[str], roles: Roles | None = None
) -> frozenset[str]:
    """Return who of *addresses* has to ask about the budget that begins *path*, which
    has its owners; see `askable`. One query, none where their *roles* are given."""
    if roles is None:
        roles = roles_among(path[0].organization_id, addresses)
    return frozenset(
        email
        for email in addresses
        for person, role in roles.get(email, ())
        if Scope.APPROVALS_WRITE in SCOPES_OF_ROLE[role]
        and not _may_raise(role, person, path)
    )


def roles_among(organization_id: int, addresses: Collection[str]) -> Roles:
    """Return who of *addresses* has which roles in the organization. One query."""
    rows = Membership.objects.filter(
        organization=organization_id,
        user__email__in=list(addresses),
        user__is_active=True,
        user__is_superuser=False,
    )
    people = rows.order_by().values_list("user__email", "user_id", "role")
    found: dict[str, list[tuple[int, Role]]] = defaultdict(list)
    for email, person, role in people:
        found[email].append((person, Role(role)))
    return found


def _may_raise(role: Role, person: int, path: Sequence[Budget]) -> bool:
    """Tell whether a person raises the budget that begins *path* by changing it."""
    allowed = TABLE[role].get(Action.RAISE, frozenset())
    stands = {Relation.ELSEWHERE}
    stands |= {Relation.OWN for budget in path[:1] if budget.owner_id == person}
    # A template binds nobody, as in `budgets.permissions`.
    above = [budget for budget in path[1:] if not budget.is_template]
    stands |= {Relation.BELOW for budget in above if budget.owner_id == person}
    return not stands.isdisjoint(allowed)
