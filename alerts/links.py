"""Links by which the reader of a message answers an alert, without logging in."""

import secrets
from datetime import datetime, timedelta
from hashlib import sha256

from django.conf import settings
from django.urls import reverse

from alerts.errors import BadLink
from alerts.models import AcknowledgeLink, Alert

LASTS = timedelta(days=7)
KEPT = timedelta(days=30)  # after the alert's end; until then an old link says so
_AT_ONCE = 10_000  # rows per DELETE
_BYTES = 32  # 256 bits: nobody guesses one
_LONGEST = 100  # characters of a token that is looked for


def make_link(alert: Alert, person: str, *, now: datetime) -> str:
    """Return the address of a new link of *person*'s; only its digest is kept."""
    token = secrets.token_urlsafe(_BYTES)
    AcknowledgeLink.objects.create(
        organization_id=alert.organization_id,
        alert=alert,
        person=person,
        digest=_digest(token),
        expires_at=now + LASTS,
    )
    return f"{settings.SITE_URL}{reverse('answer-alert', args=[token])}"


def link_of(token: str, *, now: datetime) -> AcknowledgeLink:
    """Return the link that *token* belongs to. Changes nothing.

    Raises:
        BadLink: it was never made, or it is too old.
    """
    rows = AcknowledgeLink.objects.select_related(
        "alert__budget", "alert__organization"
    )
    link = rows.filter(digest=_digest(token[:_LONGEST])).first()
    if link is None:
        raise BadLink("This link is not one of ours. Was it copied as a whole?")
    if link.expires_at <= now:
        raise BadLink("This link is too old. The newest message has a fresh one.")
    return link


def forget_links(now: datetime) -> int:
    """Delete the links that no longer work, of alerts that ended long ago; say how
    many. Safe to repeat, and to interrupt.
    """
    old = AcknowledgeLink.objects.filter(
        expires_at__lte=now, alert__resolved_at__lte=now - KEPT
    ).order_by("pk")
    gone = 0
    while ids := list(old.values_list("pk", flat=True)[:_AT_ONCE]):
        gone += AcknowledgeLink.objects.filter(pk__in=ids).delete()[0]
    return gone


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()
