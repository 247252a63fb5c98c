"""Writing down which files are to be made, once for each feed and its days."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db import transaction

from accounts.models import Organization
from lib.errors import Conflict, Invalid
from lib.periods import DAY
from lib.query_params import EARLIEST
from lib.queue import enqueue_once
from reports import exports
from reports.feeds.timetables import DaySpan, Every, Timetable
from reports.models.feeds import Feed, FeedRun
from reports.types import ExportKind

CARRY_OUT = "reports.feeds.tasks.carry_out"
_AT_ONCE = 500  # feeds that one look takes
_UTC = ZoneInfo("UTC")


class RunUnderWay(Conflict):
    """A worker is at this very run, or will be shortly."""

    code = "run_under_way"


def timetable_of(
    organization: Organization,
    kind: ExportKind | None,
    *,
    every: str,
    day: int,
    hour: int,
) -> Timetable:
    """Return when a feed of *kind* is due. Files of a kind that is not local, or is
    known no more, tell of days in UTC."""
    zone = ZoneInfo(organization.timezone)
    is_local = kind is not None and kind.local
    return Timetable(Every(every), day, hour, zone, zone if is_local else _UTC)


def timetable_for(feed: Feed) -> Timetable:
    return timetable_of(
        feed.organization,
        exports.KINDS.get(feed.kind),
        every=feed.every,
        day=feed.day,
        hour=feed.hour,
    )


def plan_due(now: datetime) -> int:
    """Write a run of each feed that is due, what was missed included; return how many.

    Safe to repeat and for any number of workers at once.
    """
    # One whose secrets can't be read must not hold up the others.
    rows = Feed.objects.due(now).defer("secrets").select_related("organization")
    due = list(rows[:_AT_ONCE])
    return sum(_plan(feed, now) for feed in due)


@transaction.atomic
def _plan(feed: Feed, now: datetime) -> int:
    table = timetable_for(feed)
    days = table.due(feed.next_on, now)
    if not days:  # the organization moved to another zone
        Feed.objects.filter(pk=feed.pk, next_on=feed.next_on).update(
            next_at=table.due_at(feed.next_on)
        )
        return 0
    following = table.following(days[-1])
    # Who moves it on writes the runs: of several at once, one.
    moved = Feed.objects.filter(pk=feed.pk, enabled=True, next_on=feed.next_on).update(
        next_on=following, next_at=table.due_at(following)
    )
    if not moved:
        return 0
    runs = [
        new_run(feed, span, due_at=table.due_at(days[-1]), now=now)
        for span in table.spans_of(days)
    ]
    FeedRun.objects.bulk_create(runs, ignore_conflicts=True)
    enqueue_once(CARRY_OUT)
    return len(runs)


@transaction.atomic
def run_now(feed: Feed, *, by: str, now: datetime, day: date | None = None) -> FeedRun:
    """Have the file of the last days that are over made and brought away now.

    Of the days around *day* where that is given. What was brought away before is made
    anew and goes again, under its name. Also of a feed that is switched off.

    Raises:
        Invalid: those days are not over.
        RunUnderWay: it is being made at this moment.
    """
    table = timetable_for(feed)
    if day and not EARLIEST.date() <= day <= now.date():  # no calendar goes on forever
        raise Invalid.field("start_date", "Those days are not over yet, or too old.")
    span = table.span_around(day) if day else _latest(feed, table, now)
    if span.window(table.days_in).end > now:
        raise Invalid.field("start_date", "Those days are not over yet.")
    run = new_run(feed, span, due_at=now, now=now)
    run.asked_by = by
    made, is_new = FeedRun.objects.get_or_create(
        organization=feed.organization,
        feed=feed,
        first_day=span.first,
        end_day=span.end,
        defaults={
            name: getattr(run, name)
            for name in ("feed_name", "due_at", "asked_by", "file_name")
        }
        | {"next_attempt_at": now, "created_at": now},
    )
    if not is_new:
        _again(made, by=by, now=now)
    enqueue_once(CARRY_OUT)
    made.refresh_from_db()
    return made


def _latest(feed: Feed, table: Timetable, now: datetime) -> DaySpan:
    """Return of which days a run by hand is; of how things stand, of this one."""
    kind = exports.KINDS.get(feed.kind)
    if kind is not None and kind.snapshot:
        today = now.astimezone(table.days_in).date()
        return DaySpan(today - DAY, today)
    return _last_over(table, now)


def _last_over(table: Timetable, now: datetime) -> DaySpan:
    """Return the last days that are over by *now* and that it would tell of."""
    today = now.astimezone(table.days_in).date()
    if table.every is Every.MONTH:
        return table.span_of(today)
    around = table.span_around(today)
    return table.span_of(around.first)


def _again(run: FeedRun, *, by: str, now: datetime) -> None:
    """Have a run that was there begin anew, its file with it."""
    moved = (
        FeedRun.objects.filter(pk=run.pk)
        .unclaimed(now)
        .update(
            state="pending",
            revision=run.revision + (1 if run.made_in is not None else 0),
            asked_by=by,
            progress=None,
            made_in=None,
            made_at=None,
            next_attempt_at=now,
            handed_over_at=None,
            claimed_until=None,
            finished_at=None,
            tries=0,
            error="",
        )
    )
    if not moved:
        raise RunUnderWay("This is being made at this moment; look again shortly.")


def new_run(feed: Feed, span: DaySpan, *, due_at: datetime, now: datetime) -> FeedRun:
    """Return a run that is not saved yet."""
    return FeedRun(
        organization=feed.organization,
        feed=feed,
        feed_name=feed.name,
        first_day=span.first,
        end_day=span.end,
        due_at=due_at,
        file_name=file_name(feed, span),
        next_attempt_at=now,
        created_at=now,
    )


def file_name(feed: Feed, span: DaySpan) -> str:
    """Return what the file is called: of one feed and its days, always the same.

    What says how things stand is named after the day it is made on.
    """
    kind = exports.KINDS.get(feed.kind)
    if kind is not None and kind.snapshot:
        days = f"{span.end}"
    elif span.is_month:
        days = f"{span.first:%Y-%m}"
    else:
        days = f"{span.first}" + ("" if span.last == span.first else f"-to-{span.last}")
    stem = f"{feed.kind}-{feed.organization.slug}-{str(feed.uid)[:8]}"
    return f"{stem}-{days}.{feed.format}"
