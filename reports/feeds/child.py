"""A process that makes one attempt at a run, and ends.

    COSTOPS_CLAIMED_RUN="RUN CLAIM NUMBER REVISION PARENT" python -m reports.feeds.child

A file may take longer than a task of the queue, and memory that a worker would never
give back. While it works it prolongs its claim; killed, or with the worker that began
it, it leaves the claim to run out.
"""

import os
import signal
import threading
from typing import Any
from uuid import UUID

import django

CLAIMED = "COSTOPS_CLAIMED_RUN"  # in the environment: what it is to do
BEAT_S = 20  # how often the claim is prolonged
LONGEST_S = 3_600  # then it is ended, and tried again


def main(claim: UUID, run_id: int, number: int, revision: int, parent: int) -> None:
    """Make the attempt; ends with status 0 whatever became of it."""
    signal.alarm(LONGEST_S)
    django.setup()
    from django.utils import timezone

    from lib.processes import die_with
    from reports.feeds.claims import ClaimedRun
    from reports.feeds.work import carry_out

    die_with(parent)
    claimed = ClaimedRun(run_id, claim, number, revision)
    over = threading.Event()
    threading.Thread(target=_beat, args=(claimed, over), daemon=True).start()
    try:
        carry_out(claimed, clock=timezone.now)
    finally:
        over.set()


def _beat(claimed: Any, over: threading.Event) -> None:
    """Prolong the claim until it is *over*; end the process where it is lost."""
    from django.db import OperationalError, connection
    from django.utils import timezone

    from reports.feeds.claims import prolong

    while not over.wait(BEAT_S):
        try:
            held = prolong(claimed, now=timezone.now())
        except OperationalError:
            connection.close()
            continue  # busy for a moment: the claim lasts for several beats
        if not held and not over.is_set():
            os._exit(1)


if __name__ == "__main__":
    run, held, *rest = os.environ[CLAIMED].split()
    main(UUID(held), int(run), *map(int, rest))
