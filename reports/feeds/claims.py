"""Taking a run that is due, so that no other worker does, and ending it.

As the outbox does it: a worker commits that it begins (an attempt of its own, and a
claim on the run), works outside any transaction, then commits what became of it. A
file may take an hour, so who works on it prolongs the claim; killed at any step it
leaves a claim that runs out, and the run to the others.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import SystemRandom
from typing import Any
from uuid import UUID, uuid4

from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models import F

from accounts.audit import acting_as
from lib.queue import enqueue_at
from notifications.jobs import masked
from notifications.outcomes import JITTER, LONGEST_WAIT_S, WAITS_S
from notifications.transports.base import Accepted, TransportError
from reports.feeds.notices import tell_of_failure
from reports.feeds.planning import CARRY_OUT
from reports.models.feeds import Feed, FeedAttempt, FeedRun, FeedRunState

logger = logging.getLogger("reports")

CLAIM = timedelta(minutes=2)  # what a worker that dies delays a run by, at most
MOST_TRIES = len(WAITS_S) + 1
_LOOKED_AT = 20  # that are due, where others take them at the same moment
_KILLED = "Whoever worked at it was killed each time; the file may be too large."
_random = SystemRandom()
# What a run that has ended has no more.
ENDED: dict[str, None] = dict.fromkeys(
    ("next_attempt_at", "handed_over_at", "claim", "claimed_until")
)


@dataclass(frozen=True, slots=True)
class ClaimedRun:
    """A run that is this worker's, by *claim*, for its attempt *number*."""

    run_id: int
    claim: UUID
    number: int
    revision: int


def claim_next(now: datetime) -> ClaimedRun | None:
    """Take the run that has waited longest and write down that it begins; None: there
    is none that is due."""
    for run_id in FeedRun.objects.due(now).values_list("pk", flat=True)[:_LOOKED_AT]:
        if found := _claim(run_id, now):
            return found
    return None


@transaction.atomic
def _claim(run_id: int, now: datetime) -> ClaimedRun | None:
    claim = uuid4()
    rows = FeedRun.objects.pending().unclaimed(now)
    mine = rows.filter(pk=run_id, next_attempt_at__lte=now).update(
        claim=claim, claimed_until=now + CLAIM, tries=F("tries") + 1
    )
    if not mine:
        return None
    run = FeedRun.objects.get(pk=run_id)
    if run.tries > MOST_TRIES:  # none of them ever came to its end
        _give_up(run, _KILLED, now)
        return None
    number = run.attempts.count() + 1
    FeedAttempt.objects.create(
        organization_id=run.organization_id, run=run, number=number, at=now
    )
    return ClaimedRun(run.pk, claim, number, run.revision)


def prolong(claimed: ClaimedRun, *, now: datetime, share: float | None = None) -> bool:
    """Hold the run for longer, and tell how much of its file is made; False: it is
    not this worker's any more."""
    progress = {} if share is None else {"progress": min(max(share, 0.0), 1.0)}
    mine = FeedRun.objects.filter(pk=claimed.run_id, claim=claimed.claim)
    return bool(mine.update(claimed_until=now + CLAIM, **progress))


@transaction.atomic
def settle(
    claimed: ClaimedRun,
    outcome: Accepted | TransportError,
    *,
    began: datetime,
    now: datetime,
) -> bool:
    """Write down what became of an attempt; False: the run is another worker's now.

    What arrived ends the run all the same, whoever holds it by then.
    """
    rows = FeedRun.objects.select_related("feed__organization")
    run = rows.defer("feed__secrets").get(pk=claimed.run_id)
    said = outcome.note if isinstance(outcome, Accepted) else str(outcome)
    words = masked(said, _secrets_of(run))
    run.attempts.filter(number=claimed.number).update(
        status=outcome.status,
        error=words,
        duration_ms=max(round((now - began).total_seconds() * 1_000), 0),
    )
    if isinstance(outcome, Accepted):
        return bool(
            FeedRun.objects.pending()
            .filter(pk=run.pk, revision=claimed.revision)
            .update(
                **ENDED,
                state=FeedRunState.DELIVERED,
                finished_at=now,
                error=words,
            )
        )
    if run.claim != claimed.claim or run.state != FeedRunState.PENDING:
        return False
    if outcome.gone:
        _switch_off(run, words)
    wait_s = _wait_of(run, outcome)
    if wait_s is None:
        _give_up(run, words, now)
    else:
        _put_off(run, words, now + timedelta(seconds=wait_s))
    return True


def _secrets_of(run: FeedRun) -> Mapping[str, Any]:
    """Return what no remark may tell; nothing where it can't be read."""
    try:
        return run.feed.secrets if run.feed else {}
    except ImproperlyConfigured:
        return {}


def _wait_of(run: FeedRun, error: TransportError) -> float | None:
    """Return in how many seconds *run* is tried again; None: it has failed."""
    if error.permanent or run.tries >= MOST_TRIES or run.feed is None:
        return None
    wait_s: float = WAITS_S[run.tries - 1] * (1 + _random.random() * JITTER)
    if error.retry_after_s is not None:
        wait_s = min(max(wait_s, error.retry_after_s), LONGEST_WAIT_S * (1 + JITTER))
    return wait_s


def _put_off(run: FeedRun, words: str, at: datetime) -> None:
    mine = FeedRun.objects.filter(pk=run.pk, claim=run.claim)
    mine.update(next_attempt_at=at, claim=None, claimed_until=None, error=words)
    enqueue_at(at, CARRY_OUT)


def _give_up(run: FeedRun, words: str, now: datetime) -> None:
    fail(run, words, now=now)
    logger.warning("Run %s of a feed failed for good: %s", run.uid, words)


def fail(run: FeedRun, words: str, *, now: datetime) -> None:
    """End *run*, and have the finance admins told. Call it in a transaction."""
    ended = FeedRun.objects.pending().filter(pk=run.pk)
    if ended.update(**ENDED, state=FeedRunState.FAILED, finished_at=now, error=words):
        tell_of_failure(run, words, now=now)


def _switch_off(run: FeedRun, words: str) -> None:
    """Switch off a feed whose receiver says that it is gone for good."""
    if run.feed is None:
        return
    feed = Feed.objects.select_for_update().get(pk=run.feed.pk)
    if feed.enabled:
        feed.enabled, feed.disabled_reason = (
            False,
            f"Its receiver is gone: {words}"[:300],
        )
        with acting_as("worker"):
            feed.save(update_fields=["enabled", "disabled_reason"])
