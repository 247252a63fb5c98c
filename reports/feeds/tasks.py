"""What workers do for feeds."""

import os
import subprocess
import sys
import time
from dataclasses import astuple
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from lib.processes import is_asked_to_stop
from lib.queue import enqueue
from notifications.transports.base import TransportError
from reports.feeds import files
from reports.feeds.child import CLAIMED
from reports.feeds.claims import ClaimedRun, claim_next, settle
from reports.feeds.planning import CARRY_OUT, plan_due
from reports.feeds.work import follow_mails
from reports.models.feeds import FeedRun

MOST_S = 120  # after which a task begins no other run
PATIENCE_S = 400  # with MOST_S less than a task may take


def plan_at(now: datetime) -> str:
    """Write the runs that are due; end those whose mails have ended; say how many."""
    planned, ended, gone = plan_due(now), follow_mails(now), files.forget(now)
    return (
        f"Wrote {planned} runs of feeds; ended {ended} that went by mail; "
        f"forgot {gone} files of old ones."
    )


def carry_out() -> str:
    """Carry out the runs that are due; what is left when the time is up is another
    task's."""
    done = carry_out_due()
    if FeedRun.objects.due(timezone.now()).exists():
        enqueue(CARRY_OUT)
    return f"Carried out {done} runs of feeds."


def carry_out_due() -> int:
    """Carry out the runs that are due, one after the other; return how many.

    Begins none after MOST_S, or once the worker is asked to stop.
    """
    ends, done = time.monotonic() + MOST_S, 0
    while time.monotonic() < ends and not is_asked_to_stop():
        claimed = claim_next(timezone.now())
        if claimed is None:
            break
        _in_child(claimed)
        done += 1
    return done


def _in_child(claimed: ClaimedRun) -> None:
    """Have a process of its own make the attempt, and wait for it, for a while.

    One that takes longer goes on beside this worker. One that was killed is settled
    here: it could say nothing itself.
    """
    began = timezone.now()
    words = [*astuple(claimed), os.getpid()]
    child = subprocess.Popen(
        [sys.executable, "-m", "reports.feeds.child"],
        cwd=settings.BASE_DIR,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": settings.SETTINGS_MODULE,
            CLAIMED: " ".join(map(str, words)),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        status = child.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        return
    if status != 0:
        why = "was killed" if status < 0 else "ended early"
        error = TransportError(f"The process that made the file {why} ({status}).")
        settle(claimed, error, began=began, now=timezone.now())
