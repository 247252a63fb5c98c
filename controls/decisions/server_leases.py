"""Money this process has set aside, to decide calls from without asking the database.

One lease for each path that is asked for. A call is allowed when its worst case fits
what is left of the lease, which is renewed by whoever finds it low; whoever finds it
dry meanwhile asks the database. What is left goes back when a path falls idle or the
process stops; if it is killed, when its leases expire.
"""

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from threading import Lock
from typing import Any, NamedTuple
from uuid import UUID

from django.db import DatabaseError, connections
from django.utils import timezone

from budgets.reservations.capture import GRACE, release
from budgets.reservations.tickets import ticket_id
from budgets.snapshots import revision_of
from controls.decisions.calls import estimate_of, has_effect
from controls.decisions.services import decide_all, decide_together
from controls.decisions.types import Answer, Ask, LeaseAnswer, LeaseAsk
from controls.policy import FIELD_OF, Guard, Where
from controls.types import Figures
from lib.money import from_units

logger = logging.getLogger("controls")

TTL = timedelta(seconds=10)
NEWS = timedelta(seconds=2)  # so late are new rules, prices, kill switches known here
ROTATED_S = 60.0  # a lease that is so old is given back, and another one taken
IDLE_S = 10.0  # a lease that nobody used for so long is given back
CALLS_AHEAD = 64  # a lease is for at least so many calls like the one at hand
SECONDS_AHEAD = 10.0  # and for what is decided in such a time
LOW = 4  # it is renewed when less than so many-th of it is left
PATIENCE_S = 2.0  # with a renewal under way, when the process stops
MOST_ALONG = 100  # leases that are renewed along with another one


class Key(NamedTuple):
    """What calls must share to be decided under one lease."""

    organization_id: int
    where: Where  # but for what no scope and no rule looks at
    model: str


@dataclass(slots=True, eq=False)
class _Lease:
    """What this process may decide about on one path; units of 10^-10."""

    key: Key
    lock: Lock = field(default_factory=Lock)  # held for an instant
    renewing: Lock = field(default_factory=Lock)  # held while the database is asked
    left: int = 0
    low: int = 0
    decided: int = 0  # since it was last renewed
    renewed_at: float = 0.0  # monotonic, as are the next three
    taken_at: float = 0.0
    deadline: float = 0.0
    used_at: float = 0.0
    uid: UUID | None = None
    name: str = ""  # the uid as text
    given: LeaseAnswer | None = None
    calls_end_at: datetime | None = None
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def figures(self, budget_id: int) -> Figures:
        """Return where a budget stood, and what was decided here since."""
        assert self.given is not None  # noqa: S101 - only asked under a lease
        known = self.given.figures[budget_id]
        return replace(known, spent=known.spent + self.decided)


class Quick(NamedTuple):
    """A call that was allowed under a lease of this process."""

    id: str  # a ticket's
    units: int
    currency: str
    expires_at: datetime


@dataclass(slots=True)
class _News:
    """The revision of an organization that this process last saw, and when."""

    revision: int | None = None
    until: float = 0.0  # monotonic
    # What calls need not be told apart by, as it stands in a key; None: not known yet.
    blank: dict[str, Any] | None = None


_leases: dict[Key, _Lease] = {}
_news: dict[int, _News] = {}  # by organization
_mutex = Lock()


def decide_quickly(organization_id: int, ask: Ask) -> Quick | Answer:
    """Decide a call from what this process has set aside.

    As exact as `decide_together`, which decides instead wherever a rule has an effect
    or no lease can be had at this moment. Rules see figures that may be TTL old, and
    what was decided here since.
    """
    news = _news_of(organization_id)
    if news.blank is None:
        answer = decide_together(organization_id, ask)
        _learn(organization_id, answer.guard)
        return answer
    for _ in range(4):  # to learn what changed, the price, to get the money, to take it
        blank = news.blank
        where = ask.where._replace(**blank)
        lease = _lease_for(Key(organization_id, where, ask.model))
        cost = _cost_of(lease, ask, news, blank)
        if cost is not None:
            if not _is_free(lease, ask, cost):
                break
            if (quick := _taken(lease, cost)) is not None:
                if lease.left < lease.low:
                    _renew(lease, ask, 0)
                return quick
        if not _renew(lease, ask, cost):
            break
    return decide_together(organization_id, ask)


def give_all_back() -> None:
    """Return every lease of this process; what is decided from now on asks anew."""
    _give_back(-1.0)


def forget() -> None:
    """Drop everything this process remembers, without giving it back."""
    _leases.clear()
    _news.clear()


def _news_of(organization_id: int) -> _News:
    """Return the organization's revision, NEWS old at most."""
    news = _news.get(organization_id)
    now = time.monotonic()
    if news is None:
        news = _news.setdefault(organization_id, _News())
    if now >= news.until:
        news.until = now + NEWS.total_seconds()  # others go on meanwhile
        news.revision = revision_of(organization_id)
    return news


def _lease_for(key: Key) -> _Lease:
    lease = _leases.get(key)
    if lease is None:
        with _mutex:
            lease = _leases.setdefault(key, _Lease(key))
    return lease


def _cost_of(lease: _Lease, ask: Ask, news: _News, blank: dict[str, Any]) -> int | None:
    """Return the most the call can cost; None: the lease is over, or knows no price,
    or its key, which leaves *blank* out, no longer tells calls apart as it must."""
    given = lease.given
    if (
        given is None
        or time.monotonic() >= lease.deadline
        or given.guard.book.revision != news.revision
        or news.blank is not blank
    ):
        return None
    return estimate_of(ask, given.plans[ask.model])


def _is_free(lease: _Lease, ask: Ask, cost: int) -> bool:
    """Tell that no rule has any effect on the call."""
    given = lease.given
    if given is None:
        return False
    plan = given.plans[ask.model]
    return not has_effect(plan, ask, cost, lease.figures, timezone.now())


def _taken(lease: _Lease, cost: int) -> Quick | None:
    with lease.lock:
        given, name, ends_at = lease.given, lease.name, lease.calls_end_at
        if cost > lease.left or given is None or ends_at is None:
            return None
        lease.left -= cost
        lease.decided += cost
        number = next(lease.numbers)
    lease.used_at = time.monotonic()
    return Quick(ticket_id(name, number, cost), cost, given.currency, ends_at)


def _renew(lease: _Lease, ask: Ask, cost: int | None) -> bool:
    """Have the lease renewed, or taken; False: it can't be, for this call at least.

    Others that are due soon are renewed along with it, in one transaction. Where
    another thread is at it already, the call is for the database to decide.
    """
    if not lease.renewing.acquire(blocking=False):
        return False
    others = _due_soon(lease)
    try:
        if lease.uid and _is_old(lease):
            _give_up(lease)
        first, *rest = decide_all(
            lease.key.organization_id,
            [_ask_for(lease, ask, cost), *(_ask_for(other) for other in others)],
        )
        _learn(lease.key.organization_id, first.guard)  # before anything newer is put
        for other, given in zip(others, rest, strict=True):
            _take(other, given)
        if isinstance(first, LeaseAnswer) and first.over:
            _give_up(lease)
            (first,) = decide_all(
                lease.key.organization_id, [_ask_for(lease, ask, cost)]
            )
            _learn(lease.key.organization_id, first.guard)
        return _take(lease, first)
    finally:
        for one in (lease, *others):
            one.renewing.release()


def _due_soon(lease: _Lease) -> list[_Lease]:
    """Hold for renewal what else of the organization is used and would be due soon."""
    soon = time.monotonic() + TTL.total_seconds() / 2
    found = []
    for other in list(_leases.values()):
        if (
            other is not lease
            and other.key.organization_id == lease.key.organization_id
            and other.uid is not None
            and other.decided
            and not _is_old(other)  # it is given back when its own turn comes
            and (other.deadline < soon or other.left < 2 * other.low)
            and other.renewing.acquire(blocking=False)
        ):
            found.append(other)
            if len(found) == MOST_ALONG:
                break
    return found


def _is_old(lease: _Lease) -> bool:
    return time.monotonic() - lease.taken_at > ROTATED_S


def _ask_for(
    lease: _Lease, ask: Ask | None = None, cost: int | None = None
) -> LeaseAsk:
    """Return what is asked for a lease, for a call at hand that may cost so much."""
    likely = cost or (ask and ask.estimate) or 0
    return LeaseAsk(
        where=lease.key.where,
        model=lease.key.model,
        ttl=TTL,
        wanted=_wanted(lease, likely),
        least=max((cost or 0) - lease.left, 0),
        lease=lease.uid,
    )


def _take(lease: _Lease, given: Answer) -> bool:
    """Take what a lease was given; False: nothing, and maybe it is over."""
    assert isinstance(given, LeaseAnswer)  # noqa: S101 - what a LeaseAsk gets
    if given.over:
        _give_up(lease)
        return False
    if given.uid is None or given.decision == "block":
        if given.ask_each or given.plans[lease.key.model].switch is not None:
            lease.given = None
        return False
    _put(lease, given)
    with _mutex:  # it may have been given back as idle, and another one taken since
        is_kept = _leases.setdefault(lease.key, lease) is lease
    if not is_kept:
        _give_up(lease)
    return is_kept


def _wanted(lease: _Lease, cost: int) -> int:
    """Return how much more the lease is to hold, by how fast it is used up."""
    elapsed = max(time.monotonic() - lease.renewed_at, 0.05)
    burnt = int(lease.decided / elapsed * SECONDS_AHEAD) if lease.uid else 0
    return max(cost * CALLS_AHEAD, burnt) - min(lease.left, burnt)


def _learn(organization_id: int, guard: Guard) -> None:
    """Remember what calls of the organization need not be told apart by."""
    news = _news[organization_id]
    blank: dict[str, Any] = {
        name: b"" if name == "tags" else ""
        for name, wire in FIELD_OF.items()
        if wire not in guard.dimensions
    }
    if blank != news.blank:
        news.blank = blank
    news.revision = guard.book.revision


def _put(lease: _Lease, given: LeaseAnswer) -> None:
    assert given.expires_at is not None  # noqa: S101 - it was granted
    assert given.plan is not None  # noqa: S101 - likewise
    until = min(given.expires_at, given.plan.stretch.end)
    seconds = (until - timezone.now()).total_seconds()
    now = time.monotonic()
    with lease.lock:
        if lease.uid != given.uid:
            lease.taken_at = now
        lease.uid, lease.name, lease.given = given.uid, str(given.uid), given
        lease.left += given.units
        lease.low = lease.left // LOW if given.units else 0
        lease.decided = 0
        lease.renewed_at = now
        lease.deadline = now + seconds
        lease.calls_end_at = given.expires_at + GRACE
    lease.used_at = now


# -- Giving back


def start_keeper() -> None:
    """Have a thread of this process give idle leases back."""
    threading.Thread(target=_keep, name="leases", daemon=True).start()


def _keep() -> None:
    while True:
        time.sleep(IDLE_S / 2)
        _give_back(time.monotonic() - IDLE_S)
        connections.close_all()


def _give_back(used_before: float) -> None:
    """Return the leases not used since; with a negative time, all of them."""
    for lease in list(_leases.values()):
        if used_before < 0 or lease.used_at < used_before:
            if not lease.renewing.acquire(timeout=PATIENCE_S if used_before < 0 else 0):
                continue  # it is in use after all
            try:
                with _mutex:
                    if _leases.get(lease.key) is lease:
                        del _leases[lease.key]
                _give_up(lease)
            finally:
                lease.renewing.release()


def _give_up(lease: _Lease) -> None:
    """Return what is left of a lease; calls under it keep what they hold."""
    with lease.lock:
        uid, left = lease.uid, lease.left
        lease.uid, lease.given = None, None
        lease.left = lease.low = lease.decided = 0
    if uid is None or not left:
        return
    try:
        release(
            lease.key.organization_id,
            uid,
            amount=from_units(left),
            now=timezone.now(),
        )
    except DatabaseError:
        logger.exception("A lease could not be returned; it will expire.")
