"""Money set aside for this process, and what has become of it."""

from __future__ import annotations

import threading
from typing import Optional, Union

from llm_cost_ops.answers.controls import Reason
from llm_cost_ops.calls import Call, Tokens
from llm_cost_ops.leases.terms import Terms
from llm_cost_ops.rules import Verdict

SECONDS_AHEAD = 30.0  # of spending, that a lease is to hold
CALLS_AHEAD = 4  # the least it is to hold, in calls like the last one
TOO_MUCH = 4  # times what it is to hold


class Ticket:
    """What a call holds while it is made: leave, and the money that it may cost.

    Without a lease or an authorization nothing was set aside for it.
    """

    __slots__ = ("authorization_id", "estimate", "lease", "model", "price", "reasons")

    def __init__(
        self,
        model: str,
        *,
        lease: Optional[Lease] = None,
        estimate: int = 0,
        authorization_id: Optional[str] = None,
        reasons: tuple[Reason, ...] = (),
    ) -> None:
        self.model = model
        self.lease = lease
        self.estimate = estimate
        self.authorization_id = authorization_id
        self.price = lease.terms.price if lease is not None else None
        self.reasons = reasons  # why it is another model than was asked for


class Short:
    """A lease does not hold enough for a call, which needs so many units more."""

    __slots__ = ("missing",)

    def __init__(self, missing: int) -> None:
        self.missing = missing


OVER = "over"  # the lease's time is over
Outcome = Union[Ticket, Verdict, Short, str]


class Lease:
    """Money that calls of one model are decided by, alone and in memory.

    However many threads decide at once, no more is given out than was granted.
    """

    def __init__(self, lease_id: str, terms: Terms, granted: int, since: float) -> None:
        self.id = lease_id
        self.terms = terms
        self.left = granted  # units
        self.until = since + terms.seconds  # by the monotonic clock
        self.low = 0  # below which more is fetched ahead
        self.ahead = 0  # what it was to hold when that was last looked at
        self.used_at = since
        self.refreshed_at = since
        self.outstanding = 0  # calls being made
        self._lock = threading.Lock()
        self._claimed = 0  # units kept for the one call that is asking for more
        self._own = 0  # units decided since the budgets' figures came
        self._unreported = 0  # units decided that the server has not heard of
        self._last = 0  # the estimate of the last call
        self._spent = 0  # units, ever
        self._marked = (since, 0)  # when the burn rate was looked at, and _spent then

    def decide(
        self,
        call: Call,
        now: float,
        *,
        may_downgrade: bool = True,
        claims: bool = False,
    ) -> Outcome:
        """Decide *call* and set its money aside; *now* by the monotonic clock.

        One that falls short and *claims* keeps what there is until it has fetched the
        rest (or calls `unclaim`): else others would take both, and it never came to
        an end. Only one thread at a time may claim.
        """
        if now >= self.until:
            return OVER
        terms = self.terms
        price = terms.price
        if price is None:
            if terms.blocks:
                return Verdict("unpriced", terms.blocks)
            estimate = 0
        else:
            estimate = price.worst(call.input_tokens, call.output_tokens)
        if terms.rules:
            priced = None if price is None else estimate
            verdict = terms.rules.judge(call, priced, self._own)
            if verdict is not None and (may_downgrade or not verdict.model):
                return verdict
        with self._lock:
            self._last = estimate
            if claims:
                self.left += self._claimed
                self._claimed = 0
            if estimate > self.left:
                return self._short(estimate - self.left, claims=claims)
            self.left -= estimate
            self._own += estimate
            self._unreported += estimate
            self._spent += estimate
            self.outstanding += 1
            self.used_at = now
        return Ticket(call.model, lease=self, estimate=estimate)

    def _short(self, missing: int, *, claims: bool) -> Short:
        if claims:
            self._claimed, self.left = self.left, 0
        return Short(missing)

    def settle(self, ticket: Ticket, used: Optional[Tokens]) -> int:
        """Take back what a call did not use; return its cost. None: it used nothing."""
        cost = 0
        if used is not None and ticket.price is not None:
            cost = ticket.price.cost(used)
        back = ticket.estimate - cost
        with self._lock:
            self.left += back
            self._own -= back
            self._unreported -= back
            self._spent -= back
            self.outstanding -= 1
        return cost

    def reported(self, cost: int) -> None:
        """Note that the server has booked so much of what was decided here."""
        with self._lock:
            self._unreported -= cost

    # -- More money, less money

    def decided(self) -> tuple[int, int]:
        """Return the units the server has not heard of, and all there ever were."""
        with self._lock:
            return self._unreported, self._spent

    def grant(self, units: int) -> None:
        """Take money, claimed for whoever has asked for it."""
        with self._lock:
            self._claimed += units

    def unclaim(self) -> None:
        """Let everybody have what was claimed."""
        with self._lock:
            self.left += self._claimed
            self._claimed = 0

    def renew(self, terms: Terms, decided: tuple[int, int], since: float) -> None:
        """Take new terms and time; *decided* and *since* from before asking. What was
        decided while the server answered it has not heard of, either."""
        with self._lock:
            unreported, spent = decided
            self._own = unreported + self._spent - spent
            self.terms = terms
            self.until = since + terms.seconds
            self.refreshed_at = since

    def wanted(self, now: float) -> int:
        """Return how many units more it is to hold, by how fast it is used up."""
        with self._lock:
            since, spent = self._marked
            elapsed = max(now - since, 1.0)
            burn = max(self._spent - spent, 0) / elapsed
            if now - since >= 1.0:
                self._marked = (now, self._spent)
            self.ahead = max(int(burn * SECONDS_AHEAD), CALLS_AHEAD * self._last)
            self.low = self.ahead // 3
            return max(self.ahead - self.left - self._claimed, 0)

    def trim(self) -> int:
        """Give up what is far more than it is to hold; return the units."""
        with self._lock:
            if not self.ahead or self.left <= TOO_MUCH * self.ahead:
                return 0
            surplus = self.left - 2 * self.ahead
            self.left -= surplus
            return surplus

    def take_back(self) -> int:
        """Give up what is left, and the lease with it; return the units."""
        with self._lock:
            left, self.left = self.left + self._claimed, 0
            self._claimed = 0
            self.until = 0.0
            return max(left, 0)

    def is_settled(self) -> bool:
        """Tell that no call is being made and the server knows of all that were."""
        with self._lock:
            return self.outstanding == 0 and self._unreported == 0
