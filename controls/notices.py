"""Telling people that a rule had an effect: of the first one in each period.

Mail goes to whoever owns the budget, and the message to the organization's channels,
but for those that wake people up: a guardrail that holds is no emergency.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from budgets.models import Budget
from budgets.owners import path_of, usual_recipients
from budgets.status import BudgetStatus, statuses
from controls.sql import insert_intervention
from controls.types import ControlAction, Rule
from controls.wording import effect_of, summary_of
from forecasts.endings import with_endings
from lib.humanize import clock, stretch
from lib.memories import Memory
from lib.money import format_money, format_percent, share, told, told_use
from notifications.models import ChannelType
from notifications.services import notify, resolve
from notifications.types import Link, Message

_CHANNELS = (
    ChannelType.EMAIL.value,
    ChannelType.SLACK.value,
    ChannelType.WEBHOOK.value,
    ChannelType.APPRISE.value,
)
_GRAVE = {
    ControlAction.BLOCK: "critical",
    ControlAction.NOTIFY: "info",
}  # all else is a warning
_COLORS = {"info": "#2563eb", "warning": "#b45309", "critical": "#b91c1c"}
_LONGEST_TITLE = 150
_MOST_TOLD = 50_000  # effects remembered

# By rule and start of the period.
_told: Memory[tuple[int, datetime], None] = Memory(most=_MOST_TOLD)


def tell(
    organization_id: int, acted: Iterable[tuple[Rule, datetime]], now: datetime
) -> None:
    """Tell people of each rule of *acted* that had its first effect in a period.

    *acted* pairs a rule with the start of its budget's period. What is written goes
    out if and only if the present transaction commits; of any number of processes that
    see the first effect, one tells. Costs nothing once this process has seen it.
    """
    wanted = {(rule.id, start): rule for rule, start in acted if rule.notify}
    new = sorted(wanted.keys() - _told.keys())
    for key in new:
        rule, (_, start) = wanted[key], key
        if insert_intervention(organization_id, rule.id, start, now):
            _tell_of(organization_id, rule, start, now)
    if new:
        transaction.on_commit(lambda: _remember(new))


def _remember(keys: Iterable[tuple[int, datetime]]) -> None:
    for key in keys:
        _told.remember(key, None)


def _tell_of(organization_id: int, rule: Rule, start: datetime, now: datetime) -> None:
    rows = Budget.objects.select_related("organization", "owner")
    budget = rows.get(pk=rule.budget_id)
    found = resolve(organization_id, _CHANNELS, usual_recipients(path_of(budget)))
    message = message_of(rule, budget, now=now)
    key = f"control:{rule.uid}:{start:%Y-%m-%dT%H:%M}"
    notify(organization_id, found.targets, lambda _: message, key=key, now=now)


def message_of(rule: Rule, budget: Budget, *, now: datetime) -> Message:
    """Return what is told of the first effect that *rule*, one of *budget*, had."""
    standing = statuses([budget], budget.organization, at=now)
    found = with_endings(budget.organization, standing, now)[budget.pk]
    news = _News(rule, budget, found, now)
    return Message(
        event="fired",
        subject=f"control-{rule.uid}",
        severity=news.severity,
        title=news.title,
        text=news.text,
        bar=None if news.used is None else float(news.used),
        facts=news.facts,
        links=(Link("Open budget", news.url),),
        reason="You look after this budget. You are told once in each period; the "
        "rules of the budget say of what.",
        payload=_payload_of(news),
        variables={"alert": _as_alert(news), "budget": _budget_variables(news)},
    )


@dataclass(frozen=True, slots=True)
class _News:
    """That a rule took effect, as it is said in various forms."""

    rule: Rule
    budget: Budget
    found: BudgetStatus
    now: datetime

    @property
    def severity(self) -> str:
        return _GRAVE.get(self.rule.action, "warning")

    @property
    def title(self) -> str:
        title = f"Guardrail of {self.budget.name}: {effect_of(self.rule)}"
        whole = len(title) <= _LONGEST_TITLE
        return title if whole else f"{title[: _LONGEST_TITLE - 1]}…"

    @property
    def text(self) -> str:
        return f"A rule of {self.budget.name} took effect. {summary_of(self.rule)}"

    @property
    def used(self) -> Decimal | None:
        return share(self.found.status.total_spend, self.found.status.limit)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.budget.timezone)

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        status = self.found.status
        spent, limit = self.money(status.total_spend), self.money(status.limit)
        return (
            ("Spent", f"{spent} of {limit}, {format_percent(self.used)}"),
            ("Period", stretch(self.found.window, self.zone)),
            ("Since", f"{clock(self.now, self.zone)} {self.zone.key}"),
        )

    @property
    def url(self) -> str:
        path = reverse("admin:budgets_budget_page", args=[self.budget.pk])
        return f"{settings.SITE_URL}{path}"

    def money(self, amount: Decimal) -> str:
        return format_money(amount, self.budget.currency)


def _payload_of(news: _News) -> dict[str, Any]:
    """Return the JSON that programs get: money as numbers and, `_exact`, as text."""
    rule, budget = news.rule, news.budget
    status, window = news.found.status, news.found.window
    return {
        "event": "fired",
        "type": "control",
        "severity": news.severity,
        "rule": rule.uid,
        "action": rule.action.value,
        "trigger": rule.trigger.text,
        "organization_id": budget.organization.slug,
        "budget": str(budget.uid),
        "budget_name": budget.name,
        "currency": budget.currency,
        **told("limit", status.limit),
        **told("current_spend", status.total_spend),
        **told_use(news.used),
        "period_start": _iso(window.start),
        "period_end": _iso(window.end),
        "message": news.text,
        "timestamp": _iso(news.now),
        "url": news.url,
    }


def _as_alert(news: _News) -> dict[str, Any]:
    """Return what templates know as the alert, for one serves both."""
    return {
        "id": news.rule.uid,
        "event": "fired",
        "message": news.text,
        "severity": news.severity,
        "severity_color": _COLORS[news.severity],
        "state": "firing",
        "type": "control",
        "period": stretch(news.found.window, news.zone),
        "acknowledge_url": "",
    }


def _budget_variables(news: _News) -> dict[str, Any]:
    status = news.found.status
    ending = status.projected_spend or status.total_spend
    return {
        "name": news.budget.name,
        "current": news.money(status.total_spend),
        "limit": news.money(status.limit),
        "percentage": format_percent(news.used).removesuffix("\N{NO-BREAK SPACE}%"),
        "forecast": news.money(ending),
        "currency": news.budget.currency,
        "url": news.url,
    }


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
