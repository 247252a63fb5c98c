"""Links by which the reader of a message answers an alert, without logging in."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet

from alerts.models import Alert
from notifications.mailed_links import BadLink, Wanted, issue_all, url_of
from notifications.models import MailedLink

PURPOSE = "alert"
LASTS = timedelta(days=7)


def make_link(alert: Alert, person: str, *, now: datetime) -> str:
    """Return the address of a new link of *person*'s, good until it ends."""
    (link,) = make_links(alert.organization_id, [(alert, person)], now=now)
    return link


def make_links(
    organization_id: int, readers: Iterable[tuple[Alert, str]], *, now: datetime
) -> list[str]:
    """`make_link` of each alert for its reader, in that order. One query."""
    wanted = [
        Wanted(
            purpose=PURPOSE,
            subject=alert.uid,
            person=person,
            expires_at=now + LASTS,
            once=False,
        )
        for alert, person in readers
    ]
    tokens = issue_all(organization_id, wanted)
    return [url_of("answer-alert", token) for token in tokens]


def alert_of(link: MailedLink) -> Alert:
    """Return the alert that *link* is good for, with its budget. One query.

    Raises:
        BadLink: it is gone.
    """
    rows = Alert.objects.with_names().filter(organization=link.organization_id)
    alert = rows.filter(uid=link.subject).first()
    if alert is None:
        raise BadLink
    return alert


def told_to(person: str) -> QuerySet[MailedLink, UUID]:
    """Return the uids of the alerts that *person* was told of, as a subquery."""
    links = MailedLink.objects.filter(purpose=PURPOSE, person__iexact=person)
    return links.order_by().values_list("subject", flat=True)
