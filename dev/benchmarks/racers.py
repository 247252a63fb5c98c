"""Clients of a race, in a process of their own that knows nothing of Django.

`python -m dev.benchmarks.racers` reads a `Start` as JSON on stdin, says "ready", goes
when the next line comes, says "done", and gives leases back at one more line. What
clients asked and were answered is written down before they go on: so it is known of a
process that was killed.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from random import Random
from typing import Any, TypedDict

from dev.benchmarks.wire import Line, amount_of, units_of

LONG_S, SHORT_S = 600, 1  # how long authorizations wait: used ones, forgotten ones
AHEAD = 20  # a lease is for so many calls
# One model, as different clients write it; the budgets name the first.
SPELLINGS = ("gpt-4o", "GPT-4o", "openai/gpt-4o", "gpt-4o-2024-08-06")
PROVIDERS = ("openai", "OpenAI", "openai.chat")
USED, RELEASED = 0.5, 0.8  # so many calls are used, then released; of the rest below


class Runner(TypedDict):
    """One client."""

    name: str
    project: str
    seed: int


class Start(TypedDict):
    """What a process of clients is told."""

    port: int
    key: str
    log: str  # the file that events go to
    way: str
    runners: list[Runner]
    least: int  # units a request
    most: int
    calls: int  # most that one client asks for
    patience: int  # refusals one after the other until a client gives up
    pause_s: float  # after a refusal
    forgets: bool  # some calls are never heard of again
    lease_s: int


@dataclass(slots=True)
class Racer:
    """One client: a connection, what it asks by chance, and where it is written."""

    start: Start
    runner: Runner
    log: int  # file descriptor
    line: Line
    random: Random
    refused: int = 0  # one after the other
    lease: "Lease | None" = None  # what is left when it stops

    @property
    def size(self) -> int:
        return self.random.randint(self.start["least"], self.start["most"])

    @property
    def call(self) -> dict[str, Any]:
        """What it asks for; asking and reporting, it is spelled anew each time."""
        return {
            "provider": self.random.choice(PROVIDERS),
            "model": self.random.choice(SPELLINGS),
            "project_id": self.runner["project"],
        }

    def turns(self) -> Iterator[int]:
        for number in range(self.start["calls"]):
            if self.refused >= self.start["patience"]:
                return
            yield number

    def note(self, what: str, **fields: Any) -> None:
        fields |= {"what": what, "project": self.runner["project"]}
        fields["client"] = self.runner["name"]
        os.write(self.log, json.dumps(fields).encode() + b"\n")

    def post(self, path: str, body: Any) -> tuple[int, Any, dict[str, float]]:
        """Send *body*; return status, answer and when both were."""
        sent = time.time()
        status, answer = self.line.post(f"/api/v1/{path}", body)
        times = {"sent": sent, "got": time.time()}
        if status >= 400 and not (status == 409 and answer["code"] == "lease_over"):
            self.note("error", status=status, answer=answer, **times)
        return status, answer, times

    def note_refusal(
        self, units: int, reasons: list[dict[str, Any]], times: dict[str, float]
    ) -> None:
        self.refused += 1
        left = {
            one["budget_name"]: units_of(one["left"])
            for one in reasons
            if one["left"] is not None
        }
        self.note("refuse", units=units, left=left, **times)
        time.sleep(self.start["pause_s"] * (0.5 + self.random.random()))

    def record(self, name: str, units: int, authorization: str) -> dict[str, Any]:
        """Return the usage record of a call that cost so much; who settles may leave
        out what was asked for.
        """
        said = self.call
        if self.random.random() < 0.5:
            del said["project_id"]
        return {
            **said,
            "id": f"{self.runner['name']}-{name}",
            "timestamp": datetime.now(UTC).isoformat(),
            "input_tokens": 10,
            "output_tokens": 10,
            "cost": amount_of(units),
            "authorization_id": authorization,
        }


# -- Every call asks


def reserve(racer: Racer) -> None:
    """Ask for money and keep it."""
    for _ in racer.turns():
        authorize(racer, racer.size, LONG_S)


def turn_over(racer: Racer) -> None:
    """Ask for money; then use it, give it back, or say no more."""
    for number in racer.turns():
        chance, units = racer.random.random(), racer.size
        forgotten = chance >= RELEASED and racer.start["forgets"]
        uid = authorize(racer, units, SHORT_S if forgotten else LONG_S)
        if uid is None or forgotten:
            continue
        if chance < USED or chance >= RELEASED:
            use(racer, f"{number}", racer.random.randint(0, units), units, uid)
        else:
            _, _, times = racer.post(f"authorizations/{uid}/release", None)
            racer.note("give", uid=uid, units=units, **times)


def authorize(racer: Racer, units: int, ttl_s: int) -> str | None:
    """Return the id of an authorization; None: it was refused."""
    body = {**racer.call, "estimated_cost": amount_of(units), "ttl_s": ttl_s}
    status, answer, times = racer.post("authorizations", body)
    if status != 200:
        return None
    if answer["decision"] != "allow":
        racer.note_refusal(units, answer["reasons"], times)
        return None
    racer.refused = 0
    reserved = units_of(answer["reserved"])
    uid: str = answer["id"]
    racer.note("take", uid=uid, units=reserved, **times)
    return uid


def use(racer: Racer, name: str, units: int, held: int, uid: str) -> None:
    """Report what a call cost."""
    _, _, times = racer.post("usage", racer.record(name, units, uid))
    racer.note("use", uid=uid, units=units, held=held, **times)


# -- Whoever holds a lease decides


@dataclass(slots=True)
class Lease:
    """Money a client decides about by itself."""

    uid: str = ""
    left: int = 0
    until: float = 0.0  # monotonic


def hold_lease(racer: Racer) -> None:
    """Decide under leases, and settle in batches."""
    lease, records = Lease(), list[dict[str, Any]]()
    racer.lease = lease
    numbers = count()
    for _ in racer.turns():
        units = racer.size
        if _get(racer, lease, units, records):
            actual = racer.random.randint(0, units)
            lease.left -= actual  # the estimate is free again once the call is over
            records.append(racer.record(f"{next(numbers)}", actual, lease.uid))
        if len(records) >= 20:
            settle(racer, records)
    settle(racer, records)
    racer.note("stop", units=lease.left, uid=lease.uid)


def give_back(racer: Racer, lease: Lease) -> None:
    """Return what a client did not use."""
    if not lease.uid:
        return
    body = {"amount": amount_of(lease.left)}
    status, answer, times = racer.post(f"leases/{lease.uid}/return", body)
    if status == 200:
        returned = units_of(answer["returned"])
        racer.note("give", uid=lease.uid, units=returned, **times)


def settle(racer: Racer, records: list[dict[str, Any]]) -> None:
    """Report what calls under leases cost."""
    if not records:
        return
    _, _, times = racer.post("usage/batch", records)
    for record in records:
        units = units_of(record["cost"])
        uid = record["authorization_id"]
        racer.note("use", uid=uid, units=units, held=units, **times)
    records.clear()


def _get(racer: Racer, lease: Lease, units: int, records: list[dict[str, Any]]) -> bool:
    """See that the lease has *units*; False: it can't be had."""
    if time.monotonic() < lease.until and units <= lease.left:
        return True
    settle(racer, records)
    if lease.uid and _ask(racer, lease, units, f"leases/{lease.uid}/renew"):
        return units <= lease.left
    if not lease.uid and _ask(racer, lease, units, "leases"):
        return units <= lease.left
    return False


def _ask(racer: Racer, lease: Lease, units: int, path: str) -> bool:
    """Take or renew a lease; False: refused, or over."""
    least = max(units - lease.left, 0)
    body = {
        **(racer.call if path == "leases" else {}),
        "amount": amount_of(AHEAD * units if least else 0),  # 0: it needs only time
        "minimum": amount_of(least),
        "ttl_s": racer.start["lease_s"],
    }
    began = time.monotonic()
    status, answer, times = racer.post(path, body)
    if status >= 400:
        lease.uid, lease.left = "", 0  # it is over, and what it held is gone
        return False
    if answer["mode"] != "lease":
        racer.note_refusal(least, answer["reasons"], times)
        return False
    racer.refused = 0
    granted = units_of(answer["granted"])
    racer.note("take", uid=answer["id"], units=granted, **times)
    lease.uid, lease.left = answer["id"], lease.left + granted
    lease.until = began + float(answer["ttl_s"])
    return True


WAYS: dict[str, Callable[[Racer], None]] = {
    "reserve": reserve,
    "turn over": turn_over,
    "lease": hold_lease,
}


def main() -> None:
    start: Start = json.loads(sys.stdin.readline())
    log = os.open(start["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    racers = [
        Racer(start, one, log, Line(start["port"], start["key"]), Random(one["seed"]))
        for one in start["runners"]
    ]
    print("ready", flush=True)
    sys.stdin.readline()
    threads = [
        threading.Thread(target=WAYS[start["way"]], args=[one]) for one in racers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("done", flush=True)
    sys.stdin.readline()
    for racer in racers:
        if racer.lease is not None:
            give_back(racer, racer.lease)


if __name__ == "__main__":
    main()
