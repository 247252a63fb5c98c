"""Answering an alert where it stands, in the inbox or on its own page."""

from contextlib import suppress
from datetime import datetime, timedelta

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.access import visible_to
from accounts.scopes import Scope
from accounts.tenants import may, person
from alerts.errors import AlreadyResolved, AnsweredMeanwhile
from alerts.models import Alert, AlertState, RuleType
from alerts.services import (
    acknowledge,
    not_an_anomaly,
    resolve,
    snooze,
    standing_of,
)
from console.alerts.inbox import row_of
from console.alerts.inbox_page import lines_of
from console.alerts.lines import seen_of
from console.alerts.spans import SPAN_CONTEXT, SPANS, USUAL_SPAN
from console.pages import Pages, row_or_404
from lib.errors import Refusal
from lib.humanize import lasting


def alert_or_404(request: HttpRequest, pages: Pages, asked: int | str) -> Alert:
    """Return an alert that the person may see, with all that its page says.

    Raises:
        Http404: there is none with the id *asked*.
    """
    rows = pages.get_queryset(request).select_related(
        "budget", "organization", "rule__budget"
    )
    alert: Alert = row_or_404(rows, asked, "alert")
    return alert


def answer_alert(request: HttpRequest, pages: Pages, alert_id: int) -> HttpResponse:
    """Do what the person chose: the line anew where it came from, or the page."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    alert = alert_or_404(request, pages, alert_id)
    if not may(request, Scope.ALERTS_WRITE, alert.organization):
        raise PermissionDenied
    now = timezone.now()
    try:
        said, is_done = _answer(request, alert, now), True
    except Refusal as refusal:
        said, is_done = str(refusal), False
    if request.headers.get("HX-Request"):
        alert = alert_or_404(request, pages, alert_id)
        row = row_of(alert, visible_to(person(request), Alert.objects.order_by()))
        (context,) = lines_of(request, [row], now)
        context |= {"said": said, "is_done": is_done, **SPAN_CONTEXT}
        return TemplateResponse(request, "console/alerts/answered.html", context)
    level = messages.SUCCESS if is_done else messages.ERROR
    messages.add_message(request, level, said)
    return redirect(_back(request, alert))


def _answer(request: HttpRequest, alert: Alert, now: datetime) -> str:
    """Do what is asked for and say so; in a row of the inbox, of its lower thresholds
    too.

    Raises:
        Refusal: somebody answered it since it was shown, or it can't be answered so.
    """
    if request.POST.get("seen", seen_of(alert)) != seen_of(alert):
        raise AnsweredMeanwhile(standing_of(alert) or "It is firing again.")
    said = _answer_one(request, alert, now)
    if "row" in request.POST:
        for lower in _lower_of(request, alert):
            with suppress(AlreadyResolved, AnsweredMeanwhile):
                _answer_one(request, lower, now)
    return said


def _lower_of(request: HttpRequest, alert: Alert) -> list[Alert]:
    """Return the lower thresholds in the row of *alert* that nobody has taken on."""
    if alert.type != RuleType.THRESHOLD or alert.threshold is None:
        return []
    rows = visible_to(person(request), Alert.objects.order_by("pk")).filter(
        budget=alert.budget_id,
        period_starts_at=alert.period_starts_at,
        type=RuleType.THRESHOLD,
        threshold__lt=alert.threshold,
        state=AlertState.FIRING,
    )
    return list(rows.select_related("budget", "organization"))


def _answer_one(request: HttpRequest, alert: Alert, now: datetime) -> str:
    by = person(request).email
    what, until = request.POST.get("what"), _until(request, alert, now)
    name = alert.budget.name
    if what == "acknowledge":
        acknowledge(alert, by=by, until=until, now=now)
        return f"{name}: acknowledged for {lasting(until - now)}."
    if what == "snooze":
        snooze(alert, by=by, until=until, now=now)
        return f"{name}: snoozed for {lasting(until - now)}."
    if what == "resolve":
        resolve(alert, by=by, now=now)
        return f"{name}: resolved."
    if what == "not_an_anomaly":
        not_an_anomaly(alert, by=by, now=now)
        return f"{name}: noted as usual, and resolved."
    raise Http404("There is no such answer.")


def _until(request: HttpRequest, alert: Alert, now: datetime) -> datetime:
    span = request.POST.get("for", "")
    if span == "period" and alert.period_ends_at > now:
        return alert.period_ends_at
    known = span if span in SPANS and span != "period" else USUAL_SPAN
    return now + timedelta(minutes=int(known))


def _back(request: HttpRequest, alert: Alert) -> str:
    target = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(target, allowed_hosts=None):
        return target
    return reverse("admin:alerts_alert_change", args=[alert.pk])
