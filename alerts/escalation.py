"""Telling people step by step, for as long as nobody acknowledges."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from alerts import messages
from alerts.ladder import (
    Step,
    at_of,
    begun_anew,
    due,
    next_at,
    own_step,
    steps_of,
)
from alerts.links import make_link
from alerts.models import Alert, AlertEvent, AlertState, EscalationPolicy
from alerts.people import Above, above, finance_admins, path_of
from alerts.silences import silenced_until
from budgets.models import Budget
from costops.lib.queue import enqueue_at
from notifications.models import Channel, ChannelType, Delivery
from notifications.services import notify, resolve
from notifications.types import Message, Target

logger = logging.getLogger("alerts")

ESCALATE = "alerts.tasks.escalate"
LATE = timedelta(minutes=5)  # after which a step counts as missed, and says so
AHEAD = timedelta(seconds=90)  # runs are asked for this long before; see `plan`
_STEP_KINDS = (
    AlertEvent.Kind.TOLD,
    AlertEvent.Kind.SILENCED,
    AlertEvent.Kind.MISSED,
)
_STATES = {
    AlertEvent.Kind.TOLD: "done",
    AlertEvent.Kind.SILENCED: "silenced",
    AlertEvent.Kind.MISSED: "missed",
}
_Address = tuple[str, str | int | None]
# Whose readers are people who can open a page; programs have the API.
_READ_BY_PEOPLE = {
    ChannelType.EMAIL,
    ChannelType.SLACK,
    ChannelType.SMS,
    ChannelType.APPRISE,
}


def policy_for(budget: Budget) -> EscalationPolicy | None:
    """Return the policy that *budget* follows: its own, the nearest above it, or the
    organization's. None: there is none, or the nearest is switched off.
    """
    policy = above(budget).policy
    return policy if policy is not None and policy.enabled else None


def frozen(
    standing: Above,
    told: Iterable[tuple[Sequence[str], Sequence[str]]],
    *,
    now: datetime,
) -> list[Step]:
    """Return the steps of a new alert: the rules' own people, then the policy's levels.

    *told* has channels and recipients of each rule that is told with it.
    """
    own: list[Step] = []
    for channels, recipients in told:
        names = list(channels) or [ChannelType.EMAIL.value]
        usual = not recipients
        people = recipients or (standing.usual if ChannelType.EMAIL in names else ())
        step = own_step(people, names, usual=usual)
        if step not in own:
            own.append(step)
    policy = standing.policy
    if policy is None or not policy.enabled:
        return steps_of(now, own, [], timezone="UTC")
    return steps_of(
        now,
        own,
        policy.levels,
        timezone=policy.timezone,
        holidays=policy.holidays,
        repeat=policy.repeat,
        repeat_after_s=policy.repeat_after_s,
    )


def due_alerts(now: datetime) -> QuerySet[Alert]:
    """Return the alerts of which a step is due, the longest waiting first."""
    rows = Alert.objects.filter(
        state=AlertState.FIRING,
        resolved_at=None,
        next_step_at__lte=now,
        period_ends_at__gt=now,
    )
    return rows.order_by("next_step_at", "pk")


def run_due(now: datetime, alert_ids: Iterable[int] | None = None) -> int:
    """Make every step that is due, or those of *alert_ids*; return how many.

    Any number of workers may do so at once: each step is made by one of them.
    """
    rows = due_alerts(now)
    if alert_ids is not None:
        rows = rows.filter(pk__in=list(alert_ids))
    return sum(_told_or_logged(pk, now) for pk in rows.values_list("pk", flat=True))


def _told_or_logged(alert_id: int, now: datetime) -> int:
    try:
        return tell(alert_id, now=now)
    except Exception:  # one broken alert must not keep the others from being told
        logger.exception("The due steps of alert %d could not be made.", alert_id)
        return 0


@transaction.atomic
def tell(alert_id: int, *, now: datetime) -> int:
    """Make the steps of one alert that are due; return how many.

    Whoever moves `next_step` on has made the steps; the deliveries and the events are
    written in the same transaction. Nothing is told of an alert that is acknowledged,
    snoozed or resolved.
    """
    rows = Alert.objects.select_related("budget", "organization")
    alert = rows.get(pk=alert_id)
    done = due(alert.steps, alert.next_step, now)
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
        seen: set[_Address] = set()
        for number in numbers:
            _make(alert, number, seen, now)
    plan_next(alert.steps, done, now)
    return len(numbers)


def _claimed(alert: Alert, steps: list[Step], done: int, now: datetime) -> int:
    """Move the alert past its due steps, unless another worker or an answer did."""
    rows = Alert.objects.filter(
        pk=alert.pk,
        next_step=alert.next_step,
        next_step_at__lte=now,
        state=AlertState.FIRING,
        resolved_at=None,
    )
    return rows.update(steps=steps, next_step=done, next_step_at=next_at(steps, done))


def _after(steps: list[Step], done: int, silence_ends: datetime) -> list[Step]:
    """Have the telling begin anew when the silence ends, once no step is left in it."""
    following = next_at(steps, done)
    if following is not None and following < silence_ends:
        return steps
    return begun_anew(steps, done, silence_ends)


def _make(alert: Alert, number: int, seen: set[_Address], now: datetime) -> None:
    """Write one step's deliveries and event; nobody in *seen* is told twice."""
    step: Step = alert.steps[number]
    targets, missing = reached(alert.organization_id, step)
    if not targets:
        targets = _somebody(alert)
    fresh = [target for target in targets if _address_of(target) not in seen]
    seen.update(_address_of(target) for target in fresh)
    event = "escalated" if step["delay"] or step["run"] else "fired"
    base = messages.message_of(alert, event, now=now, reason=_reason(alert, step))
    names = _channel_names(fresh)

    def message_for(target: Target) -> Message:
        if target.kind not in _READ_BY_PEOPLE:
            return base
        person = target.recipient or names.get(target.channel_id or 0, target.kind)
        return messages.for_reader(base, make_link(alert, person, now=now))

    notify(
        alert.organization_id, fresh, message_for, key=step_key(alert, number), now=now
    )
    late = now - at_of(step)
    text = f"Not set up: {', '.join(missing)}." if missing else ""
    if not targets:
        text = f"There is nobody to tell. {text}".rstrip()
    if late < LATE:
        _record(alert, [number], AlertEvent.Kind.TOLD, text, now)
        return
    minutes = late // timedelta(minutes=1)
    text = f"Told {minutes} min late. {text}".rstrip()
    _record(alert, [number], AlertEvent.Kind.MISSED, text, now)
    alarm(alert, number, f"was told {minutes} minutes late", now)


def _address_of(target: Target) -> _Address:
    return target.kind, target.recipient or target.channel_id


def reached(organization_id: int, step: Step) -> tuple[list[Target], tuple[str, ...]]:
    """Return whom *step* reaches, and the types that are not set up."""
    found = resolve(organization_id, step["channels"], step["recipients"])
    targets = list(found.targets)
    if step.get("usual") and step["recipients"]:
        # Nobody is named, so the organization's mail channels are meant as well.
        mail = resolve(organization_id, [ChannelType.EMAIL.value], [])
        if ChannelType.EMAIL in step["channels"]:
            known = {target.recipient for target in targets}
            targets += [one for one in mail.targets if one.recipient not in known]
    return targets, found.missing


def _somebody(alert: Alert) -> list[Target]:
    """Return who is told when a step leads to nobody: better they than no one."""
    mail = [ChannelType.EMAIL.value]
    usual = above(alert.budget).usual or finance_admins(alert.organization_id)
    return list(resolve(alert.organization_id, mail, usual).targets)


def step_key(alert: Alert, number: int) -> str:
    """Return the key of a step's deliveries."""
    return f"alert:{alert.uid}:{number}"


def _note_drivers(alert: Alert, now: datetime) -> None:
    """Keep what moved the alert, as it was when it was first told."""
    if "drivers" in alert.details:
        return
    alert.details = {**alert.details, "drivers": messages.noted_drivers(alert, now)}
    Alert.objects.filter(pk=alert.pk).update(details=alert.details)


def _reason(alert: Alert, step: Step) -> str:
    name = alert.budget.name
    if step["level"]:
        return (
            f"You get this because level {step['level']} of the escalation of {name} "
            "names you. The budget's page says who is told when."
        )
    if step.get("usual"):
        return (
            f"You get this because you look after {name}. The alert rules on the "
            "budget's page say who is told instead."
        )
    return (
        f"You get this because an alert rule of {name} names you. The rules on the "
        "budget's page say who is told."
    )


def _channel_names(targets: Iterable[Target]) -> dict[int, str]:
    ids = [one.channel_id for one in targets if one.channel_id and not one.recipient]
    if not ids:
        return {}
    return dict(Channel.objects.filter(pk__in=ids).values_list("pk", "name"))


def _record(
    alert: Alert, numbers: Iterable[int], kind: str, text: str, now: datetime
) -> None:
    AlertEvent.objects.bulk_create(
        AlertEvent(
            organization_id=alert.organization_id,
            alert=alert,
            kind=kind,
            at=now,
            text=text[:500],
            step=number,
        )
        for number in numbers
    )


def alarm(alert: Alert, number: int, what: str, now: datetime) -> None:
    """Tell the organization's finance admins that a step did not run as it should."""
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
    key = f"{step_key(alert, number)}:late"
    notify(alert.organization_id, targets, lambda _: message, key=key, now=now)


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


@dataclass(frozen=True, slots=True)
class _Happened:
    kind: str
    at: datetime


def ladder(alert: Alert) -> list[dict[str, Any]]:
    """Return the steps as they are shown, in order of time. Two queries.

    Each has level, at (when it was made, or is due), recipients, channels, state (done,
    silenced, missed, due, stopped) and deliveries.
    """
    events = alert.events.filter(kind__in=_STEP_KINDS, step__isnull=False)
    happened = {one.step: _Happened(one.kind, one.at) for one in events}
    sent: dict[str, list[Delivery]] = {}
    rows = Delivery.objects.filter(
        organization=alert.organization_id, subject=str(alert.uid)
    )
    for delivery in rows.select_related("channel").order_by("pk"):
        sent.setdefault(_step_of(delivery.key), []).append(delivery)
    shown = []
    for number, step in enumerate(alert.steps):
        was = happened.get(number)
        shown.append(
            {
                "level": step["level"],
                "at": was.at if was else at_of(step),
                "recipients": step["recipients"],
                "channels": step["channels"],
                "state": _STATES[AlertEvent.Kind(was.kind)] if was else _left(alert),
                "deliveries": sent.get(step_key(alert, number), []),
            }
        )
    return shown


def _left(alert: Alert) -> str:
    return "due" if alert.state == AlertState.FIRING else "stopped"


def _step_of(key: str) -> str:
    """Return the `step_key` that a delivery's key begins with."""
    return ":".join(key.split(":")[:3])


def plan_next(steps: Sequence[Step], done: int, now: datetime) -> None:
    """Have a worker come in time for the next step, if it is close."""
    moment = next_at(steps, done)
    if moment is not None and moment <= now + AHEAD:
        enqueue_at(max(moment, now), ESCALATE)


def plan(now: datetime) -> int:
    """Have workers come at the moments of the coming 90 seconds; return how many.

    Called every minute, it keeps every step, lapse and waking on time, to about a
    second, without a row in the queue for what is far away.
    """
    coming = Alert.objects.filter(resolved_at=None)
    moments: set[datetime] = set()
    for field in ("next_step_at", "acknowledged_until", "snoozed_until"):
        near = coming.filter(Q(**{f"{field}__gt": now, f"{field}__lte": now + AHEAD}))
        whole = near.order_by().values_list(field, flat=True).distinct()
        moments |= {_whole_second(moment) for moment in whole if moment}
    for moment in sorted(moments):
        enqueue_at(moment, ESCALATE)
    return len(moments)


def _whole_second(moment: datetime) -> datetime:
    cut = moment.replace(microsecond=0)
    return cut if cut == moment else cut + timedelta(seconds=1)
