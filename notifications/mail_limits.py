"""How many mails an organization may send in an hour, so that nobody relays by it."""

from datetime import datetime, timedelta

from django.db.models import QuerySet

from accounts.models import Organization
from lib.errors import Conflict
from notifications.models import Channel, ChannelType, Delivery, DeliveryState

HOUR = timedelta(hours=1)
MOST_TESTS = 100  # mails of tests; a channel has at most as many recipients
MOST_BY_CHANNELS = 1_000  # mails by channels, tests among them; further ones wait
MOST_AGAIN = 5  # times that one mail is sent
_TEST = "test:"  # how the keys of tests begin


class MailLimitReached(Conflict):
    """So many mails were sent in the last hour that no more are sent at once."""

    code = "mail_limit"


def check_test(channel: Channel, *, now: datetime) -> None:
    """Refuse a test by which the organization would mail too many in an hour.

    Call it in the transaction that writes the test: others wait for that.

    Raises:
        MailLimitReached: it says when there is room again.
    """
    if channel.type != ChannelType.EMAIL:
        return
    # Without the lock, tests at once would each see room for themselves.
    Organization.objects.select_for_update(no_key=True).get(pk=channel.organization_id)
    sent = list(
        _mails(channel.organization_id, now)
        .filter(key__startswith=_TEST)
        .order_by("created_at")
        .values_list("created_at", flat=True)
    )
    excess = len(sent) + len(channel.config.get("recipients", ())) - MOST_TESTS
    if excess > 0:
        free_at = sent[min(excess, len(sent)) - 1] + HOUR if sent else now + HOUR
        raise MailLimitReached(
            f"Tests sent {len(sent)} mails in the last hour, of at most {MOST_TESTS}. "
            f"There is room for this one at {_told(free_at)}."
        )


def check_again(delivery: Delivery, *, now: datetime) -> None:
    """Refuse to send one mail again and again.

    Raises:
        MailLimitReached: it says when it may be sent once more.
    """
    if delivery.type != ChannelType.EMAIL:
        return
    tries = delivery.attempts.filter(at__gt=now - HOUR).order_by("at")
    times = list(tries.values_list("at", flat=True))
    if len(times) >= MOST_AGAIN:
        raise MailLimitReached(
            f"This mail was sent {len(times)} times in the last hour. It may be sent "
            f"again at {_told(times[-MOST_AGAIN] + HOUR)}."
        )


def waits_of(organization_id: int, count: int, *, now: datetime) -> timedelta | None:
    """Return how long *count* more mails by channels are put off; None: not at all.

    One query, one more where the limit is reached. Nothing is locked: those who write
    at once may pass the limit by what they write.
    """
    recent = _mails(organization_id, now).filter(channel__isnull=False).count()
    if recent + count <= MOST_BY_CHANNELS:
        return None
    later = Delivery.objects.filter(
        organization=organization_id,
        type=ChannelType.EMAIL,
        state=DeliveryState.PENDING,
        next_attempt_at__gt=now,
        created_at__lte=now - HOUR,
    ).count()
    return HOUR * max((recent + later + count - 1) // MOST_BY_CHANNELS, 1)


def put_off(delivery: Delivery, wait: timedelta, *, now: datetime) -> None:
    """Have *delivery*, which is not saved yet, wait; its remark says why."""
    at = now + wait
    if delivery.next_attempt_at is not None and delivery.next_attempt_at < at:
        delivery.next_attempt_at = at
        delivery.error = (
            f"Put off: channels sent {MOST_BY_CHANNELS:,} mails in the last hour, and "
            f"may send no more. Its turn comes at {_told(at)}."
        )


def _mails(organization_id: int, now: datetime) -> QuerySet[Delivery]:
    return Delivery.objects.filter(
        organization=organization_id,
        type=ChannelType.EMAIL,
        created_at__gt=now - HOUR,
    )


def _told(moment: datetime) -> str:
    return f"{moment:%H:%M} UTC on {moment:%-d %B}"
