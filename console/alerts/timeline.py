"""What happened to an alert and what is still to come, in order, written out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from accounts.models import User
from alerts.models import Alert, AlertEvent, AlertState
from console.alerts.steps import rungs_of
from console.alerts.wording import step_words
from lib.humanize import ahead
from notifications.models import Delivery, DeliveryState

_KINDS = {
    AlertEvent.Kind.FIRED: "fired",
    AlertEvent.Kind.RESOLVED: "ended",
    AlertEvent.Kind.NOT_AN_ANOMALY: "ended",
}
_STEPS = {
    "done": " told",
    "due": "",
    "stopped": ": waits",
    "silenced": ": silenced by maintenance",
    "missed": ": missed",
}


@dataclass(frozen=True, slots=True)
class SentMessage:
    """One delivery: where it went, and how it ended."""

    to: str
    how: str
    state: str
    id: int


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One line; "" stands for what there is nothing to say."""

    kind: str  # fired, ended, said; of steps: done, due, stopped, silenced, missed
    at: datetime
    title: str
    text: str = ""
    by: str = ""  # who said it, or what is to be noted of a step
    sent: tuple[SentMessage, ...] = ()


def timeline_of(alert: Alert, *, now: datetime, user: User) -> list[TimelineEntry]:
    """Return the alert's events and the steps of its ladder, by time."""

    events = list(alert.events.all())
    noted = {event.step: event.text for event in events if event.step is not None}
    said = [
        TimelineEntry(
            kind=_KINDS.get(AlertEvent.Kind(event.kind), "said"),
            at=event.at,
            title=event.get_kind_display(),
            text=event.text,
            by="" if event.actor == "system" else event.actor,
        )
        for event in events
        if event.step is None
    ]
    steps = [
        TimelineEntry(
            kind=step["state"],
            at=step["at"],
            title=_level(step["level"]) + _state_words(step["state"], alert),
            text=step_words(step, user),
            by=noted.get(number, ""),
            sent=tuple(sent_of(step["deliveries"], now)),
        )
        for number, step in enumerate(rungs_of(alert))
    ]
    return sorted([*said, *steps], key=lambda entry: entry.at)


def _level(level: int) -> str:
    return f"Level {level}" if level else "The rule's people"


def _state_words(state: str, alert: Alert) -> str:
    if state == "stopped" and alert.state == AlertState.RESOLVED:
        return ": not needed any more"
    return _STEPS[state]


def sent_of(deliveries: Iterable[Delivery], now: datetime) -> Iterable[SentMessage]:
    for delivery in deliveries:
        yield SentMessage(
            to=str(delivery),
            how=_how(delivery, now),
            state=delivery.state,
            id=delivery.pk,
        )


def _how(delivery: Delivery, now: datetime) -> str:
    if delivery.state == DeliveryState.DELIVERED:
        return "delivered"
    if delivery.state == DeliveryState.FAILED:
        return f"failed: {delivery.error or 'no answer'}"
    if delivery.tries and delivery.next_attempt_at:
        again = ahead(delivery.next_attempt_at, now)
        return f"tried {delivery.tries} times, again {again}: {delivery.error}"
    return "waiting to be sent"
