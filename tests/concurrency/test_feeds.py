"""Several workers at the runs of feeds, and workers that are killed at one."""

import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from pytest_django import Settings

from accounts.models import Organization
from reports.feeds.claims import claim_next
from reports.feeds.planning import plan_due, run_now
from reports.models import FeedAttempt, FeedRun
from tests.concurrency.killing import manage
from tests.factories import NOON, at_once
from tests.notifications.factories import SECRET
from tests.notifications.receivers import Receiver, hang, until
from tests.reports.feeds.factories import make_feed, work_off

WORKERS = 6
DAY = timedelta(days=1)

races = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has one writer"
)


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Path:
    settings.EXPORT_DIR = str(tmp_path)
    return tmp_path


@races
@pytest.mark.django_db(transaction=True)
def test_six_sweeps_write_one_run_of_each_feed(
    acme: Organization, folder: Path
) -> None:
    for number in range(5):
        make_feed(acme, {"type": "directory"}, kind="budgets", name=f"{number}")

    done = at_once(*[lambda: plan_due(NOON + DAY)] * WORKERS)

    assert sum(done) == 5
    assert FeedRun.objects.count() == 5


@races
@pytest.mark.django_db(transaction=True)
def test_of_six_workers_one_takes_a_run(acme: Organization, folder: Path) -> None:
    run_now(make_feed(acme, {"type": "directory"}, kind="budgets"), by="ann", now=NOON)

    done = at_once(*[lambda: claim_next(NOON)] * WORKERS)

    assert sum(one is not None for one in done) == 1
    assert FeedAttempt.objects.count() == 1


@races
@pytest.mark.django_db(transaction=True)
def test_six_workers_bring_each_file_once(acme: Organization, folder: Path) -> None:
    for number in range(8):
        feed = make_feed(acme, {"type": "directory"}, kind="budgets", name=f"{number}")
        run_now(feed, by="ann", now=NOON)

    at_once(*[lambda: work_off(NOON)] * WORKERS)
    work_off(NOON)

    assert set(FeedRun.objects.values_list("state", flat=True)) == {"delivered"}
    assert FeedAttempt.objects.count() == 8
    assert len(list(folder.glob("acme/*"))) == 8


@races
@pytest.mark.django_db(transaction=True)
def test_run_by_hand_by_six_at_once_it_is_one_run(
    acme: Organization, folder: Path
) -> None:
    feed = make_feed(acme, {"type": "directory"}, kind="budgets")

    at_once(*[lambda: run_now(feed, by="ann", now=NOON)] * WORKERS)

    assert FeedRun.objects.get().state == "pending"


_SET_UP = """
from django.utils import timezone
from accounts.models import Organization
from reports.feeds.planning import run_now
from reports.feeds.services import FeedPlan, add_feed
acme = Organization.objects.create(slug="acme", name="Acme")
target = {{"type": "webhook", "url": "{url}", "secret": "{secret}"}}
plan = FeedPlan(name="Budgets", kind="budgets", every="day", target=target)
run_now(add_feed(acme, plan, now=timezone.now()).feed, by="ann", now=timezone.now())
"""
_TELL = """
import json
from reports.models import FeedRun
run = FeedRun.objects.get()
ended = [one.duration_ms is not None for one in run.attempts.all()]
print(json.dumps([run.state, run.error, run.claimed_until is not None, ended]))
"""
_PASS_TIME = """
from django.utils import timezone
from reports.models import FeedRun
FeedRun.objects.update(claimed_until=timezone.now())
"""


def within(environment: dict[str, str], code: str) -> Any:
    """Run *code* in the product there; return what it printed as JSON."""
    printed = manage(environment, "shell", "-v0", "-c", code).strip()
    return json.loads(printed) if printed else None


def delivering(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "deliver"],
        cwd=settings.BASE_DIR,
        env=environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
    )


def children_of(worker: subprocess.Popen[bytes]) -> list[int]:
    path = Path(f"/proc/{worker.pid}/task/{worker.pid}/children")
    return [int(pid) for pid in path.read_text().split()]


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_worker_that_is_killed_leaves_its_run_to_the_next(
    environment: dict[str, str], receiver: Receiver
) -> None:
    environment = {**environment, "COSTOPS_OUTGOING_ALLOW": "127.0.0.0/8"}
    receiver.answers = [hang]
    within(environment, _SET_UP.format(url=receiver.url(), secret=SECRET))
    worker = delivering(environment)
    until(lambda: receiver.requests)
    (child,) = children_of(worker)

    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()

    until(lambda: not is_running(child))  # it ends with its worker
    assert within(environment, _TELL) == ["pending", "", True, [False]]
    manage(environment, "deliver")
    assert len(receiver.requests) == 1  # the claim lasts
    within(environment, _PASS_TIME)
    manage(environment, "deliver")
    assert within(environment, _TELL) == ["delivered", "", False, [False, True]]
    first, second = (request.headers["webhook-id"] for request in receiver.requests)
    assert first == second


def test_a_child_that_is_killed_is_told_by_its_worker(
    environment: dict[str, str], receiver: Receiver
) -> None:
    environment = {**environment, "COSTOPS_OUTGOING_ALLOW": "127.0.0.0/8"}
    receiver.answers = [hang]
    within(environment, _SET_UP.format(url=receiver.url(), secret=SECRET))
    worker = delivering(environment)
    until(lambda: receiver.requests)
    (child,) = children_of(worker)

    os.kill(child, signal.SIGKILL)
    worker.wait(60)

    state, error, is_claimed, ended = within(environment, _TELL)
    assert (state, is_claimed, ended) == ("pending", False, [True])
    assert "was killed" in error
