"""Who has a part in an organization: its people, who is invited, and its keys."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, Count, Q, QuerySet, When
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.access import organizations_of
from accounts.models import ApiKey, Invitation, Membership, Organization
from accounts.scopes import Role, Scope
from accounts.tenants import may, person
from console.accounts.roles_page import SUMMARIES
from console.pages import Pages, organization_or_404, organizations_to_choose

MOST = 100  # lines of each list; the whole list is one click away
_BY_ROLE = Case(*(When(role=role, then=place) for place, role in enumerate(Role)))


@dataclass(frozen=True, slots=True)
class Listed:
    """The first rows of a list, and how many there are."""

    rows: list[Any]
    count: int

    @classmethod
    def of(cls, rows: QuerySet[Any]) -> "Listed":
        """Look. A query, and one more where they are many."""
        found = list(rows[: MOST + 1])
        is_cut = len(found) > MOST
        return cls(found[:MOST], rows.count() if is_cut else len(found))

    @property
    def is_cut(self) -> bool:
        return self.count > len(self.rows)


def people_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Answer who has a part in one organization; queries do not grow with them."""
    organization = _organization(request)
    context = pages.page(
        request, title="People and access", opts=None, organization=organization
    )
    if organization is not None:
        now = timezone.now()
        members = Listed.of(_members(organization))
        context |= {
            "organizations": organizations_to_choose(request),
            "members": members,
            "roles": [(str(role.label), SUMMARIES[role]) for role in Role],
            "me": person(request).pk,
            "admins": [
                one.user.email
                for one in members.rows
                if one.role == Role.FINANCE_ADMIN and one.user.is_active
            ],
            "may_change": may(request, Scope.ADMIN, organization),
        }
        if context["may_change"]:
            context |= _access(organization, now)
        context["lead"] = _lead(organization, context)
    return TemplateResponse(request, "console/accounts/people.html", context)


def _lead(organization: Organization, shown: dict[str, Any]) -> str:
    """Return how many have a part in it, of what is *shown*."""
    people = _counted(shown["members"].count, "person has", "people have", "Nobody has")
    words = f"{people} a part in {organization.name}"
    if not shown["may_change"]:
        return f"{words}."
    invited = _counted(shown["invitations"].count, "is", "are", "nobody is")
    keys = _counted(shown["keys"].count, "API key is", "API keys are", "no API key is")
    return f"{words}, {invited} invited, and {keys} in use."


def _counted(count: int, one: str, many: str, none: str) -> str:
    if not count:
        return none
    return f"{count:,} {one if count == 1 else many}"


def _organization(request: HttpRequest) -> Organization | None:
    if slug := request.GET.get("organization"):
        return organization_or_404(request, slug)
    return organizations_of(person(request)).first()


def _members(organization: Organization) -> QuerySet[Membership]:
    """Return who is in it, those who look after the money first, with `owned`."""
    mine = Q(user__budgets__organization=organization, user__budgets__archived_at=None)
    rows = Membership.objects.filter(organization=organization).select_related("user")
    return rows.annotate(owned=Count("user__budgets", filter=mine)).order_by(
        _BY_ROLE, "user__email"
    )


def _access(organization: Organization, now: datetime) -> dict[str, Any]:
    """Return what finance admins see beside the people."""
    invitations = Invitation.objects.filter(
        organization=organization, accepted_at=None, withdrawn_at=None
    )
    keys = ApiKey.objects.filter(organization=organization, revoked_at=None)
    return {
        "invitations": Listed.of(invitations),
        "keys": Listed.of(keys.select_related("user")),
        "now": now,
    }
