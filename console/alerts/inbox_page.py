"""The page of the inbox, and answering an alert where it stands."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.access import organizations_of
from accounts.models import User
from accounts.scopes import Scope
from accounts.tenants import may, person
from alerts.errors import AnsweredMeanwhile
from alerts.models import Alert, AlertRule, AlertState, RuleType, Severity
from alerts.services import (
    acknowledge,
    not_an_anomaly,
    resolve,
    snooze,
    standing_of,
)
from budgets.models import Budget
from budgets.paths import ways_of
from console.alerts.inbox import (
    MOST_OPEN,
    PAGE,
    SPANS,
    STATES,
    USUAL_SPAN,
    Asked,
    Line,
    alerts_of,
    counted,
    line_of,
    listed,
    seen_of,
)
from lib.errors import Refusal
from lib.humanize import lasting


class Pages(Protocol):
    """What these pages need of the admin that shows them."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]: ...
    def page(self, request: HttpRequest, **context: Any) -> dict[str, Any]: ...


def inbox_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Answer the inbox, or with `?newest=ID` how many alerts came after that one."""
    user, now = person(request), timezone.now()
    asked = Asked.of(request.GET)
    alerts = alerts_of(user, asked)
    if request.GET.get("newest", "").isdigit():
        return _news(request, alerts, int(request.GET["newest"][:18]))
    counts = counted(alerts)
    shown = listed(alerts, asked)
    newest = Alert.objects.order_by("-pk").values_list("pk", flat=True).first()
    context = pages.page(
        request,
        title="Alerts",
        asked=asked,
        sentence=sentence_of(counts, asked, user, shown, now),
        sections=_sections(request, shown, counts, now),
        counts=counts,
        most_open=MOST_OPEN,
        queries={
            "mine": asked.query(whose="mine"),
            "all": asked.query(whose="all"),
            "newer": asked.query(page=asked.page - 1),
            "older": asked.query(page=asked.page + 1),
        },
        older=asked.page * PAGE < counts[AlertState.RESOLVED],
        newest=newest or 0,
        all_open=None if any(counts.values()) else _elsewhere(user, asked),
        organizations=list(organizations_of(user).only("slug", "name")),
        budget=_budget(request, asked),
        states=AlertState.choices,
        severities=Severity.choices,
        types=RuleType.choices,
        has_rules=_has_rules(user),
        may_write=may(request, Scope.ALERTS_WRITE, None),
        **SPAN_CONTEXT,
    )
    return TemplateResponse(request, "console/alerts/inbox.html", context)


SPAN_CONTEXT = {"spans": SPANS.items(), "usual_span": USUAL_SPAN}


def _news(request: HttpRequest, alerts: QuerySet[Alert], newest: int) -> HttpResponse:
    count = alerts.filter(pk__gt=newest).count()
    return TemplateResponse(request, "console/alerts/news.html", {"count": count})


def sentence_of(
    counts: Mapping[str, int],
    asked: Asked,
    user: User,
    shown: list[Alert],
    now: datetime,
) -> str:
    """Return the answer in one sentence; "" where there is nothing at all."""
    if not any(counts.values()):
        return ""
    still = sum(counts.values()) - counts[AlertState.RESOLVED]
    of = " of yours" if asked.whose == "mine" else ""
    if not counts[AlertState.FIRING]:
        if still:
            return f"Nothing{of} is firing; {_held(counts)}."
        return f"Nothing{of} is wrong: every alert is resolved."
    count = counts[AlertState.FIRING]
    first = f"{count} alert{'s' if count > 1 else ''}{of} {_verb(count)} firing"
    oldest = min(one.fired_at for one in shown if one.state == AlertState.FIRING)
    since = f", the oldest for {lasting(now - oldest)}" if count > 1 else ""
    held = _held(counts)
    return f"{first}{since}; {held}." if held else f"{first}{since}."


def _verb(count: int) -> str:
    return "is" if count == 1 else "are"


def _held(counts: Mapping[str, int]) -> str:
    parts = [
        f"{counts[state]} {_verb(counts[state])} {state.label.lower()}"
        for state in (AlertState.ACKNOWLEDGED, AlertState.SNOOZED)
        if counts[state]
    ]
    return " and ".join(parts)


def _sections(
    request: HttpRequest, shown: list[Alert], counts: Mapping[str, int], now: datetime
) -> list[dict[str, Any]]:
    lines = lines_of(request, shown, now)
    return [
        {"state": state, "count": counts[state], "lines": found}
        for state in STATES
        if (found := [line for line in lines if line["alert"].state == state])
    ]


def lines_of(
    request: HttpRequest, alerts: list[Alert], now: datetime
) -> list[dict[str, Any]]:
    """Return each line with whether the person may answer it."""
    paths = ways_of({one.budget_id: one.budget for one in alerts}.values())
    many = len({one.organization_id for one in alerts}) > 1
    return [
        line_context(request, one, path_words(one, paths, many=many), now)
        for one in alerts
    ]


def path_words(
    alert: Alert, paths: Mapping[int, list[tuple[int, str]]], *, many: bool
) -> str:
    """Write the path of its budget, with the organization where there are several."""
    names = [name for _, name in paths[alert.budget_id]]
    if many and names[0] != alert.organization.name:
        names.insert(0, alert.organization.name)
    return " / ".join(names)


def line_context(
    request: HttpRequest, alert: Alert, path: str, now: datetime
) -> dict[str, Any]:
    line: Line = line_of(alert, path, now, person(request))
    return {
        "line": line,
        "alert": alert,
        "may_act": may(request, Scope.ALERTS_WRITE, alert.organization)
        and alert.state != AlertState.RESOLVED,
    }


def _elsewhere(user: User, asked: Asked) -> int:
    """Return how many open alerts there are that are not shown."""
    everything = alerts_of(user, Asked(whose="all"))
    return everything.filter(resolved_at=None).count()


def _has_rules(user: User) -> bool:
    return AlertRule.objects.filter(organization__in=organizations_of(user)).exists()


def _budget(request: HttpRequest, asked: Asked) -> Budget | None:
    if asked.budget is None:
        return None
    mine = Budget.objects.filter(organization__in=organizations_of(person(request)))
    return mine.filter(pk=asked.budget).first()


def alert_or_404(request: HttpRequest, pages: Pages, alert_id: int | str) -> Alert:
    rows = pages.get_queryset(request).select_related(
        "budget", "organization", "rule__budget"
    )
    text = str(alert_id)
    found = rows.filter(pk=text).first() if text.isdigit() and len(text) < 19 else None
    if found is None:
        raise Http404("There is no such alert.")
    return found  # type: ignore[no-any-return]  # the admin's rows are alerts


def answer_view(request: HttpRequest, pages: Pages, alert_id: int) -> HttpResponse:
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
        (context,) = lines_of(request, [alert], now)
        context |= {"said": said, "is_done": is_done, **SPAN_CONTEXT}
        return TemplateResponse(request, "console/alerts/answered.html", context)
    level = messages.SUCCESS if is_done else messages.ERROR
    messages.add_message(request, level, said)
    return redirect(_back(request, alert))


def _answer(request: HttpRequest, alert: Alert, now: datetime) -> str:
    """Do what is asked for and say so.

    Raises:
        Refusal: somebody answered it since it was shown, or it can't be answered so.
    """
    if request.POST.get("seen", seen_of(alert)) != seen_of(alert):
        raise AnsweredMeanwhile(standing_of(alert) or "It is firing again.")
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
