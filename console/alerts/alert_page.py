"""The page of one alert: what happened, what moved it, who was told."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.models import User
from accounts.scopes import Scope
from accounts.tenants import may, person
from alerts.facts import said_of, usual_until
from alerts.messages import OF_LIMITS, noted_drivers, usual_words
from alerts.models import Alert, AlertState, RuleType
from approvals.limits import Wish, askable, lacking
from budgets.drivers import currency_of
from budgets.models import BudgetPeriod
from budgets.paths import ways_of
from budgets.rollup import hours_of
from budgets.status import BudgetStatus
from budgets.thresholds import Basis
from console.alerts.answers import alert_or_404
from console.alerts.charts import SpendCurve, chart_of
from console.alerts.inbox import Row
from console.alerts.lines import AlertReader, line_of, path_of
from console.alerts.present import standing_of
from console.alerts.spans import SPAN_CONTEXT
from console.alerts.timeline import timeline_of
from console.drawings import Chart, Fact
from console.pages import Pages
from forecasts.endings import with_endings
from ledger.addresses import records_address
from lib.humanize import date_words, locale_of, stretch
from lib.money import format_money, format_percent, share
from lib.periods import Window

MOST_DRIVERS = 3
Money = Callable[[Decimal], str]


def alert_page(request: HttpRequest, pages: Pages, alert_id: str) -> HttpResponse:
    alert = alert_or_404(request, pages, alert_id)
    user, now, locale = person(request), timezone.now(), locale_of(request)
    budget, zone = alert.budget, ZoneInfo(alert.budget.timezone)
    window = Window(alert.period_starts_at, alert.period_ends_at)
    paths = ways_of([budget])
    standing = with_endings(alert.organization, standing_of([alert], now), now)
    found = standing.get(alert.budget_id)
    is_open = alert.state != AlertState.RESOLVED
    slug = alert.organization.slug
    records = records_address(slug, window, budget=alert.budget_id)
    context = pages.page(
        request,
        title=budget.name,
        alert=alert,
        budget=budget,
        way=paths[budget.pk],
        line=line_of(
            Row(alert),
            path_of(alert, paths, many=False),
            found if is_open else None,
            AlertReader(user, locale, now),
        ),
        sentence=alert.details.get("sentence") or alert.message,
        period=stretch(window, zone),
        chart=_chart(alert, found, window, now, locale),
        figures=figures_of(alert, found, records, locale),
        records=records,
        drivers=drivers_of(alert, now),
        judged=alert.details.get("formula", ""),
        explained=alert.details.get("explained", ""),
        usual_now=_usual_now(alert, locale),
        timeline=timeline_of(alert, now=now, user=user),
        origin=_origin(alert),
        may_act=is_open and may(request, Scope.ALERTS_WRITE, alert.organization),
        is_anomaly=alert.type == RuleType.ANOMALY,
        wish=_wish(alert, found, user) if is_open else None,
        **SPAN_CONTEXT,
    )
    return TemplateResponse(request, "console/alerts/alert.html", context)


def _wish(alert: Alert, found: BudgetStatus | None, user: User) -> Wish | None:
    """Return what *user* has to ask for; None: they change the budget, or its limit is
    not what the alert is about."""
    if found is None or alert.type not in OF_LIMITS:
        return None
    if not askable(user, alert.organization, [alert.budget_id]):
        return None
    status = found.status
    used = status.total_spend + status.reserved
    lacks = lacking(status.limit, used, status.projected_spend)
    return Wish.for_period(alert.budget, found.window.end, lacks)


def _usual_now(alert: Alert, locale: str) -> str:
    """Say what follows from it that somebody called the day or hour usual; "": nobody
    did.
    """
    if alert.type != RuleType.ANOMALY:
        return ""
    said = said_of(alert)
    if said is None:
        return ""
    money = format_money(said.amount, alert.budget.currency, locale)
    noun = "hour" if said.hour_at else "day"
    return (
        f"{said} was called usual by {said.said_by}: {noun}s of {money} are within "
        f"what is usual for {alert.budget.name} until {date_words(usual_until(said))}."
    )


def _chart(
    alert: Alert,
    found: BudgetStatus | None,
    window: Window,
    now: datetime,
    locale: str,
) -> Chart:
    """Draw what was spent in the alert's period up to *now*. One query, or two."""
    budget = alert.budget
    hours = hours_of([budget], window.start, window.end)
    limit = found.status.limit if found else _limit_of(alert)
    return chart_of(
        SpendCurve(
            window=window,
            zone=ZoneInfo(budget.timezone),
            hours=[(hour.starts_at, hour.spent) for hour in hours],
            until=now,
            limit=limit,
            threshold=_threshold_amount(alert, limit),
            fired_at=alert.fired_at,
            fired_spent=alert.spent,
            crossed=_crossed(alert),
            projected=found.status.projected_spend if found else None,
            currency=budget.currency,
            locale=locale,
        )
    )


def _limit_of(alert: Alert) -> Decimal:
    rows = BudgetPeriod.objects.filter(
        organization=alert.organization_id,
        budget=alert.budget_id,
        starts_at=alert.period_starts_at,
    )
    period = rows.first()
    limit: Decimal = period.limit if period else alert.limit
    return limit


def _crossed(alert: Alert) -> Decimal | None:
    """Return the amount at which it fired; None: it is about no amount."""
    is_spent = alert.type == RuleType.THRESHOLD and alert.basis == Basis.SPENT
    if not is_spent or alert.threshold is None:
        return None
    amount: Decimal = alert.threshold * alert.limit
    return amount


def _threshold_amount(alert: Alert, limit: Decimal) -> Decimal | None:
    """Return what is drawn beside the limit; None: the limit itself, or no amount."""
    threshold: Decimal | None = alert.threshold
    if alert.type != RuleType.THRESHOLD or threshold is None or threshold == 1:
        return None
    return threshold * limit


def figures_of(
    alert: Alert, found: BudgetStatus | None, records: str, locale: str
) -> list[Fact]:
    """Return what was known at the alert and what is now, with a door to *records*."""

    def money(amount: Decimal) -> str:
        return format_money(amount, alert.budget.currency, locale)

    used = format_percent(share(alert.spent, alert.limit), locale)
    figures = [
        Fact("Spent at the alert", f"{money(alert.spent)}, {used}"),
        *_set_aside(alert, money, locale),
        Fact("Limit at the alert", money(alert.limit)),
        *_judged(alert, money, locale),
    ]
    if found is not None:
        status = found.status
        now_used = format_percent(status.utilization, locale)
        spent = f"{money(status.total_spend)}, {now_used}"
        figures.append(Fact("Spent now", spent, records))
        if alert.basis == Basis.COMMITTED:
            figures.append(Fact("Set aside now", money(status.reserved)))
        if status.projected_spend is not None:
            ends = money(status.projected_spend)
            figures.append(Fact("It is expected to end at", ends))
    return figures


def _set_aside(alert: Alert, money: Money, locale: str) -> list[Fact]:
    numbers = alert.details.get("numbers") or {}
    if alert.basis != Basis.COMMITTED or "reserved" not in numbers:
        return []
    used = format_percent(alert.value, locale)
    aside = money(Decimal(str(numbers["reserved"])))
    return [Fact("Set aside at the alert", f"{aside}, with what is spent {used}")]


def _judged(alert: Alert, money: Money, locale: str) -> list[Fact]:
    """Return the value that was judged, and what is usual."""
    figures = []
    is_forecast = alert.type == RuleType.FORECAST or alert.basis == Basis.FORECAST
    if is_forecast:
        # A condition may have compared something else.
        numbers = alert.details.get("numbers") or {}
        likely = Decimal(str(numbers.get("probability", alert.value)))
        figures.append(Fact("Probability", format_percent(likely, locale)))
    elif alert.type == RuleType.ANOMALY:
        step = "That hour" if alert.details.get("hour") else "That day"
        figures.append(Fact(step, money(alert.value)))
    elif alert.type == RuleType.SPIKE:
        figures.append(Fact("In the window", money(alert.value)))
    if usual := usual_words(alert, locale):
        label = "Forecast, 80 % sure" if is_forecast else "Usual"
        figures.append(Fact(label, usual))
    return figures


@dataclass(frozen=True, slots=True)
class DriverLine:
    """One line of what moved it."""

    dimension: str
    name: str
    amount: Decimal
    currency: str
    share: Decimal | None
    width: float  # percent of the bar


def drivers_of(alert: Alert, now: datetime) -> list[DriverLine]:
    """Return what moved it most: as noted at the alert, else as it is now."""
    drivers = []
    for one in noted_drivers(alert, now)[:MOST_DRIVERS]:
        part = None if one.get("share") is None else Decimal(str(one["share"]))
        drivers.append(
            DriverLine(
                dimension=one["dimension"],
                name=one["name"] or "not named",
                amount=Decimal(str(one["amount"])),
                currency=currency_of(alert.budget),
                share=part,
                width=float(min(max(part or 0, 0), 1)) * 100,
            )
        )
    return drivers


def _origin(alert: Alert) -> str:
    """Say where the rule comes from that raised it."""
    if alert.rule is None and alert.type == RuleType.THRESHOLD:
        return "a threshold of the budget itself"
    if alert.rule is None:
        return "a rule that is deleted by now"
    if alert.rule.budget_id == alert.budget_id:
        return "a rule of this budget"
    return f"a rule inherited from {alert.rule.budget.name}"
