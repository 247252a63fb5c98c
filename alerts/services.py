"""The life of an alert: it fires, is acknowledged or snoozed, and is resolved.

Every move is a conditional UPDATE: of several at once one is made, and the others are
told what happened.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import Organization
from alerts import escalation, firing
from alerts.errors import AlreadyResolved, AnsweredMeanwhile, NotAnAnomalyAlert
from alerts.events import event_of
from alerts.models import (
    Alert,
    AlertEvent,
    AlertState,
    NotAnAnomaly,
    RuleType,
)
from alerts.schedule import AHEAD, ESCALATE
from alerts.turns import timed
from alerts.types import Finding
from budgets.models import Budget, BudgetPeriod
from budgets.types import Crossing
from lib.errors import Invalid
from lib.humanize import clock, date_words
from lib.money import format_money
from lib.periods import day_of
from lib.queue import enqueue_at

ACKNOWLEDGED_FOR = timedelta(hours=4)  # where nothing else is said
LONGEST = timedelta(days=366)  # that an alert may be acknowledged or snoozed
_TOLD_AT_ONCE = 10  # alerts of one transaction whose messages are written right after
_ENDED_AT_ONCE = 50  # alerts of one transaction
_AT_ONCE_S = 0.5  # the longest that whoever charged waits for it
Event = AlertEvent.Kind


def observe(
    organization_id: int, crossings: Sequence[Crossing], *, now: datetime
) -> None:
    """Raise the alerts of the thresholds that spend has just passed.

    Call it in the transaction that charges: the alerts are committed with their cause.
    What the first ten tell is written right after it, by a worker if this process dies,
    as is what the others tell. Of several thresholds of one budget all are raised, and
    the highest tells for all. As many queries for thousands of budgets as for a few.
    """
    budget_ids = {crossing.budget_id for crossing in crossings}
    rows = Budget.objects.select_related("organization").filter(pk__in=budget_ids)
    budgets = {budget.pk: budget for budget in rows}
    rules = firing.rules_of(budgets.values())
    period_ids = {crossing.period_id for crossing in crossings}
    periods = BudgetPeriod.objects.in_bulk(period_ids)
    found: dict[int, list[Finding]] = defaultdict(list)
    for crossing in sorted(crossings, key=lambda one: (one.budget_id, -one.threshold)):
        rule = rules.get((crossing.budget_id, crossing.threshold))
        period = periods[crossing.period_id]
        if rule is None or period.ends_at <= now:
            continue  # no longer watched, or late usage of a period that is over
        budget = budgets[crossing.budget_id]
        finding = firing.finding_of_crossing(budget, crossing, period, rule, now)
        if finding is not None:
            found[budget.pk].append(finding)
    if not found:
        return
    firing.rearm_crossed(organization_id, found, now)
    raised = firing.raise_all(
        ((budgets[budget_id], findings) for budget_id, findings in found.items()),
        now=now,
    )
    telling = [alert.pk for alert in raised if alert.next_step_at][:_TOLD_AT_ONCE]
    if telling:
        told = partial(escalation.run_due, now, telling, most_s=_AT_ONCE_S)
        transaction.on_commit(told, robust=True)


@transaction.atomic
def raise_alert(
    organization: Organization, budget: Budget, finding: Finding, *, now: datetime
) -> Alert | None:
    """Raise the alert of *finding*; a worker tells it.

    None when there is one that is open or not re-armed, or its rule is cooling down.
    """
    budget.organization = organization
    raised = firing.raise_alerts(budget, [finding], now=now)
    return raised[0] if raised else None


@transaction.atomic
def raise_alerts(
    budget: Budget, findings: Sequence[Finding], *, now: datetime
) -> list[Alert]:
    """Raise the alerts of *findings*, all about one budget; return those that were.

    As `raise_`; the first that can be raised tells for all of them.
    """
    return firing.raise_alerts(budget, findings, now=now)


@transaction.atomic
def end(alert_ids: Iterable[int], *, now: datetime, why: str) -> int:
    """Resolve the alerts whose condition has ended, and re-arm them; return how many.

    One that a person resolved before is re-armed: it may fire again. One that nobody
    was told of yet is told first. *why* is a sentence for the timeline. As many queries
    for thousands of alerts of one organization as for one.
    """
    wanted = sorted(alert_ids)
    # All of them first, in the order in which whoever tells takes them, too.
    held = Alert.objects.select_for_update(no_key=True).filter(pk__in=wanted)
    list(held.order_by("pk").values_list("pk", flat=True))
    Alert.objects.filter(
        pk__in=wanted, resolved_at__isnull=False, rearmed_at=None
    ).update(rearmed_at=now)
    untold = Alert.objects.untold().filter(pk__in=wanted).order_by()
    escalation.tell_or_log(untold.values_list("pk", flat=True), now, ended=why)
    rows = Alert.objects.unresolved().with_names().filter(pk__in=wanted)
    ending = list(rows.order_by("pk"))
    fields = {**_resolved(now, by=""), "rearmed_at": now}
    Alert.objects.filter(pk__in=[alert.pk for alert in ending]).update(**fields)
    for alert in ending:
        for name, value in fields.items():
            setattr(alert, name, value)
    _record(ending, Event.RESOLVED, now, by="", text=why)
    escalation.tell_programs(ending, "resolved", now=now)
    return len(ending)


@transaction.atomic
def acknowledge(
    alert: Alert, *, by: str, until: datetime | None = None, now: datetime
) -> Alert:
    """Have *by* take care of the alert: nobody else is told before *until* (None: 4
    hours from now). If it is not resolved by then, the telling begins anew.

    Raises:
        AlreadyResolved: it is over.
        AnsweredMeanwhile: somebody answered it after *alert* was read.
        Invalid: *until* is past, or too far.
    """
    until = _sound(until or now + ACKNOWLEDGED_FOR, now)
    moved = _move(
        alert,
        state=AlertState.ACKNOWLEDGED,
        acknowledged_by=by,
        acknowledged_until=until,
        snoozed_until=None,
        next_step_at=None,
    )
    text = f"Until {_at(alert, until)}."
    _record(moved, Event.ACKNOWLEDGED, now, by=by, text=text)
    escalation.tell_programs([alert], "acknowledged", now=now)
    _come_back(until, now)
    return alert


@transaction.atomic
def snooze(alert: Alert, *, by: str, until: datetime, now: datetime) -> Alert:
    """Tell nobody anything before *until*; then the telling begins anew.

    Raises:
        AlreadyResolved, AnsweredMeanwhile, Invalid: as for `acknowledge`.
    """
    until = _sound(until, now)
    moved = _move(
        alert,
        state=AlertState.SNOOZED,
        acknowledged_by="",
        acknowledged_until=None,
        snoozed_until=until,
        next_step_at=None,
    )
    _record(moved, Event.SNOOZED, now, by=by, text=f"Until {_at(alert, until)}.")
    _come_back(until, now)
    return alert


@transaction.atomic
def resolve(alert: Alert, *, by: str, now: datetime) -> Alert:
    """Close the alert. It fires again once its condition has ended and come back.

    Raises:
        AlreadyResolved, AnsweredMeanwhile: as for `acknowledge`.
    """
    moved = _move(alert, **_resolved(now, by=by))
    _record(moved, Event.RESOLVED, now, by=by)
    escalation.tell_programs([alert], "resolved", now=now)
    return alert


@transaction.atomic
def not_an_anomaly(alert: Alert, *, by: str, now: datetime) -> Alert:
    """Close the alert, and remember that such a day, or hour, is usual for its budget:
    what it cost lies in the band by which the next one is judged.

    Raises:
        NotAnAnomalyAlert: it is about something else.
        AlreadyResolved, AnsweredMeanwhile: as for `acknowledge`.
    """
    if alert.type != RuleType.ANOMALY:
        raise NotAnAnomalyAlert("Only an unusual day can be called a usual one.")
    moved = _move(alert, **_resolved(now, by=by))
    day, hour_at = _day_of(alert), _hour_of(alert)
    numbers = alert.details.get("numbers") or alert.details
    cost = Decimal(str(numbers.get("cost", alert.value)))
    NotAnAnomaly.objects.update_or_create(
        organization_id=alert.organization_id,
        budget_id=alert.budget_id,
        day=day,
        hour_at=hour_at,
        defaults={"amount": cost, "said_by": by, "said_at": now},
    )
    step = f"{date_words(day)} was a usual day"
    if hour_at is not None:
        step = f"The hour from {_at(alert, hour_at)} on was a usual one"
    money = format_money(cost, alert.budget.currency)
    text = f"{step}: {money} is within what is usual from now on."
    _record(moved, Event.NOT_AN_ANOMALY, now, by=by, text=text)
    escalation.tell_programs([alert], "resolved", now=now)
    return alert


def come_back(now: datetime) -> int:
    """Have the telling of alerts begin anew whose acknowledgement lapsed or whose
    snooze is over; return how many.
    """
    rows = Alert.objects.to_take_up(now).order_by("pk")
    return sum(_fire_again(alert, now) for alert in rows)


def end_over(now: datetime, *, most_s: float | None = None) -> int:
    """Resolve the alerts of periods that are over; return how many.

    What nobody was told of yet is left: it is told, however late, before it ends.
    Begins nothing after *most_s*.
    """
    rows = Alert.objects.unresolved().filter(period_ends_at__lte=now)
    return end_told(rows, now=now, why="The period is over.", most_s=most_s)


def end_told(
    alerts: QuerySet[Alert], *, now: datetime, why: str, most_s: float | None = None
) -> int:
    """`end` those of *alerts* that somebody was told of, or nobody is to be.

    Some at a time, each in a transaction of its own; none is begun after *most_s*.
    """
    untold = Alert.objects.untold().order_by().values("pk")
    rows = alerts.exclude(pk__in=untold).order_by("pk")
    ids = rows.values_list("pk", flat=True)
    return sum(
        end(some, now=now, why=why) for some in timed(ids, _ENDED_AT_ONCE, most_s)
    )


def standing_of(alert: Alert) -> str:
    """Say in one sentence who answered *alert* last, and for how long it holds."""
    if alert.state == AlertState.RESOLVED and alert.resolved_at:
        at = _at(alert, alert.resolved_at)
        if not alert.resolved_by:
            return f"It ended by itself on {at}."
        return f"{alert.resolved_by} resolved it on {at}."
    if alert.state == AlertState.ACKNOWLEDGED and alert.acknowledged_until:
        until = _at(alert, alert.acknowledged_until)
        return f"{alert.acknowledged_by} has acknowledged it until {until}."
    if alert.state == AlertState.SNOOZED and alert.snoozed_until:
        return f"It is snoozed until {_at(alert, alert.snoozed_until)}."
    return "Nobody has acknowledged it yet."


def _move(alert: Alert, **fields: object) -> list[Alert]:
    """Change *alert* if it is still as it was read; bring it up to date either way.

    Returns it with those that it was told for: they are answered together.

    Raises:
        AlreadyResolved, AnsweredMeanwhile: it is not.
    """
    seen = {
        "state": alert.state,
        "acknowledged_by": alert.acknowledged_by,
        "acknowledged_until": alert.acknowledged_until,
        "snoozed_until": alert.snoozed_until,
    }
    moved = Alert.objects.unresolved().filter(pk=alert.pk, **seen).update(**fields)
    alert.refresh_from_db(fields=[*_MOVING])
    if moved:
        quiet = list(Alert.objects.told_by(alert).order_by("pk"))
        for other in quiet:
            Alert.objects.unresolved().filter(pk=other.pk).update(**fields)
        return [alert, *quiet]
    refusal = (
        AlreadyResolved if alert.state == AlertState.RESOLVED else AnsweredMeanwhile
    )
    raise refusal(standing_of(alert))


_MOVING = (
    "state",
    "acknowledged_by",
    "acknowledged_until",
    "snoozed_until",
    "resolved_at",
    "resolved_by",
    "rearmed_at",
    "steps",
    "next_step",
    "next_step_at",
)


def _resolved(now: datetime, *, by: str) -> dict[str, object]:
    return {
        "state": AlertState.RESOLVED,
        "resolved_at": now,
        "resolved_by": by,
        "snoozed_until": None,
        "next_step_at": None,
    }


def _record(
    alerts: Iterable[Alert], kind: str, now: datetime, *, by: str, text: str = ""
) -> None:
    AlertEvent.objects.bulk_create(
        event_of(alert, kind, now, text=text, by=by) for alert in alerts
    )


@transaction.atomic
def _fire_again(alert: Alert, now: datetime) -> int:
    was = alert.state
    rows = Alert.objects.filter(
        pk=alert.pk,
        state=was,
        acknowledged_until=alert.acknowledged_until,
        snoozed_until=alert.snoozed_until,
    )
    moved = rows.update(
        state=AlertState.FIRING,
        acknowledged_by="",
        acknowledged_until=None,
        snoozed_until=None,
        **escalation.restarted(alert, now),
    )
    if moved:
        lapsed = was == AlertState.ACKNOWLEDGED
        kind = Event.LAPSED if lapsed else Event.AWAKE
        text = f"{alert.acknowledged_by} had it." if lapsed else ""
        _record([alert], kind, now, by="", text=text)
    return moved


def _sound(until: datetime, now: datetime) -> datetime:
    if until <= now:
        raise Invalid.field("until", "Must be in the future.")
    if until > now + LONGEST:
        raise Invalid.field("until", "Must be within a year from now.")
    return until


def _come_back(until: datetime, now: datetime) -> None:
    if until <= now + AHEAD:
        enqueue_at(until, ESCALATE)


def _day_of(alert: Alert) -> date:
    """Return the day that the alert is about, in the budget's zone."""
    if hour_at := _hour_of(alert):
        return day_of(hour_at, ZoneInfo(alert.budget.timezone))
    if day := alert.details.get("day"):
        return date.fromisoformat(str(day))
    return day_of(alert.fired_at, ZoneInfo(alert.budget.timezone))


def _hour_of(alert: Alert) -> datetime | None:
    """Return when the hour began that the alert is about; None: it is about a day."""
    hour = alert.details.get("hour")
    return datetime.fromisoformat(str(hour)) if hour else None


def _at(alert: Alert, moment: datetime) -> str:
    zone = ZoneInfo(alert.budget.timezone)
    return f"{clock(moment, zone)} {zone.key}"
