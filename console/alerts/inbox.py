"""The alert inbox: which alerts a person sees first, and how each is written."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Case, Count, Exists, OuterRef, Q, QuerySet, TextField, When
from django.db.models.functions import Cast
from django.http import QueryDict
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from accounts.access import visible_to
from accounts.models import User
from alerts.models import Alert, AlertState, RuleType, Severity
from budgets.models import Budget
from lib.humanize import ago, ahead, clock, lasting
from notifications.models import ChannelType

MOST_OPEN = 200  # lines of alerts that are not resolved
PAGE = 25  # lines of resolved ones
STATES = (
    AlertState.FIRING,
    AlertState.ACKNOWLEDGED,
    AlertState.SNOOZED,
    AlertState.RESOLVED,
)
SPANS = {
    "60": "1 hour",
    "240": "4 hours",
    "480": "8 hours",
    "1440": "1 day",
    "4320": "3 days",
    "10080": "1 week",
    "period": "The period",
}
USUAL_SPAN = "240"
_ADDRESS = re.compile(r"([^\s,]+@[^\s,]+,?)")
_BREAKS = re.compile(r"(?=[@.])")  # where an address may go on in a new line
_CHANNELS = {kind.value: str(kind.label) for kind in ChannelType} | {
    ChannelType.EMAIL.value: "email",
    ChannelType.WEBHOOK.value: "webhook",
    ChannelType.PHONE.value: "phone call",
}
_KINDS = {
    Severity.INFO.value: ("NONE", "Information"),
    Severity.WARNING.value: ("WARNING", "Warning"),
    Severity.CRITICAL.value: ("CRITICAL", "Critical"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the inbox is asked for; "" where anything will do."""

    whose: str = "mine"  # or "all"
    state: str = ""
    severity: str = ""
    type: str = ""
    organization: str = ""  # a slug
    q: str = ""  # a part of the budget's name or of the sentence
    budget: int | None = None  # it and those below it
    page: int = 1  # of the resolved ones

    @classmethod
    def of(cls, query: QueryDict) -> "Asked":
        def known(name: str, values: Iterable[str]) -> str:
            value = query.get(name, "")
            return value if value in values else ""

        budget, page = query.get("budget", ""), query.get("page", "")
        return cls(
            whose=known("whose", ["mine", "all"]) or "mine",
            state=known("state", AlertState.values),
            severity=known("severity", Severity.values),
            type=known("type", RuleType.values),
            organization=query.get("organization", "")[:100],
            q=query.get("q", "").strip()[:100],
            budget=int(budget) if _is_id(budget) else None,
            page=max(int(page), 1) if _is_id(page) else 1,
        )

    @property
    def is_narrowed(self) -> bool:
        """Tell whether more is asked for than whose alerts."""
        return bool(
            self.state or self.severity or self.type or self.q or self.budget
        ) or bool(self.organization)

    def query(self, **changes: object) -> str:
        """Return the query of a URL that asks the same, but for *changes*."""
        query = QueryDict(mutable=True)
        said = {name: getattr(self, name) for name in self.__slots__ if name != "page"}
        for name, value in {**said, **changes}.items():
            if value not in ("", None):
                query[name] = str(value)
        return query.urlencode()


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def alerts_of(user: User, asked: Asked) -> QuerySet[Alert]:
    """Return what *user* may see of what is asked for, in no order."""
    alerts = visible_to(user, Alert.objects.order_by())
    if asked.whose == "mine":
        alerts = alerts.alias(to=Cast("steps", TextField())).filter(_mine(user))
    if asked.organization:
        alerts = alerts.filter(organization__slug=asked.organization)
    for name in ("state", "severity", "type"):
        if getattr(asked, name):
            alerts = alerts.filter(**{name: getattr(asked, name)})
    if asked.q:
        named = Q(budget__name__icontains=asked.q)
        alerts = alerts.filter(named | Q(message__icontains=asked.q))
    if asked.budget is not None:
        alerts = alerts.filter(Exists(_above(Budget.objects.filter(pk=asked.budget))))
    return alerts


def _mine(user: User) -> Q:
    """Keep the alerts of budgets that are *user*'s, and those they are told about."""
    owned = Exists(_above(Budget.objects.filter(owner=user)))
    return Q(owned) | Q(to__icontains=f'"{user.email}"')


def _above(budgets: QuerySet[Budget]) -> QuerySet[Budget]:
    """Keep the *budgets* that are the alert's own, or above it."""
    return budgets.order_by().filter(
        organization=OuterRef("organization"),
        tree_id=OuterRef("budget__tree_id"),
        lft__lte=OuterRef("budget__lft"),
        rght__gte=OuterRef("budget__rght"),
    )


def counted(alerts: QuerySet[Alert]) -> dict[str, int]:
    """Return how many are in each state, all states in order. One query."""
    rows = dict(alerts.values_list("state").annotate(Count("pk")))
    return {state.value: rows.get(state.value, 0) for state in STATES}


def firing(user: User) -> int:
    """Return how many alerts of *user*'s organizations are firing. One query."""
    rows = Alert.objects.filter(resolved_at=None, state=AlertState.FIRING)
    return visible_to(user, rows).count()


def listed(alerts: QuerySet[Alert], asked: Asked) -> list[Alert]:
    """Return the lines of the page: what is open first, then the latest. Two queries.

    Firing ones lead, the gravest of them first, then the newest.
    """
    rows = alerts.select_related("budget", "organization")
    states = Case(*(When(state=state, then=n) for n, state in enumerate(STATES)))
    grave = Case(When(severity="critical", then=0), When(severity="warning", then=1))
    order = (states, grave, "-fired_at", "-pk")
    still = rows.filter(resolved_at=None).order_by(*order)[:MOST_OPEN]
    past = rows.filter(state=AlertState.RESOLVED).order_by("-fired_at", "-pk")
    start = (asked.page - 1) * PAGE
    shown = list(still) if asked.page == 1 else []
    return [*shown, *past[start : start + PAGE]]


@dataclass(frozen=True, slots=True)
class Line:
    """One alert as the inbox has it; "" stands for what there is nothing to say."""

    alert: Alert
    path: str
    kind: str  # of the status component
    word: str
    since: str
    since_at: str
    holder: str  # who has it, and for how long
    holder_at: str
    next: str
    next_at: str
    seen: str  # see `seen_of`


def line_of(alert: Alert, path: str, now: datetime, user: User) -> Line:
    """Write *alert* for *user*; times in full in the budget's zone."""
    zone = ZoneInfo(alert.budget.timezone)

    def full(moment: datetime | None) -> str:
        return f"{clock(moment, zone)} {zone.key}" if moment else ""

    kind, word = kind_of(alert)
    held = alert.acknowledged_until or alert.snoozed_until or alert.resolved_at
    return Line(
        alert=alert,
        path=path,
        kind=kind,
        word=word,
        since=ago(alert.fired_at, now),
        since_at=full(alert.fired_at),
        holder=holder_of(alert, now, user),
        holder_at=full(held),
        next=breakable(next_of(alert, now, user)),
        next_at=full(alert.next_step_at),
        seen=seen_of(alert),
    )


def seen_of(alert: Alert) -> str:
    """Return what stands for the state that somebody looked at."""
    until = alert.acknowledged_until or alert.snoozed_until
    return f"{alert.state} {until.isoformat() if until else ''}"


def kind_of(alert: Alert) -> tuple[str, str]:
    """Return the symbol and the word of how grave it is, or that it is over."""
    if alert.state == AlertState.RESOLVED:
        return "OK", "Resolved"
    if alert.type == RuleType.THRESHOLD and alert.threshold and alert.threshold >= 1:
        return "EXCEEDED", "Exceeded"
    return kind_of_severity(alert.severity)


def kind_of_severity(severity: str) -> tuple[str, str]:
    """Return the symbol and the word of a severity."""
    return _KINDS[severity]


def holder_of(alert: Alert, now: datetime, user: User) -> str:
    """Say who has it, and for how long."""
    if alert.state == AlertState.ACKNOWLEDGED:
        text = f"{_named(alert.acknowledged_by, user)} acknowledged it"
        return _for_another(text, alert.acknowledged_until, now)
    if alert.state == AlertState.SNOOZED:
        return _for_another("Snoozed", alert.snoozed_until, now)
    if alert.resolved_at is None:
        return "Nobody yet"
    by = _named(alert.resolved_by, user, "you") or "itself"
    return f"Ended {ago(alert.resolved_at, now)}, by {by}"


def _for_another(text: str, until: datetime | None, now: datetime) -> str:
    if until is None:
        return text
    left = until - now
    return f"{text}, for another {lasting(left)}" if left > timedelta(0) else text


def _named(who: str, user: User, me: str = "You") -> str:
    return me if who and who == user.email else who


def next_of(alert: Alert, now: datetime, user: User) -> str:
    """Say who is told next, and when, if nobody acknowledges."""
    if alert.state == AlertState.RESOLVED:
        return ""
    if not alert.steps:
        return "Told with another of this budget"
    if alert.state != AlertState.FIRING:
        return "Waits for the answer"
    if alert.next_step_at is None or alert.next_step >= len(alert.steps):
        return "Nobody else"
    step = alert.steps[alert.next_step]
    return f"{ahead(alert.next_step_at, now).capitalize()} to {told_of(step, user)}"


def breakable(text: str) -> SafeString:
    """Return *text* with mail addresses that break only where they read on well."""
    return format_html_join(
        "",
        "{}",
        (
            (_broken(part) if place % 2 else part,)
            for place, part in enumerate(_ADDRESS.split(text))
        ),
    )


def _broken(address: str) -> SafeString:
    parts = ((part,) for part in _BREAKS.split(address))
    joined = format_html_join(mark_safe("<wbr>"), "{}", parts)
    return format_html('<span class="co-address">{}</span>', joined)


def told_of(step: Mapping[str, Any], user: User | None = None) -> str:
    """Say whom a step of the ladder tells: people, or the channels without any."""
    people = [
        "you" if user and one == user.email else one
        for one in step.get("recipients") or ()
    ]
    return ", ".join(people) or channel_words(step.get("channels") or ()) or "nobody"


def channel_words(names: Iterable[str], missing: Collection[str] = ()) -> str:
    """Say channels, types by their labels; of those in *missing* that they are."""
    return ", ".join(
        _CHANNELS.get(name, name) + (" (not set up)" if name in missing else "")
        for name in names
    )


def step_words(
    step: Mapping[str, Any],
    user: User | None = None,
    missing: Collection[str] = (),
) -> str:
    """Say whom a step tells, and by what; types in *missing* are not set up."""
    by = channel_words(step["channels"], missing)
    return f"{told_of(step, user)} by {by}" if step["recipients"] else by or "nobody"
