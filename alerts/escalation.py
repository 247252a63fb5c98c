"""Telling people step by step, for as long as nobody acknowledges."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accounts.people import finance_admins
from alerts import messages
from alerts.events import event_of
from alerts.letters import Telling, write
from alerts.models import Alert, AlertEvent
from alerts.recipients import (
    Address,
    address_of,
    reached,
    somebody,
    unheard,
    unreached,
)
from alerts.schedule import plan_next
from alerts.steps import ALERT_KEYS, AlertStep
from alerts.surroundings import Surroundings
from alerts.turns import timed
from budgets.status import statuses
from lib.queue import gathering
from notifications.models import ChannelType, Delivery
from notifications.services import notify, notify_each
from notifications.steps import (
    LadderStep,
    at_of,
    begun_anew,
    due,
    next_at,
)
from notifications.types import Letter, Message, Target

logger = logging.getLogger("alerts")

_TOLD_TOGETHER = 100  # alerts of one transaction
_MINUTE = timedelta(minutes=1)
LATE = timedelta(minutes=5)  # after which a step counts as missed, and says so


def run_due(
    now: datetime,
    alert_ids: Iterable[int] | None = None,
    *,
    most_s: float | None = None,
) -> int:
    """Make every step that is due, or those of *alert_ids*; return how many.

    Any number of workers may do so at once: each step is made by one of them. Nothing
    is begun after *most_s*, but what comes first. What is to be sent is told once to
    those who send.
    """
    rows = Alert.objects.with_step_due(now)
    if alert_ids is not None:
        rows = rows.filter(pk__in=list(alert_ids))
    ids = rows.values_list("pk", flat=True)
    with gathering():
        pieces = timed(ids, _TOLD_TOGETHER, most_s)
        return sum(tell_or_log(some, now) for some in pieces)


def tell_or_log(alert_ids: Iterable[int], now: datetime, *, ended: str = "") -> int:
    """`tell`, but for what can't be told: that is logged, and counts as nothing.

    Where they can't be told together they are told one by one.
    """
    wanted = sorted(alert_ids)
    try:
        return tell(wanted, now=now, ended=ended)
    except Exception:  # one broken alert must not keep the others from being told
        if len(wanted) == 1:
            logger.exception("The due steps of alert %d could not be made.", *wanted)
            return 0
    return sum(tell_or_log([pk], now, ended=ended) for pk in wanted)


@transaction.atomic
def tell(alert_ids: Iterable[int], *, now: datetime, ended: str = "") -> int:
    """Make the steps of alerts that are due; return how many.

    The alerts are held, in one order: of several workers one makes their steps, and who
    answers waits for it. The deliveries and the events are written in the same
    transaction. Nothing is told of an alert that is acknowledged, snoozed or resolved.
    *ended* is a sentence that says why they are about to end. As many queries for
    thousands of alerts as for one, but for what the database takes at a time.
    """
    rows = Alert.objects.stepping(now).filter(pk__in=list(alert_ids))
    held = rows.with_names().select_for_update(of=("self",), no_key=True)
    by_organization: dict[int, list[Alert]] = defaultdict(list)
    for alert in held.order_by("pk"):
        by_organization[alert.organization_id].append(alert)
    return sum(_tell(alerts, now, ended) for alerts in by_organization.values())


def _tell(alerts: Sequence[Alert], now: datetime, ended: str) -> int:
    """Make the due steps of *alerts*, which are held and of one organization."""
    around = Surroundings(alerts, now)
    spoken: list[tuple[Alert, range]] = []
    events: list[AlertEvent] = []
    made = 0
    for alert in alerts:
        done = due(alert.steps, alert.next_step, _until(alert, now))
        numbers = range(alert.next_step, done)
        silence = around.silence_over(alert)
        if silence is None:
            spoken.append((alert, numbers))
        else:
            alert.steps = _after(alert.steps, done, silence[0])
            events += _silenced(alert, numbers, silence[1], now)
        alert.next_step, alert.next_step_at = done, next_at(alert.steps, done)
        made += len(numbers)
    _note_drivers([alert for alert, _ in spoken], now)
    events += _speak(spoken, around, ended)
    Alert.objects.bulk_update(alerts, _MOVED)
    AlertEvent.objects.bulk_create(events)
    plan_next(alerts, now)
    return made


def _silenced(
    alert: Alert, numbers: Iterable[int], why: str, now: datetime
) -> list[AlertEvent]:
    kind = AlertEvent.Kind.SILENCED
    return [event_of(alert, kind, now, text=why, step=number) for number in numbers]


_MOVED = ("steps", "next_step", "next_step_at", "details")


def _until(alert: Alert, now: datetime) -> datetime:
    """Return until when steps count as due: none follows the end of the period.

    But for the first: whoever is told nothing until then is told late.
    """
    first = next_at(alert.steps, alert.next_step) or now
    return min(now, max(alert.period_ends_at, first))


def _after(
    steps: list[LadderStep], done: int, silence_ends: datetime
) -> list[LadderStep]:
    """Have the telling begin anew when the silence ends, once no step is left in it."""
    following = next_at(steps, done)
    if following is not None and following < silence_ends:
        return steps
    return begun_anew(steps, done, silence_ends)


def _speak(
    spoken: Iterable[tuple[Alert, range]], around: Surroundings, ended: str
) -> list[AlertEvent]:
    """Write what these steps tell; return the events that say so, not saved yet."""
    tellings = [
        _telling(alert, number, around)
        for alert, numbers in spoken
        for number in numbers
    ]
    targets = [target for one in tellings for target in one.targets]
    waiting = unheard(around.organization.pk, targets)
    seen: set[tuple[int, Address]] = set()
    for one in tellings:
        one.waiting = waiting.intersection(one.targets)
        if one.waiting.issuperset(one.targets):
            one.targets += somebody(around, one.alert)
        for target in one.targets:
            place = one.alert.pk, address_of(target)
            if place not in seen:
                seen.add(place)
                one.fresh.append(target)
        one.aside = messages.aside_of(
            one.alert, around.now, late=bool(_late_by(one, around.now)), ended=ended
        )
    write(tellings, around)
    raise_alarms(
        [
            (one.alert, one.number, f"was told {late // _MINUTE} minutes late")
            for one in tellings
            if (late := _late_by(one, around.now)) is not None
        ],
        around.now,
    )
    return [_event_of(one, around.now) for one in tellings]


def _telling(alert: Alert, number: int, around: Surroundings) -> Telling:
    """Return whom a step reaches; who is not reached is not to be listed as told."""
    step: AlertStep = alert.steps[number]
    targets, missing = reached(around, step)
    left_out = unreached(step, targets)
    if left_out:
        told = [one for one in step["recipients"] if one not in left_out]
        alert.steps[number] = AlertStep(**{**step, "recipients": told})
    return Telling(alert, number, targets, missing, left_out)


def _late_by(telling: Telling, now: datetime) -> timedelta | None:
    """Return by how much a step is late; None: it is on time."""
    late = now - at_of(telling.step)
    return late if late >= LATE else None


def _event_of(telling: Telling, now: datetime) -> AlertEvent:
    late = _late_by(telling, now)
    kind = AlertEvent.Kind.TOLD
    text = _lacking(telling)
    if late is not None:
        kind = AlertEvent.Kind.MISSED
        text = f"Told {late // _MINUTE} min late. {text}".rstrip()
    return event_of(telling.alert, kind, now, text=text, step=telling.number)


def _lacking(telling: Telling) -> str:
    """Say what kept a step from reaching whom it names."""
    missing, left_out, waiting = telling.missing, telling.left_out, telling.waiting
    is_anybody = len(telling.targets) > len(waiting)
    said = [
        "" if is_anybody else "There is nobody to tell.",
        f"Not set up: {', '.join(missing)}." if missing else "",
        f"Not told by its channels: {', '.join(left_out)}." if left_out else "",
        f"Has not confirmed: {', '.join(sorted(one.recipient for one in waiting))}."
        if waiting
        else "",
    ]
    return " ".join(filter(None, said))


def raise_alarms(alerts: Sequence[tuple[Alert, int, str]], now: datetime) -> None:
    """Tell the finance admins that steps of their organization's alerts did not run as
    they should: of each alert, the number of the step, and what happened to it.

    Of several within a minute one is mailed; the log names them all.
    """
    said = []
    for alert, number, what in alerts:
        step = alert.steps[number]
        level = f"level {step['level']}" if step["level"] else "the first step"
        said.append(f"Escalation: {level} of “{alert}” {what}.")
        logger.error("%s Due at %s.", said[-1], step["at"])
    if not alerts:
        return
    alert, number, _ = alerts[0]
    step = alert.steps[number]
    people = finance_admins(alert.organization_id)
    targets = [Target(ChannelType.EMAIL, recipient=person) for person in people]
    base = messages.message_of(alert, "escalated", now=now)
    message = Message(
        event="escalated",
        subject=base.subject,
        severity="critical",
        title=f"Escalation ran late: {base.title}",
        text=said[0],
        facts=(("Due", step["at"]), ("Told", ", ".join(step["recipients"]) or "-")),
        links=base.links,
        reason="You get this because you are a finance admin: alerts may come late.",
        payload=base.payload,
        variables=base.variables,
    )
    key = f"escalation-late:{now:%Y-%m-%dT%H:%M}"
    notify(alert.organization_id, targets, lambda _: message, key=key, now=now)


def _note_drivers(alerts: Sequence[Alert], now: datetime) -> None:
    """Keep what moved each alert, as it was when it was first told. Not saved yet."""
    drivers = messages.drivers_noted(alerts, now)
    for alert in alerts:
        alert.details = {**alert.details, "drivers": drivers[alert.pk]}


def tell_programs(alerts: Iterable[Alert], event: str, *, now: datetime) -> None:
    """Tell the programs that heard of each of *alerts* what became of it.

    People are not told: whoever asks sees it, and one mail is enough for one crossing.
    As many queries for thousands of alerts of one organization as for one.
    """
    by_organization: dict[int, dict[str, Alert]] = defaultdict(dict)
    for alert in alerts:
        by_organization[alert.organization_id][str(alert.uid)] = alert
    for organization_id, own in by_organization.items():
        _tell_programs(organization_id, own, event, now)


def _tell_programs(
    organization_id: int, by_uid: Mapping[str, Alert], event: str, now: datetime
) -> None:
    rows = Delivery.objects.filter(
        organization=organization_id,
        subject__in=by_uid,
        type__in=[ChannelType.PAGERDUTY, ChannelType.WEBHOOK],
        channel__enabled=True,
    )
    heard = sorted(set(rows.values_list("subject", "type", "channel_id").order_by()))
    told = [by_uid[uid] for uid in dict.fromkeys(uid for uid, *_ in heard)]
    if not told:
        return
    standing = statuses(
        {alert.budget_id: alert.budget for alert in told}.values(),
        told[0].organization,
        at=now,
    )
    texts = {
        _key(alert, event, now): messages.message_of(
            alert, event, now=now, status=standing[alert.budget_id]
        )
        for alert in told
    }
    letters = [
        Letter(_key(by_uid[uid], event, now), Target(kind, channel_id))
        for uid, kind, channel_id in heard
    ]
    notify_each(
        organization_id,
        letters,
        lambda new: [texts[letter.key] for letter in new],
        now=now,
    )


def _key(alert: Alert, event: str, now: datetime) -> str:
    return f"{ALERT_KEYS}{alert.uid}:{event}:{now.timestamp()}"


def restarted(alert: Alert, now: datetime) -> dict[str, Any]:
    """Return the fields of an alert whose telling begins anew at *now*."""
    steps = begun_anew(alert.steps, alert.next_step, now)
    return {"steps": steps, "next_step_at": next_at(steps, alert.next_step)}
