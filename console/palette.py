"""The search of everything: what one person may see, found by a part of its name."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import AdminSite
from django.db.models import Case, F, Q, QuerySet, When
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from accounts.access import organizations_of, roles_of
from accounts.models import Membership
from accounts.scopes import SCOPES_OF_ROLE
from accounts.tenants import person
from alerts.models import Alert, AlertState
from approvals.wording import sentence_of
from budgets.models import Budget
from console.approvals.inbox import Asked, requests_of
from ledger.models import Attribution
from lib.humanize import locale_of
from notifications.models import Channel

MOST = 6  # of each kind
_LONGEST = 100  # characters
# Dimensions of costs, and the other one that Explore then tells them by.
_SPENT_BY = {"team": "model", "project": "model", "model": "team", "user": "model"}
_CALLED = {"user": "person"}


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that was found."""

    title: str
    description: str  # what it is, and where
    link: str
    icon: str


def palette_part(
    request: HttpRequest, site: AdminSite, pages: Callable[[], Iterator[Hit]]
) -> HttpResponse:
    """Answer what `?s=` finds. Twelve queries at most, however much there is.

    *pages* are those that the person may open.
    """
    words = request.GET.get("s", "")[:_LONGEST].split()
    hits = list(_hits(request, site, words, pages())) if words else []
    context = {"hits": hits, "asked": " ".join(words)}
    return TemplateResponse(request, "console/components/found.html", context)


def _hits(
    request: HttpRequest, site: AdminSite, words: list[str], pages: Iterator[Hit]
) -> Iterator[Hit]:
    named = [hit for hit in pages if _are_in(words, hit.title)]
    yield from named[:MOST]
    found = _Finder(request, site, words)
    yield from found.budgets()
    yield from found.spent()
    yield from found.people()
    yield from found.alerts()
    yield from found.requests()
    yield from found.channels()
    yield from found.organizations()


def _are_in(words: list[str], text: str) -> bool:
    return all(word.casefold() in text.casefold() for word in words)


class _Finder:
    """Finds the rows of each kind that have all words, of what a person may read."""

    def __init__(self, request: HttpRequest, site: AdminSite, words: list[str]) -> None:
        self._request, self._site, self._words = request, site, words
        self._user = person(request)

    def _rows(self, model: Any, *fields: str) -> QuerySet[Any]:
        """Return the rows that have each word in one of *fields*, of organizations
        where the person's role reads them."""
        declared: Any = self._site._registry[model]
        rows: QuerySet[Any] = declared.get_queryset(self._request)
        if not self._user.is_superuser:
            mine = [
                organization_id
                for organization_id, role in roles_of(self._user)
                if declared.read_scope in SCOPES_OF_ROLE[role]
            ]
            rows = rows.filter(**{f"{declared.organization_path}__in": mine})
        return self._named(rows, *fields)

    def _named(self, rows: QuerySet[Any], *fields: str) -> QuerySet[Any]:
        for word in self._words:
            has = [(f"{field}__icontains", word) for field in fields]
            rows = rows.filter(Q(*has, _connector=Q.OR))
        return rows.order_by()

    def budgets(self) -> Iterator[Hit]:
        rows = self._rows(Budget, "name").select_related("organization", "parent")
        in_use = Case(When(archived_at=None, then=0), default=1)
        for one in rows.order_by(in_use, "level", "name", "pk")[:MOST]:
            above = f"{one.parent.name}, " if one.parent else ""
            kind = "Archived budget" if one.archived_at else "Budget"
            url = reverse("admin:budgets_budget_page", args=[one.pk])
            where = f"{kind} in {above}{one.organization.name}"
            yield Hit(one.name, where, url, "account_tree")

    def spent(self) -> Iterator[Hit]:
        """Yield teams, projects, models and people that cost something."""
        place = reverse("admin:reports_spendview_explore")
        for dimension, by in _SPENT_BY.items():
            rows = self._rows(Attribution, dimension)
            place_of = ("organization__slug", "organization__name")
            names = rows.values_list(*place_of, dimension).distinct()
            for slug, whose, name in names.order_by(dimension)[:MOST]:
                asked = {"organization": slug, "by": by, dimension: name}
                kind = _CALLED.get(dimension, dimension)
                url = f"{place}?{urlencode(asked)}"
                yield Hit(name, f"What this {kind} cost {whose}", url, "query_stats")

    def people(self) -> Iterator[Hit]:
        names = ("user__email", "user__first_name", "user__last_name")
        rows = self._rows(Membership, *names).select_related("user", "organization")
        for one in rows.order_by("user__email", "pk")[:MOST]:
            url = reverse("admin:accounts_membership_change", args=[one.pk])
            what = f"{one.get_role_display()} in {one.organization.name}"
            yield Hit(str(one.user), what, url, "person")

    def alerts(self) -> Iterator[Hit]:
        rows = self._rows(Alert, "budget__name", "message").select_related("budget")
        open_first = Case(When(state=AlertState.RESOLVED, then=1), default=0)
        for one in rows.order_by(open_first, "-fired_at", "-pk")[:MOST]:
            url = reverse("admin:alerts_alert_change", args=[one.pk])
            what = f"{one.get_state_display()} alert of {one.budget.name}"
            yield Hit(one.message, what, url, "notifications_active")

    def requests(self) -> Iterator[Hit]:
        asked = Asked(whose="all", state="", q=" ".join(self._words))
        rows = requests_of(self._user, asked, timezone.now())
        people = ("organization", "requester", "on_behalf_of", "budget", "parent")
        shown = rows.select_related(*people, "source")
        for one in shown.order_by(F("created_at").desc(), "-pk")[:MOST]:
            url = reverse("admin:approvals_budgetrequest_change", args=[one.pk])
            said = sentence_of(one, locale_of(self._request))
            yield Hit(said, f"{one.get_state_display()} request", url, "price_check")

    def channels(self) -> Iterator[Hit]:
        rows = self._rows(Channel, "name").select_related("organization")
        for one in rows.order_by("name", "pk")[:MOST]:
            url = reverse("admin:notifications_channel_change", args=[one.pk])
            what = f"Channel of {one.organization.name}"
            yield Hit(one.name, what, url, "campaign")

    def organizations(self) -> Iterator[Hit]:
        rows = self._named(organizations_of(self._user), "name", "slug")
        for one in rows.order_by("name", "pk")[:MOST]:
            url = reverse("admin:accounts_organization_change", args=[one.pk])
            yield Hit(one.name, "Organization", url, "domain")
