"""The files of runs: made once, kept in parts, the same for every try and reader."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from lib.errors import Invalid, NotFound
from reports import exports
from reports.feeds.timetables import DaySpan
from reports.models.feeds import Feed, FeedFilePart, FeedRun, FeedRunState
from reports.types import ExportKind, ExportOrder

KEPT = timedelta(days=30)  # after a run has ended; what goes again later is made anew
PART = 2**20  # bytes of a part
_AT_ONCE = 100  # runs whose files one DELETE takes


@dataclass(frozen=True, slots=True)
class MadeFile:
    """What was made, as it is written into its run."""

    content_type: str
    size: int  # bytes
    sha256: str
    counts: dict[str, int]


def kind_of(feed: Feed) -> ExportKind:
    """Return what *feed* is of.

    Raises:
        Invalid: this version makes no such files any more.
    """
    kind = exports.KINDS.get(feed.kind)
    if kind is None or feed.format not in kind.formats:
        detail = f"There are no files “{feed.kind}.{feed.format}” any more."
        raise Invalid.field("kind", detail)
    return kind


def make(
    run: FeedRun,
    feed: Feed,
    *,
    attempt: int,
    now: datetime,
    tell: Callable[[float], None],
) -> MadeFile:
    """Make the file of *run* as parts of *attempt*, each in a commit of its own.

    What it is made of is read as it is *now*. Memory does not grow with it.

    Raises:
        Refusal: it can't be made; trying again won't help.
    """
    kind = kind_of(feed)
    FeedFilePart.objects.filter(run=run).delete()
    order = replace(order_of(run, feed, kind, now=now), tell=tell)
    counts = dict(kind.counts(order))
    digest, size = sha256(), 0
    pieces = exports.file_of(kind, order, feed.format)
    for number, part in enumerate(_parts(pieces)):
        digest.update(part)
        size += len(part)
        FeedFilePart.objects.create(
            organization_id=run.organization_id,
            run=run,
            attempt=attempt,
            number=number,
            body=part,
        )
    content_type = kind.formats[feed.format].content_type
    return MadeFile(content_type, size, digest.hexdigest(), counts)


def order_of(
    run: FeedRun, feed: Feed, kind: ExportKind, *, now: datetime
) -> ExportOrder:
    """Return the order for the file of *run*."""
    span = DaySpan(run.first_day, run.end_day)
    if span.is_month:
        asked = {"month": f"{span.first:%Y-%m}"}
    else:
        asked = {"start_date": f"{span.first}", "end_date": f"{span.last}"}
    return exports.order_of(kind, feed.organization, feed.options | asked, now=now)


def _parts(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what *pieces* make as parts of PART bytes, the last one shorter."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) >= PART:
            yield bytes(waiting[:PART])
            del waiting[:PART]
    if waiting:
        yield bytes(waiting)


def pieces_of(run: FeedRun) -> Iterator[bytes]:
    """Yield the file of *run*, part by part, one query each.

    Raises:
        NotFound: it is not kept.
    """
    if run.made_in is None:
        raise NotFound("The file is not kept any longer; have it made again.")
    rows = FeedFilePart.objects.filter(
        organization=run.organization_id, run=run, attempt=run.made_in
    )
    left, number = run.size or 0, 0
    while left > 0:
        part = rows.filter(number=number).values_list("body", flat=True).first()
        if part is None:
            raise NotFound("The file is not kept any longer; have it made again.")
        yield bytes(part)
        left, number = left - len(part), number + 1


def forget(now: datetime) -> int:
    """Delete the files of runs that ended KEPT ago; return of how many."""
    old = FeedRun.objects.exclude(state=FeedRunState.PENDING).filter(
        finished_at__lte=now - KEPT, made_in__isnull=False
    )
    gone = 0
    while ids := list(old.order_by("pk").values_list("pk", flat=True)[:_AT_ONCE]):
        FeedRun.objects.filter(pk__in=ids).update(made_in=None, made_at=None)
        FeedFilePart.objects.filter(run__in=ids).delete()
        gone += len(ids)
    return gone
