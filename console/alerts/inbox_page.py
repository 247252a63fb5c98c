"""The page of the inbox."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.access import organizations_of
from accounts.models import User
from accounts.scopes import Scope
from accounts.tenants import may, person
from alerts.models import Alert, AlertRule, AlertState, RuleType, Severity
from budgets.models import Budget
from budgets.paths import ways_of
from console.alerts.inbox import (
    MOST_OPEN,
    PAGE,
    STATES,
    Asked,
    alerts_of,
    counted,
    listed,
)
from console.alerts.lines import line_of, path_of
from console.alerts.spans import SPAN_CONTEXT
from console.pages import Pages, budgets_of
from lib.humanize import lasting
from lib.web import id_of


def inbox_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Answer the inbox, or with `?newest=ID` how many alerts came after that one."""
    user, now = person(request), timezone.now()
    asked = Asked.of(request.GET)
    alerts = alerts_of(user, asked)
    if (seen := id_of(request.GET.get("newest"))) is not None:
        return _news(request, alerts, seen)
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
        organizations=organizations_of(user).values_list("slug", "name"),
        budget=_budget(request, asked),
        states=AlertState.choices,
        severities=Severity.choices,
        types=RuleType.choices,
        has_rules=_has_rules(user),
        may_write=may(request, Scope.ALERTS_WRITE, None),
        **SPAN_CONTEXT,
    )
    return TemplateResponse(request, "console/alerts/inbox.html", context)


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
        _line_context(request, one, path_of(one, paths, many=many), now)
        for one in alerts
    ]


def _line_context(
    request: HttpRequest, alert: Alert, path: str, now: datetime
) -> dict[str, Any]:
    return {
        "line": line_of(alert, path, now, person(request)),
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
    return budgets_of(request).filter(pk=asked.budget).first()
