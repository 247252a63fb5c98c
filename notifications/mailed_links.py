"""Links by which the reader of a message acts, without logging in.

The one contract for all of them. A link has a purpose (of the page it opens), a
subject and the subject's revision, a person in whose name it acts, and an end. Its
token is the proof: it stands in the message alone. Looking changes nothing, `use` is
for what a POST does.
"""

import logging
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.urls import reverse

from lib.errors import Conflict, NotFound
from notifications.models import MailedLink

logger = logging.getLogger("notifications")

KEPT = timedelta(days=400)  # after a link's end: who was told, and who acted
_AT_ONCE = 10_000  # rows per DELETE
_BYTES = 32  # 256 bits: nobody guesses one
_LONGEST = 100  # characters of a token that is looked for
_LONGEST_AGENT = 300
_DOES_NOT_WORK = (
    "This link does not work. It may be too old, taken back, or not copied as a whole; "
    "the newest message has a fresh one."
)


class BadLink(NotFound):
    """A link that leads nowhere; its words don't tell why."""

    code = "bad_link"

    def __init__(self) -> None:
        super().__init__(_DOES_NOT_WORK)


class LinkUsed(Conflict):
    """A link that is good for once was used before."""

    code = "link_used"


@dataclass(frozen=True, slots=True)
class Visit:
    """Where a POST came from, to be kept beside what it did."""

    address: str | None = None  # IP address; None: not known
    agent: str = ""  # what the browser calls itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A link to be made. *once*: the first use is the only one. Else it is good until
    *expires_at*."""

    purpose: str
    subject: UUID
    person: str
    expires_at: datetime
    revision: int = 0
    once: bool = True


def issue(
    organization_id: int,
    *,
    purpose: str,
    subject: UUID,
    person: str,
    expires_at: datetime,
    revision: int = 0,
    once: bool = True,
) -> str:
    """Make a link of *person*'s and return its token, which is kept nowhere else."""
    wanted = Wanted(
        purpose=purpose,
        subject=subject,
        person=person,
        expires_at=expires_at,
        revision=revision,
        once=once,
    )
    (token,) = issue_all(organization_id, [wanted])
    return token


def issue_all(organization_id: int, wanted: Sequence[Wanted]) -> list[str]:
    """`issue` each of *wanted*, in that order. One query."""
    tokens = [secrets.token_urlsafe(_BYTES) for _ in wanted]
    MailedLink.objects.bulk_create(
        MailedLink(
            organization_id=organization_id, digest=_digest(token), **asdict(one)
        )
        for one, token in zip(wanted, tokens, strict=True)
    )
    return tokens


def url_of(page: str, token: str) -> str:
    """Return the address to mail: of the URL named *page*, with *token*."""
    return f"{settings.SITE_URL}{reverse(page, args=[token])}"


def link_of(token: str, *, purpose: str, now: datetime) -> MailedLink:
    """Return the link that *token* belongs to. Changes nothing; one query.

    Also one that was used up: its page says what became of it.

    Raises:
        BadLink: there is none for *purpose*, or it is over, burnt or taken back. The
            refusal is the same, and takes the same, whichever it was.
    """
    digest = _digest(token[:_LONGEST])
    link = MailedLink.objects.open(now).filter(purpose=purpose, digest=digest).first()
    if link is None:
        raise BadLink
    return link


def use(link: MailedLink, *, now: datetime, visit: Visit) -> None:
    """Use *link* up. Call it in the transaction of what is done by it.

    Of any number at once one does so, where it is good for once; the others wait for
    it, and are refused if it commits.

    Raises:
        LinkUsed: it was used up before.
        BadLink: it is over, burnt or taken back by now.
    """
    usable = MailedLink.objects.usable(now).filter(pk=link.pk)
    if usable.update(used_at=now, **_columns(visit)):
        return
    if MailedLink.objects.open(now).filter(pk=link.pk).exists():
        raise LinkUsed("This link was used before, and is good for once.")
    raise BadLink


def burn(link: MailedLink, *, now: datetime, visit: Visit) -> None:
    """Have *link* lead nowhere any more: who holds it says that it isn't theirs."""
    held = MailedLink.objects.open(now).filter(pk=link.pk)
    if held.update(burnt_at=now, **_columns(visit)):
        logger.warning("Link %d was burnt: its reader is not who it is for.", link.pk)


def void(
    organization_id: int,
    *,
    purpose: str,
    subject: UUID,
    now: datetime,
    person: str | None = None,
    before_revision: int | None = None,
) -> int:
    """Take the links to *subject* back; return how many led somewhere until now.

    All of them, or *person*'s alone, or those of revisions before *before_revision*.
    """
    which = Q(organization=organization_id, purpose=purpose, subject=subject)
    if person is not None:
        which &= Q(person=person)
    if before_revision is not None:
        which &= Q(revision__lt=before_revision)
    return MailedLink.objects.open(now).filter(which).update(voided_at=now)


def forget(now: datetime) -> int:
    """Delete links that ended long ago; say how many. Safe to repeat and interrupt."""
    old = MailedLink.objects.filter(expires_at__lte=now - KEPT).order_by("pk")
    gone = 0
    while ids := list(old.values_list("pk", flat=True)[:_AT_ONCE]):
        gone += MailedLink.objects.filter(pk__in=ids).delete()[0]
    return gone


def _columns(visit: Visit) -> dict[str, str | None]:
    return {"address": visit.address, "agent": visit.agent[:_LONGEST_AGENT]}


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()
