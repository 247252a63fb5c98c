"""Telling people step by step, for as long as nobody acknowledges."""

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accounts.people import finance_admins
from alerts import messages
from alerts.events import event_of
from alerts.links import make_link
from alerts.models import Alert, AlertEvent, AlertState
from alerts.recipients import (
    READ_BY_PEOPLE,
    Address,
    address_of,
    channel_names,
    reached,
    reason_of,
    somebody,
    unheard,
    unreached,
)
from alerts.schedule import plan_next
from alerts.silences import silenced_until
from alerts.steps import AlertStep, step_key
from alerts.turns import timed
from approvals.limits import askers
from budgets.models import Budget
from budgets.owners import path_of
from lib.queue import gathering
from notifications.models import ChannelType, Delivery
from notifications.services import notify
from notifications.steps import (
    LadderStep,
    at_of,
    begun_anew,
    due,
    next_at,
)
from notifications.types import Message, Target

logger = logging.getLogger("alerts")

_TOLD_TOGETHER = 20  # alerts of one transaction
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
        return sum(_tell_some(some, now) for some in timed(ids, _TOLD_TOGETHER, most_s))


@transaction.atomic
def _tell_some(alert_ids: Iterable[int], now: datetime) -> int:
    # In the order in which all that move several alerts at once take them.
    return sum(tell_or_log(pk, now) for pk in sorted(alert_ids))


def tell_or_log(alert_id: int, now: datetime, *, ended: str = "") -> int:
    """`tell`, but for what can't be told: that is logged, and counts as nothing."""
    try:
        return tell(alert_id, now=now, ended=ended)
    except Exception:  # one broken alert must not keep the others from being told
        logger.exception("The due steps of alert %d could not be made.", alert_id)
        return 0


@transaction.atomic
def tell(alert_id: int, *, now: datetime, ended: str = "") -> int:
    """Make the steps of one alert that are due; return how many.

    Whoever moves `next_step` on has made the steps; the deliveries and the events are
    written in the same transaction. Nothing is told of an alert that is acknowledged,
    snoozed or resolved. *ended* is a sentence that says why it is about to end.
    """
    alert = Alert.objects.with_names().get(pk=alert_id)
    done = due(alert.steps, alert.next_step, _until(alert, now))
    path = path_of(alert.budget)
    silence = silenced_until(alert.organization_id, path, now)
    steps = alert.steps
    if silence is not None:
        steps = _after(steps, done, silence[0])
    if not _claimed(alert, steps, done, now):
        return 0
    numbers = range(alert.next_step, done)
    alert.steps, alert.next_step = steps, done
    if silence is not None:
        _record(alert, numbers, AlertEvent.Kind.SILENCED, silence[1], now)
    else:
        _note_drivers(alert, now)
        seen: set[Address] = set()
        for number in numbers:
            _make(alert, number, path, seen, now, ended)
    plan_next(alert.steps, done, now)
    return len(numbers)


def _until(alert: Alert, now: datetime) -> datetime:
    """Return until when steps count as due: none follows the end of the period.

    But for the first: whoever is told nothing until then is told late.
    """
    first = next_at(alert.steps, alert.next_step) or now
    return min(now, max(alert.period_ends_at, first))


def _claimed(alert: Alert, steps: list[LadderStep], done: int, now: datetime) -> int:
    """Move the alert past its due steps, unless another worker or an answer did."""
    rows = Alert.objects.filter(
        pk=alert.pk,
        next_step=alert.next_step,
        next_step_at__lte=now,
        state=AlertState.FIRING,
        resolved_at=None,
    )
    return rows.update(steps=steps, next_step=done, next_step_at=next_at(steps, done))


def _after(
    steps: list[LadderStep], done: int, silence_ends: datetime
) -> list[LadderStep]:
    """Have the telling begin anew when the silence ends, once no step is left in it."""
    following = next_at(steps, done)
    if following is not None and following < silence_ends:
        return steps
    return begun_anew(steps, done, silence_ends)


def _make(
    alert: Alert,
    number: int,
    path: Sequence[Budget],
    seen: set[Address],
    now: datetime,
    ended: str,
) -> None:
    """Write one step's deliveries and event; nobody in *seen* is told twice."""
    targets, missing = reached(alert.organization_id, alert.steps[number])
    left_out = unreached(alert.steps[number], targets)
    step = _without(alert, number, left_out)
    waiting = unheard(alert, targets)
    if waiting.issuperset(targets):
        targets += somebody(alert)
    fresh = [target for target in targets if address_of(target) not in seen]
    seen.update(address_of(target) for target in fresh)
    event = "escalated" if step["delay"] or step["run"] else "fired"
    late = now - at_of(step)
    base = messages.message_of(
        alert,
        event,
        now=now,
        reason=reason_of(alert, step),
        aside=messages.aside_of(alert, now, late=late >= LATE, ended=ended),
    )
    notify(
        alert.organization_id,
        fresh,
        _for_readers(alert, base, fresh, path, now),
        key=step_key(alert.uid, number),
        now=now,
    )
    told = len(targets) > len(waiting)
    text = _lacking(missing, left_out, waiting, is_anybody=told)
    if late < LATE:
        _record(alert, [number], AlertEvent.Kind.TOLD, text, now)
        return
    minutes = late // timedelta(minutes=1)
    text = f"Told {minutes} min late. {text}".rstrip()
    _record(alert, [number], AlertEvent.Kind.MISSED, text, now)
    raise_alarm(alert, number, f"was told {minutes} minutes late", now)


def _for_readers(
    alert: Alert,
    base: Message,
    targets: Sequence[Target],
    path: Sequence[Budget],
    now: datetime,
) -> Callable[[Target], Message]:
    """Return what writes *base* for one of *targets*: people get a link of their own,
    and those who may not change the budget the way to ask for more."""
    names = channel_names(targets)
    mailed = [one.recipient for one in targets if one.kind == ChannelType.EMAIL]
    asking = askers(path, mailed) if mailed else frozenset()
    wish = messages.wish_of(alert, base.event, now) if asking else None

    def message_for(target: Target) -> Message:
        if target.kind not in READ_BY_PEOPLE:
            return base
        person = target.recipient or names.get(target.channel_id or 0, target.kind)
        own = wish if target.recipient in asking else None
        return messages.for_reader(base, make_link(alert, person, now=now), own)

    return message_for


def _without(alert: Alert, number: int, left_out: Sequence[str]) -> AlertStep:
    """Return a step without those it can't reach: they are not to be listed as told."""
    step: AlertStep = alert.steps[number]
    if left_out:
        told = [one for one in step["recipients"] if one not in left_out]
        alert.steps[number] = step = AlertStep(**{**step, "recipients": told})
        Alert.objects.filter(pk=alert.pk).update(steps=alert.steps)
    return step


def _lacking(
    missing: Iterable[str],
    left_out: Iterable[str],
    waiting: Iterable[Target],
    *,
    is_anybody: bool,
) -> str:
    """Say what kept a step from reaching whom it names."""
    said = [
        "" if is_anybody else "There is nobody to tell.",
        f"Not set up: {', '.join(missing)}." if missing else "",
        f"Not told by its channels: {', '.join(left_out)}." if left_out else "",
        f"Has not confirmed: {', '.join(sorted(one.recipient for one in waiting))}."
        if waiting
        else "",
    ]
    return " ".join(filter(None, said))


def raise_alarm(alert: Alert, number: int, what: str, now: datetime) -> None:
    """Tell the organization's finance admins that a step did not run as it should.

    Of several within a minute one is mailed; the log names them all.
    """
    step = alert.steps[number]
    level = f"level {step['level']}" if step["level"] else "the first step"
    text = f"Escalation: {level} of “{alert}” {what}."
    logger.error("%s Due at %s.", text, step["at"])
    people = finance_admins(alert.organization_id)
    targets = [Target(ChannelType.EMAIL, recipient=person) for person in people]
    base = messages.message_of(alert, "escalated", now=now)
    message = Message(
        event="escalated",
        subject=base.subject,
        severity="critical",
        title=f"Escalation ran late: {base.title}",
        text=text,
        facts=(("Due", step["at"]), ("Told", ", ".join(step["recipients"]) or "-")),
        links=base.links,
        reason="You get this because you are a finance admin: alerts may come late.",
        payload=base.payload,
        variables=base.variables,
    )
    key = f"escalation-late:{now:%Y-%m-%dT%H:%M}"
    notify(alert.organization_id, targets, lambda _: message, key=key, now=now)


def _record(
    alert: Alert, numbers: Iterable[int], kind: str, text: str, now: datetime
) -> None:
    AlertEvent.objects.bulk_create(
        event_of(alert, kind, now, text=text, step=number) for number in numbers
    )


def _note_drivers(alert: Alert, now: datetime) -> None:
    """Keep what moved the alert, as it was when it was first told."""
    if "drivers" in alert.details:
        return
    alert.details = {**alert.details, "drivers": messages.noted_drivers(alert, now)}
    Alert.objects.filter(pk=alert.pk).update(details=alert.details)


def tell_programs(alert: Alert, event: str, *, now: datetime) -> None:
    """Tell the programs that heard of the alert what became of it.

    People are not told: whoever asks sees it, and one mail is enough for one crossing.
    """
    rows = Delivery.objects.filter(
        organization=alert.organization_id,
        subject=str(alert.uid),
        type__in=[ChannelType.PAGERDUTY, ChannelType.WEBHOOK],
        channel__enabled=True,
    )
    told = set(rows.values_list("type", "channel_id").order_by())
    if not told:
        return
    targets = [Target(kind, channel_id) for kind, channel_id in sorted(told)]
    message = messages.message_of(alert, event, now=now)
    key = f"alert:{alert.uid}:{event}:{now.timestamp()}"
    notify(alert.organization_id, targets, lambda _: message, key=key, now=now)


def restarted(alert: Alert, now: datetime) -> dict[str, Any]:
    """Return the fields of an alert whose telling begins anew at *now*."""
    steps = begun_anew(alert.steps, alert.next_step, now)
    return {"steps": steps, "next_step_at": next_at(steps, alert.next_step)}
