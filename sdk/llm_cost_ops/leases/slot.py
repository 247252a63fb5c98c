"""One place for a lease: calls of one model whose dimensions that matter are equal."""

from __future__ import annotations

import threading
import time
from typing import NamedTuple, Optional, Union

from llm_cost_ops.answers.controls import LeaseGrant, Reason
from llm_cost_ops.api import controls
from llm_cost_ops.calls import Call
from llm_cost_ops.client import CostOpsClient
from llm_cost_ops.errors import BadAnswerError, ConflictError, NotFoundError
from llm_cost_ops.leases.lease import OVER, Lease, Outcome
from llm_cost_ops.leases.terms import Terms
from llm_cost_ops.money import to_units, units_on_wire
from llm_cost_ops.rules import RATE_LIMIT, Verdict

TTL_S = 60
KILL_SWITCH = "kill_switch"


class Blocked(NamedTuple):
    """The server will not set money aside for a call."""

    reasons: tuple[Reason, ...]


class Ask:
    """Every call has to be authorized by the server, as a rate limit is in force."""


class Slot:
    """A lease, or why there is none; one request at a time is under way for it."""

    def __init__(self, call: Call, first: int) -> None:
        self.provider = call.provider
        self.model = call.model
        self.who = call.who  # the first call's, like all others' in what matters
        self.lease: Optional[Lease] = None
        self.flight = threading.Lock()
        self.ask_until = 0.0
        self.look_at = 0.0  # when the keeper is to look after it, at the latest
        self._first = first  # units to begin with, before any price is known

    def decide(
        self,
        call: Call,
        now: float,
        *,
        may_downgrade: bool = True,
        claims: bool = False,
    ) -> Union[Outcome, Ask]:
        """Decide in memory; Short and OVER: the server has to be asked.

        Who holds `flight` *claims* what there is, and calls `unclaim` in the end.
        """
        lease = self.lease
        if lease is None:
            return Ask() if now < self.ask_until else OVER
        found = lease.decide(call, now, may_downgrade=may_downgrade, claims=claims)
        if type(found) is Verdict and found.action == RATE_LIMIT:
            return Ask()  # only the server counts the calls of all clients
        return found

    def fetch(
        self, client: CostOpsClient, missing: int, timeout: float
    ) -> Optional[Blocked]:
        """Ask for money, of which less than *missing* more units is of no use.

        Only for who holds `flight`; what is granted is claimed.

        Raises:
            CostOpsError: there was no answer that helps.
        """
        lease = self.lease
        if lease is not None:
            try:
                return self._renew(client, lease, missing, timeout)
            except (ConflictError, NotFoundError):
                self._first = max(self._first, lease.ahead)
                self.lease = None  # it is over: begin anew
        return self._acquire(client, missing, timeout)

    def _acquire(
        self, client: CostOpsClient, missing: int, timeout: float
    ) -> Optional[Blocked]:
        since = time.monotonic()
        request = controls.acquire_lease(
            provider=self.provider,
            model=self.model,
            amount=units_on_wire(max(self._first, missing)),
            minimum=units_on_wire(missing),
            ttl_s=TTL_S,
            **self.who.wire,
        )
        grant = client.send_once(request, timeout=timeout)
        return self._taken(grant, since)

    def _renew(
        self, client: CostOpsClient, lease: Lease, missing: int, timeout: float
    ) -> Optional[Blocked]:
        since, decided = time.monotonic(), lease.decided()
        request = controls.renew_lease(
            lease.id,
            amount=units_on_wire(max(lease.wanted(since), missing)),
            minimum=units_on_wire(missing),
            ttl_s=TTL_S,
        )
        grant = client.send_once(request, timeout=timeout)
        if grant.mode == "lease":
            terms = Terms(grant, self.model)
            lease.renew(terms, decided, since)
            lease.grant(to_units(grant.granted))
            self.look_at = since + float(grant.refresh_s)
            return None
        return self._taken(grant, since)

    def _taken(self, grant: LeaseGrant, since: float) -> Optional[Blocked]:
        if grant.mode == "block":
            if is_switched_off(grant.reasons):
                self.drop()
            elif self.lease is not None:
                self.lease.low = 0  # there is no more to be fetched ahead
            return Blocked(grant.reasons)
        if grant.mode == "ask":
            self.drop()
            self.ask_until = since + float(grant.refresh_s)
            return None
        if grant.mode != "lease" or not grant.id:
            raise BadAnswerError(f"A lease of mode {grant.mode!r} is unknown.")
        terms = Terms(grant, self.model)
        lease = Lease(grant.id, terms, 0, since)
        lease.grant(to_units(grant.granted))
        self.lease = lease
        self.look_at = since + float(grant.refresh_s)
        return None

    def unclaim(self) -> None:
        """Let everybody have what is left."""
        if self.lease is not None:
            self.lease.unclaim()

    def drop(self) -> None:
        """Decide nothing by the lease any more; the server gets it back in time."""
        lease, self.lease = self.lease, None
        if lease is not None:
            lease.take_back()


def is_switched_off(reasons: tuple[Reason, ...]) -> bool:
    return any(reason.rule == KILL_SWITCH for reason in reasons)
