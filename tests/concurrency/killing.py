"""Workers that are killed at what they do: processes apart, run by the test beside.

python -m tests.concurrency.killing fill PORT COUNT LEVELS
python -m tests.concurrency.killing kill KILLS
python -m tests.concurrency.killing drain
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random

import django
from django.conf import settings

CLAIM = timedelta(seconds=4)  # two minutes would be long to wait for
SHORTEST_S, LIVES_S = 0.01, 0.15  # how long until the next one is killed
ROUNDS = 6  # of kills, at most
ALERTS = 12
FIRST_LEVEL_S = 3  # after the start; the others follow a second apart


def manage(environment: dict[str, str], *arguments: str) -> str:
    """Run a command of the product there, and return what it printed."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def fill(port: int, count: int, levels: int) -> None:
    """Write *count* deliveries to the receiver at *port*, and raise some alerts."""
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
    raise_alerts(organization.pk, port, levels)


def raise_alerts(organization_id: int, port: int, count: int) -> None:
    """Pass a threshold of several budgets that share a ladder of *count* levels.

    Each level has addresses of its own: of steps that fall due together, an address
    gets one message.
    """
    from accounts.models import Organization
    from alerts.models import EscalationPolicy
    from tests.factories import make_budget, report, usage_record
    from tests.notifications.factories import make_webhook

    organization = Organization.objects.get(pk=organization_id)
    levels = [
        {
            "delay": FIRST_LEVEL_S + number,
            "recipients": [f"level{number}@kill.example"],
            "channels": ["email", f"Level {number}"],
            "hours": None,
        }
        for number in range(count)
    ]
    for number in range(count):
        url = f"http://127.0.0.1:{port}/{number}"
        make_webhook(organization, url, name=f"Level {number}")
    EscalationPolicy.objects.create(organization=organization, levels=levels)
    for number in range(ALERTS):
        make_budget(organization, f"B{number}", scope={"teams": [f"t{number}"]})
    now = datetime.now(UTC).isoformat()
    report(
        organization,
        *(
            usage_record(
                id=f"u{number}", timestamp=now, cost="850", team_id=f"t{number}"
            )
            for number in range(ALERTS)
        ),
    )


def kill(kills: int) -> None:
    """Kill so many workers at random moments; there are always some at work.

    First all that are there, with a message on its way: at random moments it happens
    that none is. How much one does in its life depends on how busy the machine is, so
    it is done again, with lives twice as long, until a step was made.

    Prints how many steps of ladders were made meanwhile.
    """
    random = Random(1)
    while not halves():  # unless what was on its way arrived before the kill
        kill_on_the_way()
    for times in range(ROUNDS):
        kill_some(kills, random, lives_s=LIVES_S * 2**times)
        if made := steps_made():
            break
    print(made)


def kill_on_the_way() -> None:
    """Kill workers as soon as a message is on its way."""
    workers = [start_worker(send) for _ in range(2)]
    while not halves():
        time.sleep(0.001)
    for worker in workers:
        end_worker(worker)


def kill_some(kills: int, random: Random, *, lives_s: float) -> None:
    work = [send, send, escalate, escalate]
    workers = [start_worker(one) for one in work]
    for _ in range(kills):
        time.sleep(random.uniform(SHORTEST_S, lives_s))
        victim = random.randrange(len(work))
        end_worker(workers[victim])
        workers[victim] = start_worker(work[victim])
    for worker in workers:
        end_worker(worker)


def steps_made() -> int:
    from alerts.models import AlertEvent

    with connected():
        return AlertEvent.objects.filter(step__gt=0).count()


def halves() -> bool:
    """Whether a message was on its way when its worker was killed."""
    from notifications.models import Attempt

    with connected():
        return Attempt.objects.filter(status=None).exists()


@contextmanager
def connected() -> Iterator[None]:
    """Leave no connection behind that a copy of this process would share."""
    from django.db import connections

    try:
        yield
    finally:
        connections.close_all()


def start_worker(work: Callable[[], None]) -> int:
    """Return the id of a process that does *work* again and again until it is killed.

    It is a copy of this one, which has no connection to the database open.
    """
    child = os.fork()
    if child:
        return child
    while True:
        work()
        time.sleep(0.01)


def end_worker(worker: int) -> None:
    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)


def send() -> None:
    from django.utils import timezone

    from notifications import outbox

    outbox.deliver(now=timezone.now())


def escalate() -> None:
    from django.utils import timezone

    from alerts import escalation

    escalation.run_due(timezone.now())


def drain() -> None:
    """Make what is left and print what is on record of all of it."""
    from alerts.models import Alert, AlertEvent
    from notifications.models import Attempt, Delivery

    while (
        Delivery.objects.filter(state="pending").exists()
        or Alert.objects.filter(next_step_at__isnull=False).exists()
    ):
        escalate()
        send()
        time.sleep(0.1)
    attempts = Attempt.objects.values_list("uid", "status")
    deliveries = Delivery.objects.values_list("uid", "key", "state")
    steps = AlertEvent.objects.filter(step__isnull=False)
    print(
        json.dumps(
            {
                "attempts": {str(uid): status for uid, status in attempts},
                "deliveries": [[str(uid), *of] for uid, *of in deliveries],
                "alerts": [str(alert.uid) for alert in Alert.objects.all()],
                "steps": [
                    [str(step.alert.uid), step.step, step.kind]
                    for step in steps.select_related("alert")
                ],
            }
        )
    )


if __name__ == "__main__":
    django.setup()
    from notifications import claims

    claims.CLAIM = CLAIM
    doing: dict[str, Callable[..., None]] = {"fill": fill, "kill": kill, "drain": drain}
    doing[sys.argv[1]](*map(int, sys.argv[2:]))
