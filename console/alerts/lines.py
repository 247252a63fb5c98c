"""The lines of the inbox, written out for one reader."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from accounts.models import User
from alerts.models import Alert, AlertState, RuleType
from budgets.paths import Way, words_of_way
from budgets.status import BudgetStatus
from budgets.thresholds import Basis
from console.alerts.inbox import Row
from console.alerts.present import now_words
from console.alerts.wording import kind_of_severity, told_of
from lib.humanize import ago, ahead, clock, lasting
from lib.money import format_percent


@dataclass(frozen=True, slots=True)
class AlertReader:
    """For whom lines are written, and when."""

    user: User
    locale: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Beside:
    """Another alert of the same budget, folded into its line."""

    alert: Alert
    name: str  # "80 %", or the kind of rule
    word: str


@dataclass(frozen=True, slots=True)
class AlertLine:
    """One row as the inbox has it; "" stands for what there is nothing to say."""

    alert: Alert
    path: str
    kind: str  # of the status component
    word: str
    now: str  # what is spent by now; "": the period is over
    beside: tuple[Beside, ...]
    holder: str  # who has it, and for how long
    holder_at: str
    next: str
    next_at: str
    seen: str  # see `seen_of`

    @property
    def beside_words(self) -> str:
        """Name what is folded: "2 more: 90 %, 80 %"."""
        names = list(dict.fromkeys(one.name for one in self.beside))
        return f"{len(self.beside)} more: {', '.join(names)}"


def line_of(
    row: Row, path: str, found: BudgetStatus | None, reader: AlertReader
) -> AlertLine:
    """Write *row* for its reader; times in full in the budget's zone."""
    alert, now, user = row.lead, reader.now, reader.user
    zone = ZoneInfo(alert.budget.timezone)

    def full(moment: datetime | None) -> str:
        return f"{clock(moment, zone)} {zone.key}" if moment else ""

    kind, word = kind_of(alert, found)
    held = alert.acknowledged_until or alert.snoozed_until or alert.resolved_at
    return AlertLine(
        alert=alert,
        path=path,
        kind=kind,
        word=word,
        now=now_words(found, reader.locale) if found else "",
        beside=tuple(_beside(one, reader) for one in row.others),
        holder=holder_of(alert, now, user),
        holder_at=full(held),
        next=next_of(alert, now, user),
        next_at=full(alert.next_step_at),
        seen=seen_of(alert),
    )


def _beside(alert: Alert, reader: AlertReader) -> Beside:
    if alert.type == RuleType.THRESHOLD and alert.threshold is not None:
        name = format_percent(alert.threshold, reader.locale)
        if alert.basis != Basis.SPENT:
            name = f"{name} {alert.get_basis_display().lower()}"
    else:
        name = alert.get_type_display()
    held = "" if alert.state == AlertState.FIRING else alert.get_state_display().lower()
    return Beside(alert, name, held)


def path_of(alert: Alert, ways: Mapping[int, Way], *, many: bool) -> str:
    """Write the path of its budget, with the organization where there are several."""
    path = words_of_way(ways[alert.budget_id])
    root = ways[alert.budget_id][0][1]
    name = alert.organization.name
    return f"{name} / {path}" if many and root != name else path


def seen_of(alert: Alert) -> str:
    """Return what stands for the state that somebody looked at."""
    until = alert.acknowledged_until or alert.snoozed_until
    return f"{alert.state} {until.isoformat() if until else ''}"


def kind_of(alert: Alert, found: BudgetStatus | None) -> tuple[str, str]:
    """Return the symbol and the word of how grave it is, or that it is over.

    By where its budget stands, which may be past what the alert was about.
    """
    if alert.state == AlertState.RESOLVED:
        return "OK", "Resolved"
    is_spent = alert.type == RuleType.THRESHOLD and alert.basis == Basis.SPENT
    was = is_spent and (alert.threshold or 0) >= 1
    if was or (found is not None and found.status.status == "EXCEEDED"):
        return "EXCEEDED", "Exceeded"
    return kind_of_severity(alert.severity)


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
