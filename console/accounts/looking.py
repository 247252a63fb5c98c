"""The switch in the head of each page: all organizations, or one at a time."""

from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.db.models import Case, When
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect

from accounts.looking import look_at, runs_server
from accounts.models import Organization
from console.pages import Pages

_MOST = 50  # organizations the switch offers; the list has them all


@dataclass(frozen=True, slots=True)
class Looking:
    """What the switch shows to who runs the server."""

    is_at_one: bool
    name: str  # of the one that is looked at; "" once it is gone
    others: tuple[tuple[str, str], ...]  # slug and name
    is_cut: bool  # there are more


def looking_of(request: HttpRequest) -> Looking | None:
    """Return the switch; None: it isn't theirs, or there is nothing to choose. A query
    for who runs the server, none for others."""
    user = getattr(request, "user", None)
    if user is None or not runs_server(user):
        return None
    looked_at = user.looks_at
    # The one that is looked at comes first, wherever its name puts it.
    rows = Organization.objects.order_by(
        Case(When(pk=looked_at or 0, then=0), default=1), "name"
    )
    found = list(rows.values_list("pk", "slug", "name")[: _MOST + 1])
    if looked_at is None and len(found) <= 1:
        return None
    return Looking(
        is_at_one=looked_at is not None,
        name=next((name for pk, _, name in found if pk == looked_at), ""),
        others=tuple((slug, name) for pk, slug, name in found if pk != looked_at),
        is_cut=len(found) > _MOST,
    )


def look(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Show one organization alone from now on, or all again; on POST.

    Raises:
        PermissionDenied: they don't run the server.
    """
    if not runs_server(request.user):
        raise PermissionDenied
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    slug = request.POST.get("organization", "")
    # Of all there are, also of those that are left out at present.
    chosen = Organization.objects.filter(slug=slug).first() if slug else None
    if slug and chosen is None:
        pages.message_user(request, "There is no such organization.", "error")
    else:
        look_at(request, chosen)
    return redirect("admin:index")
