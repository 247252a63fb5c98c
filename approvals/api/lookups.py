"""Finding what a request of the API names: people, budgets, requests, steps."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest

from accounts.access import organization_named, visible_to
from accounts.models import Organization, User
from accounts.organizations import organization_for
from accounts.people import person_for
from accounts.scopes import Scope
from accounts.types import Caller
from approvals.models import BudgetRequest, How, Step
from approvals.people import members
from approvals.types import By
from budgets.api.lookups import budgets_of
from budgets.models import Budget
from lib.errors import Invalid, NotFound
from lib.lookups import row_or_404, row_or_none, uuid_of
from lib.periods import end_of
from lib.query_params import is_day, moment_of
from lib.web import address_of
from notifications.mailed_links import Visit

_WITH = (
    *("organization", "requester", "on_behalf_of", "filed_by"),
    *("budget", "parent", "source"),
)


def by_of(request: HttpRequest, caller: Caller) -> By:
    """Return who acts: the person of *caller*'s key, else the key. Never the body."""
    agent = request.headers.get("User-Agent", "")
    visit = Visit(address_of(request), agent)
    if caller.user_id is None:
        return By(caller.name, How.KEY, None, visit)
    return By.someone(User.objects.get(pk=caller.user_id), How.KEY, visit)


def requests_of(caller: Caller) -> Any:
    """Return the requests that *caller* may see, with whom and what they name."""
    return visible_to(caller, BudgetRequest.objects.select_related(*_WITH))


def request_or_404(uid: str, caller: Caller) -> BudgetRequest:
    """Return the request *uid*.

    Raises:
        NotFound: there is none that *caller* may see.
    """
    found: BudgetRequest = row_or_404(
        requests_of(caller), uid, missing="There is no such request."
    )
    return found


def step_named(uid: str | None, request: BudgetRequest) -> Step | None:
    """Return the step *uid* of *request*; None: none is named.

    Raises:
        Invalid: it has no such step.
    """
    if not uid:
        return None
    found = row_or_none(Step.objects.filter(request=request), uid)
    if found is None:
        detail = "The request has no such step; its answer lists those it has."
        raise Invalid.field("step", detail, code="not_found")
    return found


def organization_meant(given: Mapping[str, Any], caller: Caller) -> Organization:
    """Return the organization that a new row is to belong to.

    Where it is not named: that of the budget that is, else the key's.

    Raises:
        Forbidden, NotFound: as `accounts.access.organization_named`.
    """
    slug = given.get("organization_id")
    if not slug and caller.organization_id is None:
        for attr in ("budget", "parent", "source"):
            key = uuid_of(given.get(attr) or "")
            budget = key and budgets_of(caller).filter(uid=key).first()
            if budget:
                return budget.organization
    if slug and caller.organization_id is None and caller.user_id is None:
        return organization_for(slug)  # named for the first time, it is made
    return organization_named(slug, caller=caller)


def budget_named(
    given: Mapping[str, Any], attr: str, organization: Organization, caller: Caller
) -> Budget | None:
    """Return the budget that *given* names as *attr*.

    Raises:
        Invalid: there is none in *organization*.
    """
    if not (uid := given.get(attr)):
        return None
    rows = budgets_of(caller).filter(organization=organization)
    found = row_or_none(rows, uid)
    if found is None:
        detail = "There is no such budget; send the id of one of the organization's."
        raise Invalid.field(attr, detail, code="not_found")
    return found


def person_named(email: str, attr: str, organization: Organization) -> User:
    """Return the person of *organization* with this address.

    Raises:
        Invalid: there is none.
    """
    found = members(organization).filter(email=email.strip().lower()).first()
    if found is None:
        detail = f"Nobody in {organization} has the address {email}; invite them first."
        raise Invalid.field(attr, detail, code="not_found")
    return found


def requester_named(
    email: str | None, organization: Organization, by: By, caller: Caller
) -> User:
    """Return whose request it is: who is named, else the key's person.

    Raises:
        Invalid: nobody is named, or somebody who may not be: see `refuse_strangers`.
    """
    if not email:
        if by.person is None:
            detail = "Say whose request it is: this API key belongs to no person."
            raise Invalid.field("requester", detail, code="required")
        return by.person
    refuse_strangers([email], "requester", organization, caller)
    known = members(organization).filter(email=email.strip().lower()).first()
    return known or person_for(email, organization)


def refuse_strangers(
    emails: Iterable[str], attr: str, organization: Organization, caller: Caller
) -> None:
    """Refuse to name whom the organization can't know, without the scope `admin`.

    Who is named for the first time becomes an approver of it; so only colleagues are
    taken, whose mail goes where that of somebody in it goes.

    Raises:
        Invalid: one of *emails* is neither there nor a colleague's.
    """
    if Scope.ADMIN in caller.scopes:
        return
    named = {email.strip().lower() for email in emails}
    inside = members(organization)
    known = inside.filter(email__in=named).values_list("email", flat=True)
    for email in sorted(named.difference(known)):
        domain = email.rpartition("@")[2]
        if not inside.filter(email__endswith=f"@{domain}").exists():
            detail = f"Nobody in {organization} is at {domain}; have {email} invited."
            raise Invalid.field(attr, detail, code="not_found")


def moment_in(
    given: Mapping[str, Any], attr: str, zone: str, *, is_end: bool = True
) -> datetime | None:
    """Return the moment that *given* names as *attr*; where it is the end of something,
    a bare date includes that whole day in *zone*.

    Raises:
        Invalid: it is none.
    """
    if not (text := given.get(attr)):
        return None
    moment = moment_of(text, attr, zone=ZoneInfo(zone))
    if not (is_end and is_day(text)):
        return moment
    return end_of(moment.astimezone(ZoneInfo(zone)).date(), ZoneInfo(zone))


def one_or_404(rows: Any, uid: str, what: str) -> Any:
    """Return the one of *rows* with this id.

    Raises:
        NotFound: there is none.
    """
    found = row_or_none(rows, uid)
    if found is None:
        raise NotFound(f"There is no such {what}.")
    return found
