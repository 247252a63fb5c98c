"""Mail to addresses outside an organization's people: they are asked once, by mail.

Until whoever reads there confirms, or a finance admin answers for them, nothing but
that one question goes to them: otherwise anybody's inbox could be filled from here.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet

from accounts.models import Organization
from accounts.people import people_among
from lib.errors import Conflict
from lib.queue import announce
from notifications.mail_limits import HOUR
from notifications.mailed_links import issue, url_of
from notifications.models import ChannelType, Delivery, DeliveryState, Outsider
from notifications.types import Link, Message

PURPOSE = "recipient"
PAGE = "confirm-recipient"
LASTS = timedelta(days=14)  # the link that confirms, and what is held back till then
TELLING = timedelta(days=1)  # in which who has confirmed is told what was held back
MOST_QUESTIONS = 30  # mailed for an organization in an hour
ASKING = "confirm"  # the event of a question
_NEEDS_NO_CONSENT = {ASKING, "invited"}  # events that ask their reader for it
_ANY = "*"  # of the operator's domains: all there are


class RecipientUnconfirmed(Conflict):
    """Who reads there has not confirmed that they want the organization's mail."""

    code = "recipient_unconfirmed"


class NothingToAsk(Conflict):
    """They have confirmed, have refused, or were asked a moment ago."""

    code = "nothing_to_ask"


def unconfirmed(organization_id: int, addresses: Iterable[str]) -> set[str]:
    """Return which mail *addresses* are outside and not confirmed, in small letters.

    Two queries at most, none where the operator's domains say it all.
    """
    if _ANY in settings.MAIL_DOMAINS:
        return set()
    asked = {one.strip().lower() for one in addresses if "@" in one}
    asked = {
        one for one in asked if one.rpartition("@")[2] not in settings.MAIL_DOMAINS
    }
    if asked:
        asked -= people_among(organization_id, asked)
    if asked:
        known = Outsider.objects.filter(
            organization=organization_id,
            address__in=asked,
            confirmed_at__isnull=False,
            refused_at=None,
        )
        asked -= set(known.values_list("address", flat=True))
    return asked


def hold_back(
    organization_id: int, deliveries: Iterable[Delivery], now: datetime
) -> set[str]:
    """Have what would be mailed to outsiders fail, and say why; return their addresses.

    The *deliveries* are not saved yet.
    """
    mails = [
        one
        for one in deliveries
        if one.type == ChannelType.EMAIL
        and one.message["event"] not in _NEEDS_NO_CONSENT
    ]
    if not mails:
        return set()
    waiting = unconfirmed(organization_id, {one.recipient for one in mails})
    for mail in mails:
        if mail.recipient.lower() in waiting:
            mail.state = DeliveryState.FAILED
            mail.next_attempt_at, mail.finished_at = None, now
            mail.error = f"Not sent: {_why(mail.recipient)}"
    return waiting


def check(delivery: Delivery) -> None:
    """Refuse to send a mail once more to somebody who did not confirm.

    Raises:
        RecipientUnconfirmed: it says so.
    """
    if delivery.type != ChannelType.EMAIL:
        return
    if delivery.message["event"] in _NEEDS_NO_CONSENT:
        return
    if unconfirmed(delivery.organization_id, [delivery.recipient]):
        raise RecipientUnconfirmed(_why(delivery.recipient))


def _why(address: str) -> str:
    return (
        f"{address} is outside the organization and has not confirmed that its mail is "
        "wanted there. A mail asked for that; a finance admin may answer instead."
    )


def to_ask(
    organization_id: int, addresses: Collection[str], now: datetime
) -> list[Outsider]:
    """Return who of the unconfirmed *addresses* is to be asked now, noted as asked.

    Each is asked once, of any number at once by one; MOST_QUESTIONS in an hour, the
    others when they are named again.
    """
    if not addresses:
        return []
    Outsider.objects.bulk_create(
        [
            Outsider(organization_id=organization_id, address=one)
            for one in sorted(addresses)
        ],
        ignore_conflicts=True,
    )
    rows = Outsider.objects.filter(organization=organization_id)
    room = MOST_QUESTIONS - rows.filter(asked_at__gt=now - HOUR).count()
    new = rows.filter(address__in=addresses, asked_at=None).order_by("address")
    return [one for one in new[: max(room, 0)] if _claimed(one, now, Q(asked_at=None))]


def ask_again(outsider: Outsider, *, now: datetime) -> None:
    """Note that *outsider* is asked once more, at most once a day.

    Raises:
        NothingToAsk: it says why.
    """
    lately = Q(asked_at=None) | Q(asked_at__lte=now - 24 * HOUR)
    still = Q(confirmed_at=None, refused_at=None)
    if not _claimed(outsider, now, lately & still):
        raise NothingToAsk(
            f"{outsider.address} has answered, or was asked within the last day."
        )


def _claimed(outsider: Outsider, now: datetime, condition: Q) -> int:
    return Outsider.objects.filter(condition, pk=outsider.pk).update(asked_at=now)


def confirm(outsider: Outsider, *, by: str, now: datetime) -> bool:
    """Let the organization's mail go to *outsider*; tell whether it was not before.

    *by* is who says so: the reader by the link, or a finance admin. Who has refused is
    asked by nobody and answered for by nobody.
    """
    rows = Outsider.objects.filter(pk=outsider.pk, confirmed_at=None, refused_at=None)
    if not rows.update(confirmed_at=now, confirmed_by=by):
        return False
    announce("notifications.confirmed", outsider.pk)
    return True


def confirmed_lately(now: datetime) -> QuerySet[Outsider]:
    """Return who is still to be told what was held back from them, if anything was."""
    rows = Outsider.objects.filter(confirmed_at__gt=now - TELLING, refused_at=None)
    return rows.select_related("organization").order_by("pk")


def held_back_from(outsider: Outsider, now: datetime) -> list[Delivery]:
    """Return what was held back from *outsider* and not told since, oldest first."""
    rows = Delivery.objects.held_back().filter(
        organization=outsider.organization_id,
        type=ChannelType.EMAIL,
        created_at__gt=now - LASTS,
        recipient__iexact=outsider.address,
    )
    return list(rows.order_by("pk"))


def note_told(held: Iterable[Delivery], *, now: datetime) -> None:
    """Note that what was *held* back has been told in another way."""
    rows = Delivery.objects.held_back().filter(pk__in=[one.pk for one in held])
    rows.update(
        finished_at=now, error="Held back, and told once its reader had confirmed."
    )


def refuse(outsider: Outsider, *, now: datetime) -> None:
    """Keep all mail of the organization from *outsider*, who doesn't want it."""
    Outsider.objects.filter(pk=outsider.pk, refused_at=None).update(refused_at=now)


def question_to(outsider: Outsider, now: datetime) -> Message:
    """Return the one mail that goes to who has not confirmed, with a link to do so."""
    name = Organization.objects.get(pk=outsider.organization_id).name
    token = issue(
        outsider.organization_id,
        purpose=PURPOSE,
        subject=outsider.uid,
        person=outsider.address,
        expires_at=now + LASTS,
    )
    return Message(
        event=ASKING,
        subject=f"recipient-{outsider.uid}",
        severity="info",
        title=f"Do you want alerts of {name} at this address?",
        text=f"Somebody at {name} named {outsider.address} as one to tell when budgets "
        "for AI models run out. Nothing else is mailed to you unless you confirm.",
        links=(Link("See and confirm", url_of(PAGE, token)),),
        reason="If you don't know what this is, do nothing: you are asked once.",
    )
