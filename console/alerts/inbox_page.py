"""The page of the inbox."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.access import organizations_of, visible_to
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
    InboxQuery,
    Row,
    alerts_of,
    counted,
    listed,
)
from console.alerts.lines import AlertReader, line_of, path_of
from console.alerts.present import standing_of
from console.alerts.spans import SPAN_CONTEXT
from console.pages import Pages, budgets_of
from lib.humanize import lasting, locale_of
from lib.web import id_of


def inbox_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Answer the inbox, or with `?newest=ID` how many alerts came after that one."""
    user, now = person(request), timezone.now()
    asked = InboxQuery.of(request.GET)
    alerts = alerts_of(user, asked)
    if (seen := id_of(request.GET.get("newest"))) is not None:
        return _news(request, alerts, seen)
    counts = counted(alerts)
    rows = listed(alerts, asked)
    theirs = visible_to(user, Alert.objects.order_by("-pk"))
    newest = theirs.values_list("pk", flat=True).first()
    context = pages.page(
        request,
        title="Alerts",
        asked=asked,
        sentence=sentence_of(counts, asked, user, rows, now),
        sections=_sections(request, rows, counts, now),
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
    asked: InboxQuery,
    user: User,
    rows: list[Row],
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
    times = (row.lead.fired_at for row in rows if row.lead.state == AlertState.FIRING)
    oldest = min(times, default=now)
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
    request: HttpRequest, rows: list[Row], counts: Mapping[str, int], now: datetime
) -> list[dict[str, Any]]:
    lines = lines_of(request, rows, now)
    lines.sort(key=lambda one: _GRAVEST.index(one["line"].kind))
    return [
        {"state": state, "count": counts[state], "lines": found}
        for state in STATES
        if (found := [line for line in lines if line["alert"].state == state])
    ]


_GRAVEST = ("EXCEEDED", "CRITICAL", "WARNING", "NONE", "OK")  # first


def lines_of(
    request: HttpRequest, rows: list[Row], now: datetime
) -> list[dict[str, Any]]:
    """Return each line with whether the person may answer it; the gravest first of
    what is firing. Two or three queries for each organization."""
    leads = [row.lead for row in rows]
    paths = ways_of({one.budget_id: one.budget for one in leads}.values())
    many = len({one.organization_id for one in leads}) > 1
    standing = standing_of([one for one in leads if one.resolved_at is None], now)
    reader = AlertReader(person(request), locale_of(request), now)
    return [
        {
            "line": line_of(
                row,
                path_of(row.lead, paths, many=many),
                standing.get(row.lead.budget_id),
                reader,
            ),
            "alert": row.lead,
            "may_act": may(request, Scope.ALERTS_WRITE, row.lead.organization)
            and row.lead.state != AlertState.RESOLVED,
        }
        for row in rows
    ]


def _elsewhere(user: User, asked: InboxQuery) -> int:
    """Return of how many budgets alerts are open that are not shown."""
    everything = alerts_of(user, InboxQuery(whose="all")).filter(resolved_at=None)
    return everything.values("budget").distinct().count()


def _has_rules(user: User) -> bool:
    return AlertRule.objects.filter(organization__in=organizations_of(user)).exists()


def _budget(request: HttpRequest, asked: InboxQuery) -> Budget | None:
    if asked.budget is None:
        return None
    return budgets_of(request).filter(pk=asked.budget).first()
