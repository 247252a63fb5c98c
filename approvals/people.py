"""Whom the words of a policy mean: a person, a role, whoever owns a budget."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from accounts.models import Organization, User
from accounts.scopes import Role
from approvals.models import ApproverKind, LevelApprover
from approvals.types import Candidate
from budgets.models import Budget
from lib.errors import Invalid

_ROLE, _ANCESTOR = "role:", "ancestor_owner:"
_MOST_ABOVE = 50  # levels of a tree


def members(organization: Organization | int) -> QuerySet[User]:
    """Return those who may decide anything there: active, and in it."""
    rows = User.objects.filter(is_active=True)
    inside = Q(memberships__organization=organization) | Q(is_superuser=True)
    return rows.filter(inside).distinct()


def approver_of(words: str) -> LevelApprover:
    """Read whom *words* of the API name; a person is not looked up yet.

    Raises:
        Invalid: they name nobody there could be.
    """
    text = words.strip()
    if text.startswith(_ROLE):
        role = text.removeprefix(_ROLE)
        if role not in Role.values:
            known = ", ".join(Role.values)
            raise Invalid.field("approvers", f"Unknown role; known are {known}.")
        return LevelApprover(kind=ApproverKind.ROLE, role=role)
    if text == ApproverKind.BUDGET_OWNER:
        return LevelApprover(kind=ApproverKind.BUDGET_OWNER)
    if text.startswith(_ANCESTOR):
        above = text.removeprefix(_ANCESTOR)
        if not (above.isdecimal() and 1 <= int(above) <= _MOST_ABOVE):
            detail = f"After {_ANCESTOR} comes a number from 1 to {_MOST_ABOVE}."
            raise Invalid.field("approvers", detail)
        return LevelApprover(kind=ApproverKind.ANCESTOR_OWNER, above=int(above))
    return LevelApprover(kind=ApproverKind.PERSON)


@dataclass(frozen=True, slots=True)
class Directory:
    """Who is who around one request: its budgets, and whose request it is."""

    organization: Organization
    path: Sequence[Budget]  # the budget and those above it, each with its owner
    excluded: frozenset[int] = frozenset()  # they are not asked

    def candidates(self, approvers: Sequence[LevelApprover]) -> tuple[Candidate, ...]:
        """Return whom *approvers* mean, each person once, in their order."""
        found: dict[str, Candidate] = {}
        for approver in approvers:
            for person in self._people(approver):
                if person.pk not in self.excluded:
                    found.setdefault(person.email, Candidate(person, approver.words))
        return tuple(found.values())

    def in_place_of(
        self, approvers: Sequence[LevelApprover], found: Sequence[Candidate]
    ) -> tuple[Candidate, ...]:
        """Return finance admins beside *found*, one for each of *approvers* who is
        named and does not decide, for it is their own.

        Or who is said to be asked on behalf of would take a voice away by that.
        """
        missing = [
            one
            for one in approvers
            if one.kind == ApproverKind.PERSON and one.person_id in self.excluded
        ]
        there = self.excluded | {one.person.pk for one in found}
        admins = self._with_role(Role.FINANCE_ADMIN).exclude(pk__in=there)
        return tuple(
            Candidate(admin, f"in place of {one.words}")
            for one, admin in zip(missing, admins, strict=False)
        )

    def _people(self, approver: LevelApprover) -> Iterator[User]:
        match approver.kind:
            case ApproverKind.PERSON if approver.person and not approver.person.pk:
                yield approver.person  # becomes an approver when the plan is saved
            case ApproverKind.PERSON:
                yield from members(self.organization).filter(pk=approver.person_id or 0)
            case ApproverKind.ROLE:
                yield from self._with_role(approver.role)
            case ApproverKind.BUDGET_OWNER:
                yield from self._owner(self.path)
            case _:
                above = approver.above or 0
                yield from self._owner(self.path[above:] or self.path[-1:])

    def _with_role(self, role: str) -> QuerySet[User]:
        rows = User.objects.filter(is_active=True)
        inside = rows.filter(
            memberships__organization=self.organization, memberships__role=role
        )
        return inside.order_by("email")

    def _owner(self, path: Sequence[Budget]) -> Iterator[User]:
        """Yield the first owner on the way up who may be asked; where there is none,
        those who look after the organization's money."""
        owners = [one.owner for one in path if one.owner is not None]
        for owner in owners:
            if owner.is_active and owner.pk not in self.excluded:
                yield owner
                return
        yield from self._with_role(Role.FINANCE_ADMIN)
