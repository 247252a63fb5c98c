"""Feeds and their runs as the API answers them."""

from datetime import date
from typing import Annotated, Any

from lib.answers import Moment, Out, choices, note
from notifications.models import Delivery, DeliveryState
from reports.api.feed_schemas import DAY_NOTE, TARGET_NOTE
from reports.feeds import notices
from reports.feeds.targets import secret_names
from reports.models.feeds import (
    Feed,
    FeedAttempt,
    FeedRhythm,
    FeedRun,
    FeedRunState,
    FeedTarget,
)


class FeedScheduleOut(Out, frozen=True):
    """When a feed is due."""

    every: Annotated[str, choices(FeedRhythm.values)]
    day: Annotated[int | None, note(f"{DAY_NOTE} Null: every day.")]
    hour: int
    timezone: Annotated[str, note("The organization's, by whose clocks it is due.")]


class FeedAttemptOut(Out, frozen=True):
    """One try to make a file and bring it where it goes."""

    id: str
    at: Moment
    status: Annotated[int | None, note("HTTP's; null: there was no answer.")]
    error: str
    duration_ms: Annotated[int | None, note("Null: it has not ended.")]


class FeedMailOut(Out, frozen=True):
    """A mail of a run's file; the delivery of that id tells all of it."""

    id: str
    recipient: str
    state: Annotated[str, choices(DeliveryState.values)]
    error: str


class FeedRunOut(Out, frozen=True):
    """One file of a feed, of some days, and what became of it."""

    id: Annotated[str, note("The same at every try: receivers tell repeats by it.")]
    feed: str
    start_date: str
    end_date: Annotated[str, note("The last day.")]
    due_at: Moment
    asked_by: Annotated[str, note("Who had it run; empty: it was due.")]
    state: Annotated[str, choices(FeedRunState.values)]
    error: Annotated[str, note("What went wrong last.")]
    file_name: str
    revision: Annotated[int, note("More than 1: it was made anew so often.")]
    progress: Annotated[float | None, note("Of making it, 0 to 1; null: not begun.")]
    content_type: str
    bytes: Annotated[int | None, note("Null: it is not made.")]
    sha256: Annotated[str, note("Of the file, in hex; empty: it is not made.")]
    counts: Annotated[dict[str, int], note("What is not in it, by name.")]
    kept: Annotated[bool, note("Whether the file can be downloaded.")]
    attempts: list[FeedAttemptOut]
    mails: list[FeedMailOut]
    next_attempt_at: Moment | None
    created_at: Moment
    finished_at: Moment | None


class LastRunOut(Out, frozen=True):
    """The latest run of a feed."""

    id: str
    state: Annotated[str, choices(FeedRunState.values)]
    error: str
    file_name: str
    created_at: Moment
    finished_at: Moment | None


class FeedOut(Out, frozen=True):
    """A file that leaves on a schedule. What is secret is only named, in `secrets`."""

    id: str
    organization_id: str
    name: str
    kind: str
    format: str
    options: dict[str, str]
    schedule: FeedScheduleOut
    target: Annotated[
        dict[str, Any],
        note(
            f"{TARGET_NOTE} A signing secret made here is in the answer that made it."
        ),
    ]
    secrets: Annotated[list[str], note("The secrets that are set.")]
    enabled: bool
    disabled_reason: str
    next_run_at: Annotated[Moment | None, note("Null: it is switched off.")]
    last_run: LastRunOut | None
    created_at: Moment


def feed_out(feed: Feed, last: FeedRun | None = None) -> FeedOut:
    """Return a feed; its organization is at hand, *last* is its latest run."""
    return FeedOut(
        id=str(feed.uid),
        organization_id=feed.organization.slug,
        name=feed.name,
        kind=feed.kind,
        format=feed.format,
        options=feed.options,
        schedule=FeedScheduleOut(
            every=feed.every,
            day=None if feed.every == FeedRhythm.DAY else feed.day,
            hour=feed.hour,
            timezone=feed.organization.timezone,
        ),
        target={"type": feed.target, **feed.config},
        secrets=sorted(secret_names(feed.target) & feed.secrets.keys()),
        enabled=feed.enabled,
        disabled_reason=feed.disabled_reason,
        next_run_at=feed.next_at if feed.enabled else None,
        last_run=None if last is None else _last_out(last),
        created_at=feed.created_at,
    )


def _last_out(run: FeedRun) -> LastRunOut:
    return LastRunOut(
        id=str(run.uid),
        state=run.state,
        error=run.error,
        file_name=run.file_name,
        created_at=run.created_at,
        finished_at=run.finished_at,
    )


def run_out(run: FeedRun) -> FeedRunOut:
    """Return a run; its feed and attempts are at hand. One query for its mails."""
    is_mail = run.feed is not None and run.feed.target == FeedTarget.MAIL
    return FeedRunOut(
        id=str(run.uid),
        feed=str(run.feed.uid) if run.feed else "",
        start_date=run.first_day.isoformat(),
        end_date=_last_day(run).isoformat(),
        due_at=run.due_at,
        asked_by=run.asked_by,
        state=run.state,
        error=run.error,
        file_name=run.file_name,
        revision=run.revision,
        progress=run.progress,
        content_type=run.content_type,
        bytes=run.size,
        sha256=run.sha256,
        counts=run.counts,
        kept=run.made_in is not None,
        attempts=[_attempt_out(one) for one in run.attempts.all()],
        mails=[_mail_out(one) for one in notices.mails_of(run)] if is_mail else [],
        next_attempt_at=run.next_attempt_at,
        created_at=run.created_at,
        finished_at=run.finished_at,
    )


def _last_day(run: FeedRun) -> date:
    return notices.span_of(run).last


def _attempt_out(attempt: FeedAttempt) -> FeedAttemptOut:
    return FeedAttemptOut(
        id=str(attempt.uid),
        at=attempt.at,
        status=attempt.status,
        error=attempt.error,
        duration_ms=attempt.duration_ms,
    )


def _mail_out(mail: Delivery) -> FeedMailOut:
    return FeedMailOut(
        id=str(mail.uid), recipient=mail.recipient, state=mail.state, error=mail.error
    )
