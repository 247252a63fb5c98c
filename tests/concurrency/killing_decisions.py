"""People whose server is killed while they decide: a process apart, run by the test.

python -m tests.concurrency.killing_decisions KILLS

Each decision is made in a process of its own: it presses the button of a mailed link,
and is killed a random moment after it has come to one of STAGES. Then all of it is to
be there or nothing, and pressing the button again ends what was not done.

Prints, as JSON, how many were killed after which stage, and what was done by then.
"""

import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import timedelta
from random import Random
from typing import Any
from unittest.mock import patch

import django

STAGES = ("held", "decided", "effect", "trail", "committed")
LONGEST_S = 0.004  # after a stage, before the kill
KINDS = ("increase", "raise", "transfer", "new")


def press(link: str) -> int:
    """Press the button of *link*; return the status."""
    from django.test import Client

    path = link.removeprefix("http://localhost:8080")
    answer = Client(headers={"host": "localhost"}).post(path, {"answer": "approve"})
    return int(answer.status_code)


def pressing(link: str, say: Callable[[str], None]) -> None:
    """Press the button, and say each stage that is passed."""
    from approvals import decisions, trail

    def saying(stage: str, do: Callable[..., Any]) -> Callable[..., Any]:
        def done(*args: Any, **kwargs: Any) -> Any:
            found = do(*args, **kwargs)
            say(stage)
            return found

        return done

    places = [
        ("held", decisions, "hold"),
        ("decided", decisions, "_write"),
        ("effect", decisions, "carry_out"),
        ("trail", trail, "append"),
    ]
    with ExitStack() as patched:
        for stage, where, name in places:
            told = saying(stage, getattr(where, name))
            patched.enter_context(patch.object(where, name, told))
        press(link)
    say("committed")


def kill_after(stage: str, link: str, random: Random) -> None:
    """Have a copy of this process press the button; kill it soon after *stage*."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        with os.fdopen(writing, "w", buffering=1) as telling:
            pressing(link, lambda said: print(said, file=telling))
            time.sleep(60)
    os.close(writing)
    with os.fdopen(reading) as said:
        for line in said:
            if line.strip() == stage:
                break
    time.sleep(random.uniform(0, LONGEST_S))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def traces_of(request: Any, link: str) -> dict[str, bool]:
    """Return what there is of the decision about *request*: all of it, or nothing."""
    from approvals.models import Decision, TrailEntry
    from budgets.models import AmountLine
    from notifications.models import Delivery, MailedLink

    request.refresh_from_db()
    entries = TrailEntry.objects.filter(subject=request.uid)
    events = set(entries.values_list("event", flat=True))
    (step,) = request.steps.all()
    told = Delivery.objects.filter(key__startswith=f"approval:{request.uid}:1:approved")
    return {
        "state": request.state == "approved",
        "step": (step.state, step.given) == ("approved", 1),
        "decision": Decision.objects.filter(step=step).exists(),
        "effect": AmountLine.objects.filter(request=request.uid).exists(),
        "link": MailedLink.objects.exclude(used_at=None)
        .filter(subject=step.uid)
        .exists(),
        "told": told.exists(),
        **{
            event: event in events
            for event in (
                *("request.decided", f"effect.{request.kind}"),
                *("request.approved", "link.used"),
            )
        },
    }


def asked(kills: int) -> Iterator[tuple[Any, str]]:
    """Yield requests, of all kinds in turn, each with the link of who decides it."""
    from django.utils import timezone

    from accounts.scopes import Role
    from approvals.links import make_link
    from tests.approvals.factories import make_request, person_in
    from tests.factories import make_budget, make_organization

    organization, now = make_organization(), timezone.now()
    pm = person_in(organization, "pm", Role.BUDGET_OWNER)
    cfo = person_in(organization, "cfo", Role.FINANCE_ADMIN)
    team, other = (make_budget(organization, name, "9000") for name in ("A", "B"))
    more: dict[str, dict[str, Any]] = {
        "increase": {"budget": team},
        "raise": {"budget": team, "until": now + timedelta(days=1)},
        "transfer": {"budget": team, "source": other},
        "new": {"parent": other},
    }
    for number in range(kills):
        kind = KINDS[number % len(KINDS)]
        request = make_request(organization, pm, "1", kind=kind, **more[kind])
        (step,) = request.steps.select_related("request")
        yield request, make_link(step, cfo, now=now)[0]


def main(kills: int) -> None:
    from tests.concurrency.killing import connected

    random, done = Random(1), Counter[str]()
    halves: list[dict[str, bool]] = []
    with connected():
        all_asked: Sequence[tuple[Any, str]] = list(asked(kills))
    for number, (request, link) in enumerate(all_asked):
        stage = STAGES[number % len(STAGES)]
        kill_after(stage, link, random)
        with connected():
            found = traces_of(request, link)
            is_whole = len(set(found.values())) == 1
            if not is_whole:
                halves.append(found)
            done[f"{stage}: {'all' if found['state'] else 'nothing'}"] += 1
            if not found["state"]:
                assert press(link) == 303
            assert press(link) == 409
            assert set(traces_of(request, link).values()) == {True}
    print(json.dumps({"done": done, "halves": halves}))


if __name__ == "__main__":
    django.setup()
    main(int(sys.argv[1]))
