"""Workers that are killed while they send: a process apart, run by the test beside it.

python -m tests.concurrency.killing fill PORT COUNT
python -m tests.concurrency.killing kill KILLS
python -m tests.concurrency.killing drain
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from random import Random

import django

WORKERS = 4  # at once
CLAIM = timedelta(seconds=4)  # two minutes would be long to wait for
LIVES_S = (0.01, 0.15)  # how long until the next one is killed


def fill(port: int, count: int) -> None:
    """Write *count* deliveries to the receiver at *port*."""
    from accounts.models import Organization
    from notifications.models import Delivery
    from notifications.services import notify
    from notifications.types import Target
    from tests.notifications.factories import make_message, make_webhook

    organization = Organization.objects.create(slug="kill", name="Kill")
    hook = make_webhook(organization, f"http://127.0.0.1:{port}/")
    target = Target("webhook", hook.pk)
    (one,) = notify(organization.pk, [target], lambda _: make_message(), key="first")
    Delivery.objects.bulk_create(
        Delivery(
            organization=organization,
            key=f"{number}",
            channel=hook,
            type=one.type,
            subject=one.subject,
            message=one.message,
            next_attempt_at=one.next_attempt_at,
        )
        for number in range(1, count)
    )


def kill(kills: int) -> None:
    """Kill so many workers at random moments; there are always some at work."""
    random = Random(1)
    workers = [start_worker() for _ in range(WORKERS)]
    for _ in range(kills):
        time.sleep(random.uniform(*LIVES_S))
        victim = workers.pop(random.randrange(WORKERS))
        os.kill(victim, signal.SIGKILL)
        os.waitpid(victim, 0)
        workers.append(start_worker())
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)


def start_worker() -> int:
    """Return the id of a process that sends until it is killed.

    It is a copy of this one, which has never opened a connection to the database.
    """
    child = os.fork()
    if child:
        return child
    from django.utils import timezone

    from notifications import outbox

    while True:
        outbox.deliver(now=timezone.now())
        time.sleep(0.01)


def drain() -> None:
    """Send what is left and print what is on record of all of it."""
    from django.utils import timezone

    from notifications import outbox
    from notifications.models import Attempt, Delivery

    while Delivery.objects.filter(state="pending").exists():
        outbox.deliver(now=timezone.now())
        time.sleep(0.1)
    rows = Attempt.objects.values_list("uid", "delivery__uid", "status")
    print(  # noqa: T201 - it is what the test reads
        json.dumps(
            {
                "deliveries": {
                    str(uid): state
                    for uid, state in Delivery.objects.values_list("uid", "state")
                },
                "attempts": [[str(uid), str(of), status] for uid, of, status in rows],
            }
        )
    )


if __name__ == "__main__":
    django.setup()
    from notifications import outbox

    outbox.CLAIM = CLAIM
    work: dict[str, Callable[..., None]] = {"fill": fill, "kill": kill, "drain": drain}
    work[sys.argv[1]](*map(int, sys.argv[2:]))
