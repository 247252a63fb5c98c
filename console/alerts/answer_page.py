"""The page behind the link in a message: it shows an alert, and takes an answer."""

from datetime import datetime, timedelta
from hashlib import sha256

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.audit import acting_as
from alerts import services
from alerts.errors import AnsweredMeanwhile, BadLink
from alerts.links import link_of
from alerts.messages import budget_url, figures_of, text_of, title_of
from alerts.models import AcknowledgeLink, Alert, AlertState
from lib.errors import Invalid, Refusal
from lib.web import status_of

# Minutes, and what the button says.
SPANS = {"60": "1 hour", "240": "4 hours", "1440": "1 day"}
# Nothing of the address leaves this page: it is all that is needed to answer.
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
}


# The token in the address is the proof that a form of ours could carry besides: who
# doesn't know it can't forge the POST, and browsers that hide where they come from
# (no-referrer) send an Origin that Django's own check refuses.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def answer_by_link(request: HttpRequest, token: str) -> HttpResponse:
    """Show the alert of a link; act on a POST alone, for scanners open every link."""
    now = timezone.now()
    try:
        link = link_of(token, now=now)
    except BadLink as refusal:
        return _page(request, "refused.html", {"refusal": refusal}, status=404)
    if request.method != "POST":
        return _shown(request, link, now)
    try:
        _answer(request, link, now)
    except Refusal as refusal:
        link.alert.refresh_from_db()
        return _shown(request, link, now, str(refusal), int(status_of(refusal)))
    response = HttpResponseRedirect(request.path)
    response.status_code = 303
    return _guarded(response)


@transaction.atomic
def _answer(request: HttpRequest, link: AcknowledgeLink, now: datetime) -> None:
    """Do what the person chose, if the alert is still as they saw it.

    Raises:
        Refusal: it was answered meanwhile, or the form is not one of ours.
    """
    alert, form = link.alert, request.POST
    if form.get("seen") != seen_as(alert):
        raise AnsweredMeanwhile(services.standing_of(alert))
    with acting_as(link.person):
        if form.get("answer") == "resolve":
            services.resolve(alert, by=link.person, now=now)
        elif form.get("answer") in SPANS:
            until = now + timedelta(minutes=int(form["answer"]))
            services.acknowledge(alert, by=link.person, until=until, now=now)
        else:
            raise Invalid.field("answer", "Choose one of the buttons.")
    AcknowledgeLink.objects.filter(pk=link.pk, used_at=None).update(used_at=now)


def seen_as(alert: Alert) -> str:
    """Return a short text that is another one once somebody has answered."""
    told = [
        alert.state,
        alert.acknowledged_by,
        alert.acknowledged_until,
        alert.snoozed_until,
        alert.resolved_at,
    ]
    return sha256(repr(told).encode()).hexdigest()[:16]


def _shown(
    request: HttpRequest,
    link: AcknowledgeLink,
    now: datetime,
    refusal: str = "",
    status: int = 200,
) -> HttpResponse:
    alert = link.alert
    figures = figures_of(alert, "fired", now)
    context = {
        "alert": alert,
        "title": title_of(alert, "fired", figures),
        "text": text_of(alert),
        "standing": services.standing_of(alert),
        "refusal": refusal,
        "person": link.person,
        "budget_url": budget_url(alert),
        "is_open": alert.state != AlertState.RESOLVED,
        "seen": seen_as(alert),
        "spans": SPANS.items(),
    }
    return _page(request, "console/alerts/answer_by_link.html", context, status=status)


def _page(
    request: HttpRequest, template: str, context: dict[str, object], *, status: int
) -> HttpResponse:
    return _guarded(render(request, template, context, status=status))


def _guarded(response: HttpResponse) -> HttpResponse:
    for name, value in _HEADERS.items():
        response[name] = value
    return response
