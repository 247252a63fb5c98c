"""All leases of a process: which one a call is decided by."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import nullcontext
from typing import Any, Optional, Union

from llm_cost_ops.api import controls
from llm_cost_ops.calls import Attribution, Call
from llm_cost_ops.client import CostOpsClient
from llm_cost_ops.errors import CostOpsError
from llm_cost_ops.leases.lease import OVER, Lease, Outcome, Short
from llm_cost_ops.leases.slot import Ask, Blocked, Slot
from llm_cost_ops.money import units_on_wire

MOST_CALLERS = 20_000  # remembered; with more, they are looked up by what matters
FORGOTTEN_S = 300.0  # after which the server takes a lease back anyway
ROUNDS = 5  # of asking the server for one call

log = logging.getLogger("llm_cost_ops")


class Book:
    """Finds the lease of a call, in memory where there is one."""

    def __init__(self, client: CostOpsClient, first: int, timeout: float) -> None:
        self._client = client
        self._first = first
        self._timeout = timeout
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget every lease: of a child process they are the parent's."""
        self._lock = threading.Lock()
        self._by_caller: dict[tuple[str, str, Attribution], Slot] = {}
        self._slots: dict[tuple[Any, ...], Slot] = {}
        self._names: Optional[frozenset[str]] = None  # that matter; None: not told yet
        self._pioneer = threading.RLock()  # the one who asks before that is told
        self._ending: list[Lease] = []  # whose last calls are not booked yet

    def slots(self) -> list[Slot]:
        with self._lock:
            return list(self._slots.values())

    def slot_of(self, call: Call) -> Slot:
        found = self._by_caller.get((call.provider, call.model, call.who))
        return self._looked_up(call) if found is None else found

    def _looked_up(self, call: Call) -> Slot:
        with self._lock:
            names = self._names
            who = call.who if names is None else call.who.only(names)
            key = (call.provider, call.model, who)
            slot = self._slots.get(key)
            if slot is None:
                slot = self._slots[key] = Slot(call, self._first)
            if len(self._by_caller) >= MOST_CALLERS:
                self._by_caller.clear()
            self._by_caller[call.provider, call.model, call.who] = slot
            return slot

    def decide(self, call: Call, *, may_downgrade: bool = True) -> Union[Outcome, Ask]:
        """Decide in memory; Short and OVER: ask with `decide_by_asking`."""
        slot = self._by_caller.get((call.provider, call.model, call.who))
        if slot is None:
            slot = self._looked_up(call)
        return slot.decide(call, time.monotonic(), may_downgrade=may_downgrade)

    def decide_by_asking(
        self, call: Call, *, may_downgrade: bool = True
    ) -> Union[Outcome, Ask, Blocked]:
        """Decide, fetching money from the server where there is not enough.

        Raises:
            CostOpsError: the server did not help.
        """
        for _ in range(ROUNDS):
            alone = self._pioneer if self._names is None else nullcontext()
            with alone, (slot := self.slot_of(call)).flight:  # others find it fetched
                try:
                    found = self._decide_in_flight(
                        slot, call, may_downgrade=may_downgrade
                    )
                finally:
                    slot.unclaim()
            if found is not OVER:
                return found
        return OVER

    def _decide_in_flight(
        self, slot: Slot, call: Call, *, may_downgrade: bool
    ) -> Union[Outcome, Ask, Blocked]:
        """Fetch until it is decided; OVER: the call belongs to another slot by now."""
        for _ in range(ROUNDS):
            now = time.monotonic()
            found = slot.decide(call, now, may_downgrade=may_downgrade, claims=True)
            if found is not OVER and not isinstance(found, Short):
                return found
            missing = found.missing if isinstance(found, Short) else 0
            blocked = self._fetch(slot, missing)
            if blocked is not None:
                return blocked
            if self.slot_of(call) is not slot:
                break
        return OVER

    def _fetch(self, slot: Slot, missing: int) -> Optional[Blocked]:
        blocked = slot.fetch(self._client, missing, self._timeout)
        if blocked is not None and missing and self._give_back_beside(slot):
            blocked = slot.fetch(self._client, missing, self._timeout)
        if slot.lease is not None:
            self._mind(slot.lease.terms.dimensions)
        return blocked

    def _mind(self, names: frozenset[str]) -> None:
        """Tell leases apart by *names* from now on."""
        with self._lock:
            if names == self._names:
                return
            self._names = names
            former = sorted(self._slots.values(), key=lambda slot: slot.lease is None)
            self._by_caller.clear()
            self._slots = {}
            for slot in former:
                key = (slot.provider, slot.model, slot.who.only(names))
                self._slots.setdefault(key, slot)
            kept = set(self._slots.values())
        for slot in former:
            if slot not in kept:
                self.give_back(slot)

    def _give_back_beside(self, slot: Slot) -> int:
        """Return what other leases of this process hold idly; return the units."""
        others = [each for each in self.slots() if each is not slot]
        return sum(self.give_back(each) for each in others)

    def give_back(self, slot: Slot) -> int:
        """Return what is left of a slot's lease; return the units."""
        if not slot.flight.acquire(blocking=False):
            return 0  # it is just being asked for
        try:
            lease, slot.lease = slot.lease, None
            return 0 if lease is None else self._end(lease)
        finally:
            slot.flight.release()

    def trim(self, lease: Lease) -> None:
        """Return what a lease holds far beyond its use."""
        if units := lease.trim():
            self._return(lease, units_on_wire(units))

    def _end(self, lease: Lease) -> int:
        units = lease.take_back()
        if lease.is_settled():
            return units if self._return(lease, None) else 0
        self._ending.append(lease)  # its calls need some: the records name it
        return units if units and self._return(lease, units_on_wire(units)) else 0

    def _return(self, lease: Lease, amount: Optional[str]) -> bool:
        """Give money back (None: all); if that fails, it comes back by itself."""
        request = controls.return_lease(lease.id, amount=amount)
        try:
            self._client.send_once(request, timeout=self._timeout)
        except CostOpsError as error:
            log.info("lease %s could not be returned: %s", lease.id, error)
            return False
        return True

    def finish_ending(self) -> None:
        """Return the rest of leases whose calls are all booked by now."""
        ending, self._ending = self._ending, []
        now = time.monotonic()
        for lease in ending:
            if lease.is_settled():
                self._return(lease, None)
            elif now - lease.used_at < FORGOTTEN_S:
                self._ending.append(lease)
