"""A worker whose every process is told to stop while it sends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from tests.concurrency.processes import run
from tests.notifications.receivers import receiving, until

SENT = 400
STOPS_S = 20  # how soon a supervisor wants it to be gone


@contextmanager
def working(environment: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    worker = subprocess.Popen(
        [sys.executable, "manage.py", "qcluster"],
        cwd=settings.BASE_DIR,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield worker
    finally:
        worker.kill()
        worker.wait()


def test_a_worker_that_is_told_to_stop_ends_what_it_sends_and_leaves_the_rest(
    environment: dict[str, str],
) -> None:
    surroundings = environment | {
        "DJANGO_SETTINGS_MODULE": "costops.settings",
        "COSTOPS_OUTGOING_ALLOW": "127.0.0.0/8",
        "COSTOPS_MAIL_DOMAINS": "*",
        "EMAIL_URL": "file:var/mails",
    }
    with receiving() as receiver:
        run(surroundings, "fill", receiver.port, SENT, 0)
        receiver.slow_s = 1
        with working(surroundings) as worker:
            until(lambda: receiver.requests)
            told = time.monotonic()
            os.killpg(worker.pid, signal.SIGTERM)
            assert worker.wait(60) == 0
            took_s = time.monotonic() - told
        before, receiver.slow_s = len(receiver.requests), 0
        record = json.loads(run(surroundings, "drain"))

    assert took_s < STOPS_S
    assert 0 < before < SENT
    tries = Counter(request.headers["webhook-id"] for request in receiver.requests)
    assert tries == Counter(uid for uid, _, _ in record["deliveries"])
    assert {state for _, _, state in record["deliveries"]} == {"delivered"}
    assert None not in record["attempts"].values()
