"""Files that go with mails: kept beside the outbox while mails may be sent again."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from notifications.models import MailFile
from notifications.transports.base import Enclosed
from notifications.types import Message

MOST_BYTES = 5 * 2**20  # of one; mail servers take about 10 MB, a third of it encoding
KEPT = timedelta(days=60)
GONE = "The file that went with it is not kept any longer."


def keep(
    organization_id: int, name: str, content_type: str, body: bytes, *, now: datetime
) -> str:
    """Keep a file and return its uid, for `Message.attachment`.

    Call it in the transaction that writes the messages. At most MOST_BYTES.
    """
    kept = MailFile.objects.create(
        organization_id=organization_id,
        name=name,
        content_type=content_type,
        body=body,
        created_at=now,
    )
    return str(kept.uid)


def enclosed_with(
    organization_id: int, messages: Iterable[Message]
) -> tuple[Enclosed, ...]:
    """Return the files that go with *messages*; no query where there are none.

    Raises:
        LookupError: one is not kept any longer.
    """
    asked = [one.attachment for one in messages if one.attachment]
    if not asked:
        return ()
    rows = MailFile.objects.filter(organization=organization_id, uid__in=asked)
    found = {str(row.uid): row for row in rows}
    if missing := [uid for uid in asked if uid not in found]:
        raise LookupError(missing[0])
    return tuple(
        Enclosed(found[uid].name, found[uid].content_type, bytes(found[uid].body))
        for uid in asked
    )


def forget(now: datetime) -> int:
    """Delete what was kept for so long that no mail of it is sent again."""
    return MailFile.objects.filter(created_at__lte=now - KEPT).delete()[0]
