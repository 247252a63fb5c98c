"""What waits for somebody: alerts that fire, and requests to decide."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from accounts.scopes import Scope
from accounts.tenants import may
from alerts.models import AlertState
from console.alerts.inbox import InboxQuery, alerts_of, listed
from console.alerts.inbox_page import lines_of
from console.approvals.inbox import Asked, Line, line_of, requests_of, waiting
from console.approvals.inbox import listed as requests_listed
from console.dashboard.desk import Desk

MOST = 4  # lines of each; the inboxes have all


@dataclass(frozen=True, slots=True)
class Firing:
    """The alerts that fire: of a team lead's own, else of the organization's."""

    lines: Sequence[dict[str, Any]]
    count: int  # of budgets with any
    inbox: str
    may_write: bool

    @property
    def more(self) -> int:
        return self.count - len(self.lines)


def firing_of(request: HttpRequest, desk: Desk) -> Firing:
    """Return what fires, the gravest first. At most seven queries."""
    asked = InboxQuery(
        whose="mine" if desk.own else "all",
        state=AlertState.FIRING,
        organization=desk.organization.slug,
    )
    rows = listed(alerts_of(desk.user, asked), asked)
    inbox = reverse("admin:alerts_alert_changelist")
    return Firing(
        lines=lines_of(request, rows[:MOST], desk.now),
        count=len(rows),
        inbox=f"{inbox}?{asked.query()}",
        may_write=may(request, Scope.ALERTS_WRITE, desk.organization),
    )


@dataclass(frozen=True, slots=True)
class Waiting:
    """The requests that wait for the reader, in all their organizations."""

    lines: Sequence[Line]
    count: int

    @property
    def more(self) -> int:
        return self.count - len(self.lines)


def waiting_of(desk: Desk) -> Waiting:
    """Return what waits, the soonest needed first. Two queries."""
    asked = Asked()
    rows = requests_of(desk.user, asked, desk.now)
    found = requests_listed(rows, asked, most=MOST)
    return Waiting(
        lines=[line_of(one, desk.now, desk.locale) for one in found],
        count=waiting(desk.user, desk.now) if found else 0,
    )
