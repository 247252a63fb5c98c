"""One attempt at a run: its file is made, unless it was, and brought where it goes."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from accounts.audit import acting_as
from lib.errors import NotFound, Refusal
from lib.queue import enqueue_once
from notifications.attachments import MOST_BYTES
from notifications.configs import signing_secrets
from notifications.models import DeliveryState
from notifications.services import DELIVER
from notifications.transports.base import Accepted, TransportError
from reports.feeds import files, notices
from reports.feeds.claims import ClaimedRun, fail, prolong, settle
from reports.feeds.targets import BRINGING, Consignment
from reports.models.feeds import Feed, FeedRun, FeedRunState, FeedTarget

logger = logging.getLogger("reports")

_TELL_EVERY_S = 2.0
_UNREADABLE = "Its secrets can't be read: COSTOPS_ENCRYPTION_KEYS lacks their key."
_AT_ONCE = 500  # runs that one look at the outbox takes


class _ClaimLostError(Exception):
    """Another worker has the run: it had stood still for too long here."""


def carry_out(claimed: ClaimedRun, *, clock: Callable[[], datetime]) -> None:
    """Make one attempt, whatever comes of it, and write that down.

    Not in a transaction.
    """
    began = clock()
    try:
        with acting_as("worker"):
            done = _attempt(claimed, clock)
    except _ClaimLostError:
        return
    except Refusal as refusal:
        settle(
            claimed,
            TransportError(str(refusal), permanent=True),
            began=began,
            now=clock(),
        )
    except ImproperlyConfigured:
        settle(claimed, TransportError(_UNREADABLE), began=began, now=clock())
    except TransportError as error:
        settle(claimed, error, began=began, now=clock())
    except Exception as bug:  # one file that can't be made must not stop the others
        logger.exception("Attempt %s of a feed ended in a bug.", claimed.claim)
        unexpected = TransportError(f"Unexpected: {type(bug).__name__}.")
        settle(claimed, unexpected, began=began, now=clock())
    else:
        if done is not None:
            settle(claimed, done, began=began, now=clock())


def _attempt(claimed: ClaimedRun, clock: Callable[[], datetime]) -> Accepted | None:
    """Return that it arrived; None: it is the outbox' now."""
    rows = FeedRun.objects.select_related("feed__organization")
    run = rows.defer("feed__secrets").get(pk=claimed.run_id)
    if run.feed is None:
        raise NotFound("The feed was deleted.")
    if run.made_in is None:
        _make(run, run.feed, claimed, clock)
        run.refresh_from_db()
    if run.feed.target == FeedTarget.MAIL:
        _hand_over(run, run.feed, claimed, clock)
        return None
    return BRINGING[run.feed.target](_consignment(run, run.feed, claimed, clock()))


def _make(
    run: FeedRun, feed: Feed, claimed: ClaimedRun, clock: Callable[[], datetime]
) -> None:
    told = time.monotonic()

    def tell(share: float) -> None:
        nonlocal told
        if time.monotonic() - told >= _TELL_EVERY_S:
            told = time.monotonic()
            if not prolong(claimed, now=clock(), share=share):
                raise _ClaimLostError

    prolong(claimed, now=clock(), share=0.0)
    made = files.make(run, feed, attempt=claimed.number, now=clock(), tell=tell)
    mine = FeedRun.objects.filter(pk=run.pk, claim=claimed.claim)
    if not mine.update(
        made_in=claimed.number,
        made_at=clock(),
        progress=1.0,
        content_type=made.content_type,
        size=made.size,
        sha256=made.sha256,
        counts=made.counts,
    ):
        raise _ClaimLostError


def _consignment(
    run: FeedRun, feed: Feed, claimed: ClaimedRun, now: datetime
) -> Consignment:
    attempt = run.attempts.get(number=claimed.number)
    manifest = _manifest(run, feed, now) if feed.target == FeedTarget.WEBHOOK else {}
    return Consignment(
        uid=id_of(run),
        attempt_uid=str(attempt.uid),
        at=now.astimezone(UTC),
        organization=feed.organization.slug,
        file_name=run.file_name,
        content_type=run.content_type,
        size=run.size or 0,
        sha256=run.sha256,
        pieces=lambda: files.pieces_of(run),
        setup={**feed.config, **feed.secrets},
        signing=tuple(signing_secrets(feed.secrets, now=now)),
        manifest=manifest,
    )


def id_of(run: FeedRun) -> str:
    """Return by what a receiver tells repeats: a file that is made anew is another."""
    return str(run.uid) if run.revision == 1 else f"{run.uid}.{run.revision}"


def _manifest(run: FeedRun, feed: Feed, now: datetime) -> dict[str, object]:
    return {
        "type": "export.ready",
        "timestamp": now.astimezone(UTC).isoformat(),
        "data": {
            "id": str(run.uid),
            "revision": run.revision,
            "organization_id": feed.organization.slug,
            "feed": {"id": str(feed.uid), "name": feed.name},
            "kind": feed.kind,
            "format": feed.format,
            "start_date": run.first_day.isoformat(),
            "end_date": (run.end_day - timedelta(days=1)).isoformat(),
            "made_at": run.made_at.isoformat() if run.made_at else None,
            "counts": run.counts,
            "file": {
                "name": run.file_name,
                "content_type": run.content_type,
                "bytes": run.size,
                "sha256": run.sha256,
                "url": notices.file_link(run, feed.name, now=now),
                "expires_at": (now + notices.LINK_LASTS).astimezone(UTC).isoformat(),
            },
        },
    }


# -- Mail: the outbox carries it


@transaction.atomic
def _hand_over(
    run: FeedRun, feed: Feed, claimed: ClaimedRun, clock: Callable[[], datetime]
) -> None:
    """Write the mails and leave the run to them, or do neither."""
    now = clock()
    mine = FeedRun.objects.pending().filter(pk=run.pk, claim=claimed.claim)
    if not mine.update(
        handed_over_at=now,
        next_attempt_at=None,
        claim=None,
        claimed_until=None,
        error="",
    ):
        raise _ClaimLostError
    body = None
    if (run.size or 0) <= MOST_BYTES:
        body = b"".join(files.pieces_of(run))
    notices.write_mails(run, feed, body, now=now)
    attempt = run.attempts.get(number=claimed.number)
    attempt.duration_ms = max(round((now - attempt.at).total_seconds() * 1_000), 0)
    attempt.save(update_fields=["duration_ms"])
    enqueue_once(DELIVER)


def follow_mails(now: datetime) -> int:
    """End the runs of which all mails have ended; return how many.

    Safe to repeat and for any number of workers at once.
    """
    handed = FeedRun.objects.pending().filter(handed_over_at__isnull=False)
    rows = handed.order_by("handed_over_at", "pk")
    return sum(_follow(run, now) for run in rows[:_AT_ONCE])


@transaction.atomic
def _follow(run: FeedRun, now: datetime) -> bool:
    mails = list(notices.mails_of(run))
    if any(one.state == DeliveryState.PENDING for one in mails):
        return False
    failed = [one for one in mails if one.state == DeliveryState.FAILED]
    if failed or not mails:
        words = f"{failed[0].recipient}: {failed[0].error}" if failed else "To nobody."
        more = f" And {len(failed) - 1} more." if len(failed) > 1 else ""
        fail(run, f"{words[: 480 - len(more)]}{more}", now=now)
        return True
    mine = FeedRun.objects.pending().filter(pk=run.pk, handed_over_at__isnull=False)
    return bool(
        mine.update(
            state=FeedRunState.DELIVERED,
            handed_over_at=None,
            finished_at=now,
            error="",
        )
    )
