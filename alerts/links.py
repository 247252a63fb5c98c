"""Links by which the reader of a message answers an alert, without logging in."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet

from alerts.models import Alert
from notifications.mailed_links import BadLink, issue, url_of
from notifications.models import MailedLink

PURPOSE = "alert"
LASTS = timedelta(days=7)


def make_link(alert: Alert, person: str, *, now: datetime) -> str:
    """Return the address of a new link of *person*'s, good until it ends."""
    token = issue(
        alert.organization_id,
        purpose=PURPOSE,
        subject=alert.uid,
        person=person,
        expires_at=now + LASTS,
        once=False,
    )
    return url_of("answer-alert", token)


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
