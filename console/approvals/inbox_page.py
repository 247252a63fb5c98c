"""The page of the inbox of requests."""

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.scopes import Scope
from accounts.tenants import may, person
from approvals.models import RequestKind, RequestState
from approvals.voices import waiting_for
from console.approvals.inbox import (
    PAGE,
    STATES,
    WHOSE,
    Asked,
    line_of,
    listed,
    requests_of,
    waiting,
)
from console.pages import Pages
from lib.humanize import locale_of


def inbox_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Answer which requests there are; first of all those that wait for the person."""
    user, now, locale = person(request), timezone.now(), locale_of(request)
    asked = Asked.of(request.GET)
    rows = requests_of(user, asked, now)
    first = waiting_for(user, now) if asked.whose == "all" else None
    found = listed(rows, asked, first=first)
    mine = waiting(user, now)
    context = pages.page(
        request,
        title="Requests",
        asked=asked,
        sentence=sentence_of(mine),
        lines=[line_of(one, now, locale) for one in found[:PAGE]],
        tabs=[
            (words, asked.query(whose=whose), whose == asked.whose)
            for whose, words in WHOSE.items()
        ],
        states=list(STATES.items()),
        kinds=RequestKind.choices,
        may_remind=may(request, Scope.ADMIN, None),
        waits=any(one.state == RequestState.PENDING for one in found),
        older=asked.query(page=asked.page + 1) if len(found) > PAGE else "",
        newer=asked.query(page=asked.page - 1) if asked.page > 1 else "",
        may_ask=may(request, Scope.APPROVALS_WRITE, None),
    )
    return TemplateResponse(request, "console/approvals/inbox.html", context)


def sentence_of(count: int) -> str:
    """Say how many wait for the reader."""
    if not count:
        return "No request waits for you."
    if count == 1:
        return "1 request waits for you."
    return f"{count} requests wait for you."
