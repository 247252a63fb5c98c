"""The page of one request, and what is answered there by people who are logged in."""

from datetime import datetime
from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from accounts.access import visible_to
from accounts.tenants import person
from approvals.decisions import decide
from approvals.models import (
    OPEN_STATES,
    BudgetRequest,
    How,
    RequestState,
)
from approvals.services import submit, withdraw
from approvals.types import By
from approvals.voices import voice_among
from console.approvals.answers import answer_of
from console.approvals.picture import picture_of, steps_of
from console.mailed_link_page import visit_of
from console.pages import Pages, row_or_404
from lib.errors import Refusal
from lib.humanize import locale_of
from lib.web import id_of, status_of

_WITH = (
    *("organization", "requester", "on_behalf_of"),
    *("budget", "parent", "source", "policy"),
)
_TO_SUBMIT = {RequestState.DRAFT, RequestState.CHANGES_REQUESTED}


def request_or_404(request: HttpRequest, asked: int | str) -> BudgetRequest:
    """Return a request that the person may see, with all that its page says.

    Raises:
        Http404: there is none with the id *asked*.
    """
    rows = visible_to(person(request), BudgetRequest.objects.all())
    return row_or_404(rows.select_related(*_WITH), asked, "request")


def request_page(request: HttpRequest, pages: Pages, request_id: str) -> HttpResponse:
    return _shown(request, pages, request_or_404(request, request_id))


def answer_request(request: HttpRequest, pages: Pages, request_id: int) -> HttpResponse:
    """Do what the person pressed, and show the request as it is since."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    asked = request_or_404(request, request_id)
    try:
        said = _answer(request, asked, timezone.now())
    except Refusal as refusal:
        there = request_or_404(request, request_id)
        return _shown(request, pages, there, str(refusal), status_of(refusal))
    messages.success(request, said)
    return redirect("admin:approvals_budgetrequest_change", asked.pk)


def _answer(request: HttpRequest, asked: BudgetRequest, now: datetime) -> str:
    """Do it and say so.

    Raises:
        Refusal: it can't be done, or not by this person.
    """
    by = By.someone(person(request), How.SESSION, visit_of(request))
    button, seen = request.POST.get("answer", ""), id_of(request.POST.get("seen"))
    if button == "withdraw":
        reason = request.POST.get("comments", "").strip()
        withdraw(asked, by=by, now=now, reason=reason)
        return "The request is taken back."
    if button == "submit":
        submit(asked, by=by, now=now, revision=seen)
        return "Those who decide are asked."
    answer = answer_of(request.POST, locale_of(request))
    done = decide(
        asked,
        answer.outcome,
        by=by,
        now=now,
        revision=seen or 0,
        amount=answer.amount,
        comments=answer.comments,
    )
    state = done.request.get_state_display().lower()
    if done.request.state == RequestState.PENDING:
        return "Your approval is kept. Others have to decide too."
    return f"The request is {state}."


def _shown(
    request: HttpRequest,
    pages: Pages,
    asked: BudgetRequest,
    refusal: str = "",
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    user, now = person(request), timezone.now()
    steps = steps_of(asked)
    pending = asked.state == RequestState.PENDING
    voice = voice_among(steps, user, now) if pending else None
    own = user.pk in asked.own_ids
    action = reverse("admin:approvals_budgetrequest_answer", args=[asked.pk])
    picture = picture_of(asked, steps, now, locale_of(request))
    context = pages.page(
        request,
        **picture,
        refusal=refusal,
        action=action,
        seen=asked.revision,
        is_open=voice is not None,
        instead_of=voice.assignment.person.email if voice and voice.through else "",
        may_edit=own and asked.state in OPEN_STATES,
        may_withdraw=own and asked.state in OPEN_STATES,
        may_submit=own and asked.state in _TO_SUBMIT,
        comments=request.POST.get("comments", ""),
        lower=request.POST.get("amount", ""),
    )
    template = "console/approvals/page.html"
    return TemplateResponse(request, template, context, status=status)
