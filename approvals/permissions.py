"""Who may ask, change, take back and put right; who decides is `approvals.voices`'."""

from datetime import datetime

from django.db.models import QuerySet

from accounts.access import roles_allow, roles_of
from accounts.models import Membership, Organization, User
from accounts.scopes import Role, Scope
from approvals.currencies import converted
from approvals.errors import LogInFirst, NotYourRequest
from approvals.models import BudgetRequest, How
from approvals.types import By
from lib.errors import Forbidden, Invalid

_LOGGED_IN = {How.SESSION, How.KEY}


def require_asker(by: By, organization: Organization) -> None:
    """Refuse who may not ask for money in *organization*; a program may.

    Raises:
        Forbidden: their role does not say so.
    """
    person = by.person
    if person is None:
        return
    roles = roles_of(person)
    if not (
        roles_allow(roles, Scope.APPROVALS_WRITE, organization)
        or (person.is_superuser and person.is_active)
    ):
        raise Forbidden("You may not ask for money in this organization.")


def require_own(by: By, request: BudgetRequest) -> None:
    """Refuse who is none of those whose request it is.

    Raises:
        NotYourRequest: they are not, or it is another program's.
    """
    if by.person is None:
        if request.filed_by_id is None and request.filed_by_name == by.name:
            return
    elif by.person.is_active and by.person.pk in request.own_ids:
        return
    raise NotYourRequest("Only those whose request it is change it or take it back.")


def needs_login(request: BudgetRequest, now: datetime) -> bool:
    """Tell whether it is about more than what a mailed link decides; also where no rate
    says what it is worth."""
    organization = request.organization
    most = organization.links_decide_up_to
    if most is None:
        return False
    try:
        amount = converted(
            request.present_amount,
            request.currency,
            organization.currency,
            organization=organization,
            now=now,
        )
    except Invalid:
        return True
    return bool(amount > most)


def require_login(by: By, request: BudgetRequest, now: datetime) -> None:
    """Refuse who decides about much without having logged in.

    Raises:
        LogInFirst: they didn't, and it is about more than a mailed link decides.
    """
    if by.how not in _LOGGED_IN and needs_login(request, now):
        raise LogInFirst("Log in to decide about this amount: a link is not enough.")


def is_admin(person: User | None, organization: Organization) -> bool:
    """Tell whether *person* looks after the organization's money. One query."""
    if person is None or not person.is_active:
        return False
    return person.is_superuser or _admins(organization).filter(user=person).exists()


def require_admin(by: By, organization: Organization) -> None:
    """Refuse who does not look after the organization's money.

    A program does, whose key the entry point has checked.

    Raises:
        Forbidden: they don't.
    """
    if by.person is not None and not is_admin(by.person, organization):
        raise Forbidden("Only finance admins may do this.")


def _admins(organization: Organization) -> QuerySet[Membership]:
    rows = Membership.objects.filter(organization=organization)
    return rows.filter(role=Role.FINANCE_ADMIN)
