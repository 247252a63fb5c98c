"""What people are told of feeds: the file itself, by mail, and that one has failed."""

from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse

from accounts.people import finance_admins
from lib.humanize import date_words, stretch
from notifications import attachments, mailed_links
from notifications.models import ChannelType, Delivery, MailFile
from notifications.services import notify
from notifications.types import Link, Message, Target
from reports import exports
from reports.feeds.timetables import DaySpan
from reports.models.feeds import Feed, FeedRun

FILE_PURPOSE, FILE_PAGE = "feed-file", "file-by-link"
STOP_PURPOSE, STOP_PAGE = "feed-stop", "stop-feed"
LINK_LASTS = timedelta(days=14)
_STOP_LASTS = timedelta(days=400)
_SUBJECT = "feed-"  # how the subjects of these messages begin


def tell_of_failure(run: FeedRun, words: str, *, now: datetime) -> None:
    """Mail the finance admins that *run* has failed, once for each time it does.

    Call it in the transaction that ends it.
    """
    people = finance_admins(run.organization_id)
    notify(
        run.organization_id,
        [Target(ChannelType.EMAIL, recipient=one) for one in people],
        lambda _: _failure(run, words),
        key=f"{_SUBJECT}failed:{run.uid}:{now.isoformat()}",
        now=now,
    )


def _failure(run: FeedRun, words: str) -> Message:
    return Message(
        event="disabled",
        subject=subject_of(run),
        severity="critical",
        title=f"“{run.feed_name}” did not arrive",
        text=f"The file {run.file_name} could not be brought to where it goes. {words}",
        facts=(("Feed", run.feed_name), ("Days", days_of(run))),
        links=(Link("Open run", page_of(run)),),
        reason="You get this because you are a finance admin. Mend what is wrong, then "
        "have it sent again on that page.",
    )


def subject_of(run: FeedRun) -> str:
    return f"{_SUBJECT}{run.uid}"


def page_of(run: FeedRun) -> str:
    path = reverse("admin:reports_feedrun_change", args=[run.pk])
    return f"{settings.SITE_URL}{path}"


def span_of(run: FeedRun) -> DaySpan:
    return DaySpan(run.first_day, run.end_day)


def days_of(run: FeedRun, feed: Feed | None = None) -> str:
    """Return the days of *run* for people; of what says how things stand that day,
    where its *feed* tells so."""
    utc = ZoneInfo("UTC")
    kind = exports.KINDS.get(feed.kind) if feed else None
    if kind is not None and kind.snapshot:
        return date_words(run.end_day)
    return stretch(span_of(run).window(utc), utc)


def file_link(run: FeedRun, person: str, *, now: datetime) -> str:
    """Return the address of a new link by which *person* gets the file, for a while."""
    token = mailed_links.issue(
        run.organization_id,
        purpose=FILE_PURPOSE,
        subject=run.uid,
        person=person,
        expires_at=now + LINK_LASTS,
        revision=run.revision,
        once=False,
    )
    return mailed_links.url_of(FILE_PAGE, token)


# -- By mail


def key_of(run: FeedRun) -> str:
    """Return what the mails of *run* are written under: once for each revision."""
    return f"{_SUBJECT}run:{run.uid}:{run.revision}"


def mails_of(run: FeedRun) -> QuerySet[Delivery]:
    """Return the deliveries of the file as it was made last."""
    return Delivery.objects.filter(
        organization=run.organization_id,
        subject=subject_of(run),
        key__startswith=f"{key_of(run)}:",
    ).order_by("pk")


def write_mails(run: FeedRun, feed: Feed, body: bytes | None, *, now: datetime) -> None:
    """Write a mail to each recipient; *body* is the file, None: too large to attach.

    Call it in the transaction that hands the run over.
    """
    attachment = ""
    if body is not None:
        attachment = attachments.keep(
            run.organization_id, run.file_name, run.content_type, body, now=now
        )
    people = feed.config.get("recipients", [])
    notify(
        run.organization_id,
        [Target(ChannelType.EMAIL, recipient=one) for one in people],
        partial(_mail, run, feed, attachment, now),
        key=key_of(run),
        now=now,
    )


def _mail(
    run: FeedRun, feed: Feed, attachment: str, now: datetime, target: Target
) -> Message:
    person = target.recipient
    kind = exports.KINDS[feed.kind]
    where = "It is attached." if attachment else "It is behind the link below."
    counted = ", ".join(
        f"{count:,} {name.replace('_', ' ')}" for name, count in run.counts.items()
    )
    stop = mailed_links.issue(
        run.organization_id,
        purpose=STOP_PURPOSE,
        subject=feed.uid,
        person=person,
        expires_at=now + _STOP_LASTS,
        once=False,
    )
    return Message(
        event="feed",
        subject=subject_of(run),
        severity="info",
        title=f"{feed.name}: {days_of(run, feed)}",
        text=f"{kind.title} of {feed.organization.name}, {days_of(run, feed)}. {where}",
        facts=(
            ("File", run.file_name),
            *((("Not in it", counted),) if counted else ()),
        ),
        links=(Link("Download", file_link(run, person, now=now)),),
        unsubscribe=mailed_links.url_of(STOP_PAGE, stop),
        reason=f"You get this because “{feed.name}” of {feed.organization.name} names "
        f"{person} as a recipient. The link is good for {LINK_LASTS.days} days.",
        attachment=attachment,
    )


def has_attachment(run: FeedRun) -> bool:
    """Tell whether all that its mails need is still kept."""
    uids = {str(one.message.get("attachment", "")) for one in mails_of(run)} - {""}
    rows = MailFile.objects.filter(organization=run.organization_id, uid__in=uids)
    return rows.count() == len(uids)
