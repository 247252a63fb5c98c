"""Who is reached by which names, and writing down what is to be sent to them."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, time
from functools import partial
from hashlib import sha256
from zoneinfo import ZoneInfo

from django.db import models, transaction
from django.utils import timezone

from lib.errors import Conflict, FieldError, Invalid
from lib.queue import enqueue_once
from notifications import mail_limits, outsiders
from notifications.addresses import is_number
from notifications.models import (
    Channel,
    ChannelType,
    Delivery,
    DeliveryState,
    Outsider,
    Preference,
)
from notifications.quiet_hours import MailWish, earliest, is_together
from notifications.types import Letter, Message, Resolved, Target, packed

DELIVER = "notifications.tasks.deliver"
_LONGEST_KEY = 255
_DIALLED = {ChannelType.SMS, ChannelType.PHONE}
_WITH_ADDRESSES = {ChannelType.EMAIL, *_DIALLED}


class BeingSent(Conflict):
    """A worker is sending this very delivery."""

    code = "delivery_being_sent"


def enabled_channels(organization_id: int) -> list[Channel]:
    """Return the organization's channels that are in use, in order. One query."""
    return list(Channel.objects.filter(organization=organization_id, enabled=True))


def resolve(
    organization_id: int,
    names: Sequence[str],
    recipients: Sequence[str],
    channels_of: Callable[[int], Sequence[Channel]] = enabled_channels,
) -> Resolved:
    """Return where channels named by type or by name lead to; one query at most.

    "email" leads to the mail addresses among *recipients*, and nowhere without any: a
    channel of email is told where it is named. "sms" and "phone" lead to the numbers
    among them, without any to those of the channels of the type; any other type leads
    to all its channels that are enabled; a name to that channel, and one of email to
    the addresses as well. No target comes twice. Unknown names lead nowhere and are
    not told apart here: see `unknown_names`. Who resolves much gives the channels that
    it has read, by *channels_of*.
    """
    asked = _clean(recipients)
    people = [
        Target(ChannelType.EMAIL, recipient=one) for one in asked if not is_number(one)
    ]
    numbers = [one for one in asked if is_number(one)]
    channels = (
        channels_of(organization_id)
        if any(name != ChannelType.EMAIL for name in names)
        else []
    )
    targets: dict[tuple[str, str | int | None], Target] = {}
    missing = []
    for name in dict.fromkeys(names):
        found = _led_to(name, channels, people, numbers)
        if not found and name in ChannelType.values:
            missing.append(name)
        for target in found:
            targets.setdefault(_address_of(target), target)
    return Resolved(tuple(targets.values()), tuple(missing))


def _led_to(
    name: str, channels: Iterable[Channel], people: list[Target], numbers: list[str]
) -> list[Target]:
    if name == ChannelType.EMAIL:
        return people
    if name in ChannelType.values:
        meant = [channel for channel in channels if channel.type == name]
        if name in _DIALLED and numbers:
            return [Target(one.type, one.pk, to) for one in meant[:1] for to in numbers]
    else:
        meant = [channel for channel in channels if channel.name == name]
        if any(channel.type == ChannelType.EMAIL for channel in meant):
            return [target for one in meant for target in _targets_of(one)] + people
    return [target for channel in meant for target in _targets_of(channel)]


def _targets_of(channel: Channel) -> list[Target]:
    if channel.type not in _WITH_ADDRESSES:
        return [Target(channel.type, channel.pk)]
    addresses = channel.config.get("recipients", [])
    return [Target(channel.type, channel.pk, one) for one in _clean(addresses)]


def _clean(addresses: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(one.strip().lower() for one in addresses if one.strip()))


def _address_of(target: Target) -> tuple[str, str | int | None]:
    return target.kind, target.recipient or target.channel_id


def unknown_names(organization_id: int, names: Iterable[str]) -> list[str]:
    """Return the *names* that are neither a type nor a channel of the organization."""
    asked = [name for name in dict.fromkeys(names) if name not in ChannelType.values]
    if not asked:
        return []
    known = Channel.objects.filter(organization=organization_id, name__in=asked)
    named = set(known.values_list("name", flat=True))
    return [name for name in asked if name not in named]


def refuse_unknown(organization_id: int, places: Sequence[tuple[str, str]]) -> None:
    """Refuse names that lead nowhere; *places* are fields, with the name in each.

    Raises:
        Invalid: of each such field.
    """
    unknown = set(unknown_names(organization_id, [name for _, name in places]))
    known = ", ".join(ChannelType.values)
    errors = tuple(
        FieldError(
            attr,
            "unknown_channel",
            f"There is no channel “{name}”. Use one of {known}, or the name of a "
            "channel of the organization.",
        )
        for attr, name in places
        if name in unknown
    )
    if errors:
        raise Invalid(errors[0].detail, errors=errors)


def validate_names(
    organization_id: int, names: Iterable[str], *, attr: str = "channels"
) -> None:
    """Refuse names that lead nowhere; a known type that is not set up yet is fine.

    Raises:
        Invalid: of *attr*.
    """
    if unknown := unknown_names(organization_id, names):
        known = ", ".join(ChannelType.values)
        raise Invalid.field(
            attr,
            f"There is no channel “{unknown[0]}”. Use one of {known}, or the name of "
            "a channel of the organization.",
        )


def notify(
    organization_id: int,
    targets: Iterable[Target],
    message_for: Callable[[Target], Message],
    *,
    key: str,
    now: datetime | None = None,
) -> list[Delivery]:
    """Write a delivery to each of *targets* into the present transaction.

    What is written goes out if and only if that commits. The same *key* reaches the
    same address once, however often this is called; *message_for* is asked only for
    addresses that are new. Returns the deliveries of all targets, in no order.
    """
    letters = [Letter(key, target) for target in targets]
    return notify_each(
        organization_id,
        letters,
        lambda new: [message_for(one.target) for one in new],
        now=now,
    )


@transaction.atomic
def notify_each(
    organization_id: int,
    letters: Iterable[Letter],
    messages_for: Callable[[Sequence[Letter]], Sequence[Message]],
    *,
    now: datetime | None = None,
) -> list[Delivery]:
    """`notify` of many things in one go: *messages_for* is asked once, for all that is
    new, and answers in that order."""
    moment = now or timezone.now()
    wanted = {_key_of(one.key, one.target): one for one in letters}
    there = set(_keyed(organization_id, wanted).values_list("key", flat=True))
    new = sorted(wanted.keys() - there)
    if new:
        wishes = _wishes_of(organization_id, [wanted[name].target for name in new])
        messages = messages_for([wanted[name] for name in new])
        rows = [
            _delivery(
                organization_id, name, wanted[name].target, message, moment, wishes
            )
            for name, message in zip(new, messages, strict=True)
        ]
        _keep_to_limit(organization_id, rows, moment)
        outside = outsiders.hold_back(organization_id, rows, moment)
        Delivery.objects.bulk_create(rows, ignore_conflicts=True)
        _ask(outsiders.to_ask(organization_id, outside, moment), moment)
        enqueue_once(DELIVER)
    return list(_keyed(organization_id, wanted))


def untold(
    organization_id: int, targets: Iterable[Target], *, key: str
) -> list[Target]:
    """Return to which of *targets* nothing was written by *key* yet. One query."""
    wanted = {_key_of(key, target): target for target in targets}
    there = set(_keyed(organization_id, wanted).values_list("key", flat=True))
    return [target for name, target in wanted.items() if name not in there]


def ask_outsiders(
    organization_id: int, addresses: Iterable[str], *, now: datetime
) -> list[str]:
    """Mail those of *addresses* that are outside one question, if they never got it.

    Returns who has not confirmed yet, sorted. Call it when they are named.
    """
    waiting = outsiders.unconfirmed(organization_id, addresses)
    _ask(outsiders.to_ask(organization_id, waiting, now), now)
    return sorted(waiting)


@transaction.atomic
def ask_again(outsider: Outsider, *, now: datetime) -> None:
    """Mail the question once more, at most once a day.

    Raises:
        NothingToAsk: they have answered, or were asked a moment ago.
    """
    outsiders.ask_again(outsider, now=now)
    _ask([outsider], now)


def _ask(asked: Iterable[Outsider], now: datetime) -> None:
    for outsider in asked:
        question = outsiders.question_to(outsider, now)
        notify(
            outsider.organization_id,
            [Target(ChannelType.EMAIL, recipient=outsider.address)],
            partial(_same, question),
            key=f"confirm:{outsider.uid}:{now:%Y-%m-%dT%H:%M}",
            now=now,
        )


def _same(message: Message, target: Target) -> Message:
    return message


def _keep_to_limit(
    organization_id: int, rows: Iterable[Delivery], now: datetime
) -> None:
    """Put the mails of channels off where there were too many in the last hour."""
    mails = [
        row
        for row in rows
        if row.type == ChannelType.EMAIL and row.channel_id is not None
    ]
    if not mails:
        return
    wait = mail_limits.waits_of(organization_id, len(mails), now=now)
    if wait is not None:
        for mail in mails:
            mail_limits.put_off(mail, wait, now=now)


def _keyed(organization_id: int, keys: Collection[str]) -> models.QuerySet[Delivery]:
    return Delivery.objects.filter(organization=organization_id, key__in=keys)


def _key_of(key: str, target: Target) -> str:
    kind, address = _address_of(target)
    full = f"{key}:{kind}:{address}"
    if len(full) <= _LONGEST_KEY:
        return full
    digest = sha256(full.encode()).hexdigest()
    return f"{full[: _LONGEST_KEY - len(digest) - 1]}:{digest}"


def _delivery(
    organization_id: int,
    key: str,
    target: Target,
    message: Message,
    now: datetime,
    wishes: dict[str, MailWish],
) -> Delivery:
    wish = wishes.get(target.recipient) if target.kind == ChannelType.EMAIL else None
    return Delivery(
        organization_id=organization_id,
        key=key,
        channel_id=target.channel_id,
        type=target.kind,
        recipient=target.recipient,
        subject=message.subject,
        message=packed(message),
        created_at=now,
        next_attempt_at=earliest(wish, message.severity, now) if wish else now,
        together=wish is not None and is_together(wish, message.severity),
    )


def _wishes_of(organization_id: int, targets: Iterable[Target]) -> dict[str, MailWish]:
    people = [one.recipient for one in targets if one.kind == ChannelType.EMAIL]
    if not people:
        return {}
    found = Preference.objects.filter(
        organization=organization_id, recipient__in=people
    )
    return {preference.recipient: wish_of(preference) for preference in found}


def wish_of(preference: Preference) -> MailWish:
    quiet: tuple[time, time] | None = None
    if preference.quiet_from is not None and preference.quiet_until is not None:
        quiet = preference.quiet_from, preference.quiet_until
    return MailWish(
        zone=ZoneInfo(preference.timezone),
        digest=preference.digest,
        quiet=quiet,
        critical_at_once=preference.critical_at_once,
    )


@transaction.atomic
def redeliver(delivery: Delivery, *, now: datetime) -> Delivery:
    """Have *delivery* sent once more, now, whatever became of it.

    Raises:
        BeingSent: a worker is at it at this moment.
        MailLimitReached: this mail was sent too often in the last hour.
        RecipientUnconfirmed: who reads there has not confirmed.
    """
    outsiders.check(delivery)
    mail_limits.check_again(delivery, now=now)
    moved = (
        Delivery.objects.filter(pk=delivery.pk)
        .exclude(claimed_until__gt=now)
        .update(
            state=DeliveryState.PENDING,
            next_attempt_at=now,
            claimed_until=None,
            finished_at=None,
            together=False,
        )
    )
    if not moved:
        raise BeingSent("This is being sent at this moment; look again shortly.")
    enqueue_once(DELIVER)
    delivery.refresh_from_db()
    return delivery
