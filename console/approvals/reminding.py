"""Reminding all whom the requests of the inbox wait for, by a finance admin."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from accounts.scopes import Scope
from accounts.tenants import may, person
from approvals.models import How, RequestState
from approvals.nudges import MOST, Nudged, remind_all
from approvals.types import By
from console.approvals.inbox import Asked, listed, requests_of
from console.mailed_link_page import visit_of
from console.pages import Pages


def remind_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Remind of what the inbox shows for the same query, and lead back to it."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if not may(request, Scope.ADMIN, None):
        raise PermissionDenied
    asked, now = Asked.of(request.GET), timezone.now()
    rows = requests_of(person(request), asked, now).filter(state=RequestState.PENDING)
    found = listed(rows, asked, most=MOST)
    mine = [one for one in found if may(request, Scope.ADMIN, one.organization)]
    by = By.someone(person(request), How.SESSION, visit_of(request))
    messages.info(request, _words(remind_all(mine, by=by, now=now)))
    place = reverse("admin:approvals_budgetrequest_changelist")
    return redirect(f"{place}?{asked.query()}")


def _words(done: Nudged) -> str:
    said = []
    if done.requests:
        said.append(f"Those whom {_count(done.requests)} for are reminded.")
    if done.rested:
        heard = "heard of it within the last day: they are left in peace"
        said.append(f"Those whom {_count(done.rested)} for {heard}.")
    return " ".join(said) or "Nothing waits: nobody was reminded."


def _count(requests: int) -> str:
    return "1 request waits" if requests == 1 else f"{requests} requests wait"
