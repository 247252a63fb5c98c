"""Pages of our own among those of the admin: what they get, and what they may name."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path

from accounts.access import organizations_of
from accounts.models import Organization
from accounts.tenants import TenantModelAdmin, person
from budgets.models import Budget
from budgets.paths import ways_of, words_of_way
from lib.web import id_of

MOST_BUDGETS = 100  # found by a search
_LONGEST_QUERY = 100  # characters
Row = TypeVar("Row", bound=Model)


class Pages(TenantModelAdmin):
    """An admin with pages of its own: each is a view that gets the request and this."""

    # What stands at the head of pages: the way to the model's list, or their titles.
    heads_to_list: ClassVar[bool] = True

    def let_in(self, request: HttpRequest) -> None:
        """Refuse who may see nothing here.

        Raises:
            PermissionDenied: their roles do not allow to read it.
        """
        if not self.has_view_permission(request):
            raise PermissionDenied

    def page(self, request: HttpRequest, **context: Any) -> dict[str, Any]:
        """Return what a page's template gets: *context*, and what all pages have."""
        shown: dict[str, Any] = self.admin_site.each_context(request)
        return shown | ({"opts": self.opts} if self.heads_to_list else {}) | context

    def url(
        self, route: str, view: Callable[..., HttpResponse], name: str
    ) -> URLPattern:
        """Return the address of a page, below those of the model."""

        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            self.let_in(request)
            return view(request, self, *args, **kwargs)

        name = f"{self.opts.app_label}_{self.opts.model_name}_{name}"
        pattern: URLPattern = path(route, self.admin_site.admin_view(answer), name=name)
        return pattern


def row_of(rows: QuerySet[Row], asked: int | str) -> Row | None:
    """Return the row whose id is *asked*, which may be any text; None: none is."""
    known = id_of(str(asked))
    return None if known is None else rows.filter(pk=known).first()


def row_or_404(rows: QuerySet[Row], asked: int | str, what: str) -> Row:
    """Return the row whose id is *asked*, which may be any text.

    Raises:
        Http404: there is none; it says so of *what*: "budget", "alert".
    """
    found = row_of(rows, asked)
    if found is None:
        raise Http404(f"There is no such {what}.")
    return found


def budgets_of(request: HttpRequest) -> QuerySet[Budget]:
    """Return the budgets that the person may see."""
    mine: QuerySet[Budget] = Budget.objects.filter(
        organization__in=organizations_of(person(request))
    )
    return mine.select_related("organization")


def budget_or_404(request: HttpRequest, asked: int | str, *related: str) -> Budget:
    """Return a budget that the person may see, with its organization and *related*.

    Raises:
        Http404: there is none with the id *asked*.
    """
    return row_or_404(budgets_of(request).select_related(*related), asked, "budget")


def organization_or_404(request: HttpRequest, slug: str) -> Organization:
    """Return an organization of the person.

    Raises:
        Http404: there is none that is called *slug*.
    """
    found = organizations_of(person(request)).filter(slug=slug).first()
    if found is None:
        raise Http404("There is no such organization.")
    return found


def organizations_to_choose(request: HttpRequest) -> list[tuple[str, str]]:
    """Return the person's organizations for a chooser: slug and name. One query."""
    return list(organizations_of(person(request)).values_list("slug", "name"))


@dataclass(frozen=True, slots=True)
class Search:
    """Budgets to choose from: those whose name has what is searched for, or some."""

    query: str
    lines: list[tuple[Budget, str]]  # each with its path
    is_cut: bool  # there are more
    has_budgets: bool  # the person has any


def search_of(request: HttpRequest, rows: QuerySet[Budget], usual: Q) -> Search:
    """Return which of *rows* `?q=` asks for; without it, those at the top and *usual*.
    A query, and one for each level of the tree.
    """
    query = request.GET.get("q", "").strip()[:_LONGEST_QUERY]
    wanted = Q(name__icontains=query) if query else usual | Q(parent=None)
    found = list(rows.filter(wanted).order_by("tree_id", "lft")[: MOST_BUDGETS + 1])
    ways = ways_of(found)
    return Search(
        query=query,
        lines=[(one, words_of_way(ways[one.pk])) for one in found[:MOST_BUDGETS]],
        is_cut=len(found) > MOST_BUDGETS,
        has_budgets=bool(found) or rows.exists(),
    )


def names_of(way: Iterable[Budget]) -> list[tuple[int, str]]:
    """Return the id and the name of each budget on a way, as crumbs take them."""
    return [(one.pk, one.name) for one in way]
