"""What an alert tells people: its title, its figures, where to click."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse

from alerts.figures import AlertFigures, figures_of
from alerts.models import Alert, AlertState, RuleType, Severity
from alerts.types import NotedDriver
from approvals.limits import Wish, lacking
from budgets.drivers import Driver, currency_of, top_drivers_of
from budgets.status import BudgetStatus
from budgets.thresholds import Basis
from lib.humanize import clock, stretch
from lib.money import format_money, format_percent, share, told, told_use, wire
from lib.periods import DAY, Window, day_of
from notifications.types import Link, Message

MOST_DRIVERS = 3
# What is about a budget's limit: more of it would help.
OF_LIMITS = frozenset({RuleType.THRESHOLD, RuleType.FORECAST, RuleType.VELOCITY})
_COLORS = {
    Severity.INFO.value: "#2563eb",
    Severity.WARNING.value: "#b45309",
    Severity.CRITICAL.value: "#b91c1c",
}
_RESOLVED_COLOR = "#15803d"


def message_of(
    alert: Alert,
    event: str,
    *,
    now: datetime,
    reason: str = "",
    aside: str = "",
    status: BudgetStatus | None = None,
) -> Message:
    """Return what is told of *alert* to everybody; see `for_reader`. One query or two,
    none given the budget's *status* at *now*.

    *event* is fired, escalated, acknowledged or resolved; *aside* follows the text.
    """
    figures = figures_of(alert, event, now, status)
    return Message(
        event=event,
        subject=str(alert.uid),
        severity=alert.severity,
        title=title_of(alert, event, figures),
        text=_joined(text_of(alert), driver_words(alert), aside),
        bar=None if figures.used is None else float(figures.used),
        facts=_facts(alert, figures, event),
        drivers=_drivers(alert),
        links=(Link("Open budget", budget_url(alert)),),
        reason=reason,
        payload=payload_of(alert, event, figures, now, aside),
        variables={
            "alert": _alert_variables(alert, event),
            "budget": _budget_variables(alert, figures),
        },
    )


def wish_of(
    alert: Alert, event: str, now: datetime, status: BudgetStatus | None = None
) -> Link | None:
    """Return where those who may not change the budget ask for more of it; None: it is
    not about its limit, or its period is over. Queries as `message_of`."""
    if alert.type not in OF_LIMITS or now >= alert.period_ends_at:
        return None
    figures = figures_of(alert, event, now, status)
    lacks = lacking(figures.limit, figures.spent, figures.projected)
    wish = Wish.for_period(alert.budget, alert.period_ends_at, lacks)
    more = f"{_money(alert, wish.amount)} more" if wish.amount else "more"
    return Link(f"Ask for {more}", f"{settings.SITE_URL}{wish.path}")


def for_reader(message: Message, link: str, wish: Link | None = None) -> Message:
    """Return *message* with its reader's own *link* to answer it, and their *wish*."""
    alert = {**message.variables["alert"], "acknowledge_url": link}
    further = (wish,) if wish else ()
    return replace(
        message,
        links=(Link("Acknowledge", link), *message.links, *further),
        variables={**message.variables, "alert": alert},
    )


def noted_drivers(alert: Alert, now: datetime) -> list[NotedDriver]:
    """Return what moved the alert: as found with it, else what cost most so far."""
    return drivers_noted([alert], now)[alert.pk]


def drivers_noted(
    alerts: Iterable[Alert], now: datetime
) -> Mapping[int, list[NotedDriver]]:
    """Return `noted_drivers` of each of *alerts*, all of one organization, by id.

    Two queries for all that are of one period.
    """
    found: dict[int, list[NotedDriver]] = {}
    by_time: dict[tuple[datetime, datetime], list[Alert]] = defaultdict(list)
    for alert in alerts:
        end = min(now, alert.period_ends_at)
        if "drivers" in alert.details:
            found[alert.pk] = list(alert.details["drivers"])
        elif end <= alert.period_starts_at:
            found[alert.pk] = []
        else:
            by_time[alert.period_starts_at, end].append(alert)
    for (start, end), some in by_time.items():
        budgets = [alert.budget for alert in some]
        drivers = top_drivers_of(budgets, start, end, most=MOST_DRIVERS)
        found |= {one.pk: [*map(_noted, drivers[one.budget_id])] for one in some}
    return found


def _noted(driver: Driver) -> NotedDriver:
    return NotedDriver(
        dimension=driver.dimension,
        name=driver.name,
        amount=wire(driver.cost) or "",
        share=wire(driver.share),
    )


def title_of(alert: Alert, event: str, figures: AlertFigures) -> str:
    """Return one line: "Warning: ML Team is at 84 % of $15,000.00 (November)"."""
    word = {
        "fired": alert.get_severity_display(),
        "escalated": f"{alert.get_severity_display()}, nobody has acknowledged",
        "acknowledged": "Acknowledged",
        "resolved": "Resolved",
    }[event]
    return f"{word}: {alert.budget.name} {_claim(alert, figures)} ({period_of(alert)})"


def _claim(alert: Alert, figures: AlertFigures) -> str:
    limit = _money(alert, figures.limit)
    if alert.type == RuleType.FORECAST:
        ends = figures.projected if figures.projected is not None else figures.spent
        return f"is heading for {_money(alert, ends)} of {limit}"
    if alert.type == RuleType.VELOCITY:
        return f"spends faster than planned, {format_percent(figures.used)} of {limit}"
    if alert.type == RuleType.ANOMALY:
        step = "hour" if alert.details.get("hour") else "day"
        return f"has an unusual {step}, {_money(alert, alert.value)}"
    if alert.type == RuleType.SPIKE:
        return f"spent {_money(alert, alert.value)} in little time"
    if alert.basis == Basis.FORECAST:
        ends = figures.projected if figures.projected is not None else figures.spent
        return f"is heading for {_money(alert, ends)} of {limit}"
    if alert.basis == Basis.COMMITTED and figures.used is not None:
        used = format_percent(figures.used)
        return f"has spent or set aside {used} of {limit}"
    if figures.used is None:
        return f"spent {_money(alert, figures.spent)} of {limit}"
    return f"is at {format_percent(figures.used)} of {limit}"


def text_of(alert: Alert) -> str:
    """Return the rule's own words, if it has any, and the sentence with the figures."""
    sentence = str(alert.details.get("sentence") or alert.message)
    if alert.message in ("", sentence):
        return sentence
    words = alert.message.rstrip()
    stop = "" if words[-1:] in ".!?" else "."
    return f"{words}{stop} {sentence}"


def driver_words(alert: Alert) -> str:
    """Say what moved the alert most: "Model gpt-4o cost most: $12.00, 60 %."

    Rather what cost a part of it than what cost all. "": nothing did, or it was not
    told yet.
    """
    drivers = _drivers(alert)
    if not drivers:
        return ""
    shares = [driver.get("share") for driver in alert.details["drivers"]]
    parts = [
        one for one, of in zip(drivers, shares, strict=False) if of and Decimal(of) < 1
    ]
    name, amount, part = (parts or drivers)[0]
    return f"{name[:1].upper()}{name[1:]} cost most: {amount}, {part}."


def _joined(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def aside_of(alert: Alert, now: datetime, *, late: bool, ended: str = "") -> str:
    """Say what is different by now, where an alert comes late; "": nothing is."""
    zone = ZoneInfo(alert.budget.timezone)
    if alert.period_ends_at <= now:
        at = f"{clock(alert.period_ends_at, zone)} {zone.key}"
        return f"This comes late: its period ended at {at}."
    said = f"It has ended since: {ended}" if ended else ""
    if late:
        fired = f"{clock(alert.fired_at, zone)} {zone.key}"
        return f"This comes late: it fired at {fired}. {said}".rstrip()
    return said


def period_of(alert: Alert) -> str:
    """Name the alert's period: "November", else its days."""
    window = Window(alert.period_starts_at, alert.period_ends_at)
    zone = ZoneInfo(alert.budget.timezone)
    first, after = day_of(window.start, zone), day_of(window.end, zone)
    if first.day == after.day == 1 and (after - first) <= 31 * DAY:
        return f"{first:%B}"
    return stretch(window, zone)


def budget_url(alert: Alert) -> str:
    path = reverse("admin:budgets_budget_page", args=[alert.budget_id])
    return f"{settings.SITE_URL}{path}"


def payload_of(
    alert: Alert, event: str, figures: AlertFigures, now: datetime, aside: str = ""
) -> dict[str, Any]:
    """Return the JSON that programs get: money as numbers and, `_exact`, as text."""
    return {
        "event": event,
        "id": str(alert.uid),
        "type": alert.type,
        "basis": alert.basis,
        "severity": alert.severity,
        "state": alert.state,
        "organization_id": alert.organization.slug,
        "budget": str(alert.budget.uid),
        "budget_name": alert.budget.name,
        "currency": alert.budget.currency,
        **told("limit", figures.limit),
        **told("current_spend", figures.spent),
        **told("projected_spend", figures.projected),
        **({} if figures.reserved is None else told("reserved", figures.reserved)),
        **told_use(figures.used),
        "period_start": _iso(alert.period_starts_at),
        "period_end": _iso(alert.period_ends_at),
        "message": _joined(text_of(alert), driver_words(alert), aside),
        "formula": alert.details.get("formula"),
        "band": alert.details.get("band"),
        "explained": alert.details.get("explained"),
        "top_driver": _top_driver(alert),
        "fired_at": _iso(alert.fired_at),
        "timestamp": _iso(now),
        "url": budget_url(alert),
    }


def _top_driver(alert: Alert) -> dict[str, Any] | None:
    """Return what cost most, in the organization's currency; None: nothing did."""
    drivers = alert.details.get("drivers") or ()
    currency = alert.organization.currency
    return {**drivers[0], "currency": currency} if drivers else None


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _facts(
    alert: Alert, figures: AlertFigures, event: str
) -> tuple[tuple[str, str], ...]:
    zone = ZoneInfo(alert.budget.timezone)
    window = Window(alert.period_starts_at, alert.period_ends_at)
    spent = f"{_money(alert, figures.spent)} of {_money(alert, figures.limit)}"
    used = share(figures.spent, figures.limit)
    if used is not None:
        spent += f", {format_percent(used)}"
    facts = [("Spent", spent)]
    if figures.reserved is not None:
        facts.append(("Set aside", _set_aside(alert, figures, figures.reserved)))
    facts += _usual_facts(alert)
    if figures.projected is not None:
        ending = _ending(alert, figures.projected, figures.limit)
        label = "It is expected to end at"
        is_forecast = alert.basis == Basis.FORECAST and event == "fired"
        facts.append(("Forecast for the end" if is_forecast else label, ending))
    facts += [
        ("Period", stretch(window, zone)),
        ("Since", f"{clock(alert.fired_at, zone)} {zone.key}"),
    ]
    if event == "acknowledged" and alert.acknowledged_until:
        until = f"{clock(alert.acknowledged_until, zone)} {zone.key}"
        facts.append(("Acknowledged by", f"{alert.acknowledged_by}, until {until}"))
    if event == "resolved":
        facts.append(("Resolved by", alert.resolved_by or "itself"))
    return tuple(facts)


def _set_aside(alert: Alert, figures: AlertFigures, reserved: Decimal) -> str:
    if figures.used is None:
        return _money(alert, reserved)
    used = format_percent(figures.used)
    return f"{_money(alert, reserved)}; with what is spent, {used} of the limit"


def _usual_facts(alert: Alert) -> list[tuple[str, str]]:
    """Return the band that an unusual day or hour lies outside of, and how it came
    about.
    """
    if alert.type != RuleType.ANOMALY:
        return []
    band, facts = usual_words(alert), []
    if band:
        facts.append(("Usual", band))
    if explained := alert.details.get("explained"):
        facts.append(("How that is found", str(explained)))
    return facts


def usual_words(alert: Alert, locale: str = "en_US") -> str:
    """Say what was usual: "$80.00 to $120.00, about $100.00"; "": it is not known."""
    band = alert.details.get("band") or {}
    if not {"lower", "expected", "upper"} <= band.keys():
        return ""
    lower, expected, upper = (
        format_money(Decimal(str(band[name])), alert.budget.currency, locale)
        for name in ("lower", "expected", "upper")
    )
    if Decimal(str(band["lower"])) <= 0:
        return f"up to {upper}, about {expected}"
    return f"{lower} to {upper}, about {expected}"


def _ending(alert: Alert, projected: Decimal, limit: Decimal) -> str:
    over = projected - limit
    ends = _money(alert, projected)
    if over > 0:
        return f"{ends}, {_money(alert, over)} over the limit"
    return f"{ends}, within the limit"


def _drivers(alert: Alert) -> tuple[tuple[str, str, str], ...]:
    drivers = []
    for driver in alert.details.get("drivers", ())[:MOST_DRIVERS]:
        part = driver.get("share")
        drivers.append(
            (
                f"{driver['dimension']} {driver['name'] or 'not named'}",
                format_money(Decimal(str(driver["amount"])), currency_of(alert.budget)),
                format_percent(None if part is None else Decimal(str(part))),
            )
        )
    return tuple(drivers)


def _alert_variables(alert: Alert, event: str) -> dict[str, Any]:
    resolved = alert.state == AlertState.RESOLVED
    return {
        "id": str(alert.uid),
        "event": event,
        "message": alert.message,
        "severity": alert.severity,
        "severity_color": _RESOLVED_COLOR if resolved else _COLORS[alert.severity],
        "state": alert.state,
        "type": alert.type,
        "period": period_of(alert),
        "acknowledge_url": "",
    }


def _budget_variables(alert: Alert, figures: AlertFigures) -> dict[str, Any]:
    used = format_percent(figures.used)
    return {
        "name": alert.budget.name,
        "current": _money(alert, figures.spent),
        "limit": _money(alert, figures.limit),
        "percentage": used.removesuffix("\N{NO-BREAK SPACE}%"),
        "forecast": _money(
            alert,
            figures.spent if figures.projected is None else figures.projected,
        ),
        "currency": alert.budget.currency,
        "url": budget_url(alert),
    }


def _money(alert: Alert, amount: Decimal) -> str:
    return format_money(amount, alert.budget.currency)
