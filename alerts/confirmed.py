"""What was held back from somebody outside until they confirmed is told them then.

What still fires is told as it stands by now, with a link to answer it. The rest is one
summary: it needs no answer any more, and is still news.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from functools import partial
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction

from alerts import messages
from alerts.events import event_of
from alerts.links import make_link
from alerts.models import Alert, AlertEvent, AlertState
from alerts.silences import silenced_until
from budgets.owners import path_of
from lib.humanize import clock
from notifications.models import ChannelType, Delivery, Outsider
from notifications.outsiders import held_back_from, note_told
from notifications.services import notify
from notifications.types import Message, Target

MOST_TOLD = 10  # alerts that get a mail of their own; the summary has the others
_MOST_NAMED = 30  # in a summary
_REASON = (
    "You get this because somebody named this address and it has been confirmed since; "
    "before that nothing was mailed here."
)


@transaction.atomic
def tell_held(outsider: Outsider, *, now: datetime) -> int:
    """Tell *outsider*, who has confirmed, what was held back; return of how much.

    Safe to repeat, and for several at once: each of it is told once. What a silence
    keeps back waits for its end.
    """
    held = held_back_from(outsider, now)
    firing = {str(one.uid): one for one in _firing(outsider.organization_id, held, now)}
    silent = {uid for uid, one in firing.items() if _is_silenced(one, now)}
    told = [one for one in held if one.subject not in silent]
    if not told:
        return 0
    alone = [uid for uid in firing if uid not in silent][:MOST_TOLD]
    for uid in alone:
        _tell(firing[uid], outsider, now)
    if rest := [one for one in told if one.subject not in alone]:
        _sum_up(rest, outsider, now)
    note_told(told, now=now)
    return len({one.subject for one in told})


def _firing(
    organization_id: int, held: Iterable[Delivery], now: datetime
) -> Iterable[Alert]:
    """Return the alerts that *held* are of and that nobody has answered, in order."""
    rows = Alert.objects.with_names().unresolved().filter(state=AlertState.FIRING)
    return rows.filter(
        organization=organization_id,
        uid__in=_uids({one.subject for one in held}),
        period_ends_at__gt=now,
    ).order_by("-fired_at", "-pk")


def _uids(subjects: Collection[str]) -> list[UUID]:
    found = []
    for subject in subjects:
        try:
            found.append(UUID(subject))
        except ValueError:
            continue  # it is of no alert
    return found


def _is_silenced(alert: Alert, now: datetime) -> bool:
    path = path_of(alert.budget)
    return silenced_until(alert.organization_id, path, now) is not None


def _tell(alert: Alert, outsider: Outsider, now: datetime) -> None:
    aside = messages.aside_of(alert, now, late=True)
    base = messages.message_of(alert, "fired", now=now, reason=_REASON, aside=aside)
    link = make_link(alert, outsider.address, now=now)
    _mail(
        outsider,
        messages.for_reader(base, link),
        key=f"confirmed:{outsider.uid}:{alert.uid}",
        now=now,
    )
    text = f"{outsider.address} has confirmed and is told now."
    event_of(alert, AlertEvent.Kind.TOLD, now, text=text).save()


def _sum_up(held: Collection[Delivery], outsider: Outsider, now: datetime) -> None:
    """Mail the titles of *held*, those of each alert once."""
    zone = ZoneInfo(outsider.organization.timezone)
    latest = {one.subject: one for one in held}
    named = list(latest.values())[-_MOST_NAMED:]
    more = len(latest) - len(named)
    message = Message(
        event="confirmed",
        subject=f"recipient-{outsider.uid}",
        severity="info",
        title=f"What {outsider.organization.name} did not mail you until now",
        text="This is over or was answered by others; nothing is asked of you."
        + (f" {more} earlier ones are left out." if more else ""),
        facts=tuple(
            (f"{clock(one.created_at, zone)} {zone.key}", one.message["title"])
            for one in named
        ),
        reason=_REASON,
    )
    first = min(one.pk for one in held)
    _mail(outsider, message, key=f"held:{outsider.uid}:{first}", now=now)


def _mail(outsider: Outsider, message: Message, *, key: str, now: datetime) -> None:
    target = Target(ChannelType.EMAIL, recipient=outsider.address)
    notify(
        outsider.organization_id, [target], partial(_same, message), key=key, now=now
    )


def _same(message: Message, target: Target) -> Message:
    return message
