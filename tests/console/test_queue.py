"""The queue's pages are to read: a schedule names any function of the server."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_q.models import Failure, OrmQ, Schedule, Task

from accounts.models import Organization
from console.queue import BY_CLOCK
from costops.schedules import PERIODIC, install
from lib.queue import enqueue, enqueue_at
from tests.factories import browser_for, browser_of, make_person
from tests.pages import shown as text_at

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)

QUEUE = sorted(
    (model for model in admin.site._registry if model._meta.app_label == "django_q"),
    key=lambda model: str(model._meta),
)


def page_of(model: Any, page: str, *arguments: object) -> str:
    name = f"admin:django_q_{model._meta.model_name}_{page}"
    return reverse(name, args=arguments)


@pytest.mark.parametrize("model", QUEUE, ids=lambda model: str(model._meta))
def test_a_superuser_reads_them_and_no_more(model: Any) -> None:
    root = browser_of(make_person("root@example.com", is_superuser=True))

    listed = root.get(page_of(model, "changelist"))
    adding = root.get(page_of(model, "add"))

    assert listed.status_code == 200
    assert adding.status_code == 403
    assert b'name="action"' not in listed.content


def test_what_is_done_by_the_clock_is_told_in_words(db: None) -> None:
    assert BY_CLOCK.keys() == {one.name for one in PERIODIC}
    install()
    done = make_task("judge", said="Raised 2 alerts.")
    Schedule.objects.filter(name="judge").update(task=done.pk)
    root = browser_of(make_person("root@example.com", is_superuser=True))

    with CaptureQueriesContext(connection) as asked:
        shown = text_at(root, page_of(Schedule, "changelist"))

    assert "Judge the rules of alerts costops.tasks.run_periodic('judge')" in shown
    assert "every 1 min" in shown
    assert "done 1 Dec 2026, 09:00" in shown
    assert len(asked) <= 9  # one for the organizations that the head offers


def test_a_task_says_what_came_of_it(db: None) -> None:
    failed = make_task("deliver", said="It broke : Traceback\n line 3", success=False)
    root = browser_of(make_person("root@example.com", is_superuser=True))

    listed = text_at(root, page_of(Failure, "changelist"))
    shown = text_at(root, page_of(Failure, "change", failed.pk))

    assert "Send what is due" in listed
    assert "It broke" in listed
    assert "Traceback" not in listed
    assert "Took 1.5 s" in shown
    assert "line 3" in shown


def test_what_waits_says_when_it_is_due(db: None) -> None:
    enqueue("alerts.tasks.escalate")
    enqueue_at(NOW + timedelta(hours=1), "costops.tasks.follow")
    enqueue("costops.tasks.follow", "intake.corrected", 1)
    root = browser_of(make_person("root@example.com", is_superuser=True))

    with time_machine.travel(NOW, tick=False):
        shown = text_at(root, page_of(OrmQ, "changelist"))

    assert "Tell people of alerts, step by step alerts.tasks.escalate()" in shown
    assert "Do what follows “intake.corrected”" in shown
    assert "1 Dec 2026, 10:00" in shown


def make_task(name: str, *, said: str, success: bool = True) -> Task:
    return Task.objects.create(
        id=name,
        name=name,
        func="costops.tasks.run_periodic",
        args=(name,),
        started=NOW - timedelta(seconds=1.5),
        stopped=NOW,
        success=success,
        result=said,
    )


def test_a_schedule_of_ones_own_is_not_made(db: None) -> None:
    root = browser_of(make_person("root@example.com", is_superuser=True))
    form = {"func": "os.system", "args": "'true'", "schedule_type": "O", "repeats": -1}

    refused = root.post(page_of(Schedule, "add"), form)

    assert refused.status_code == 403
    assert not Schedule.objects.exists()


def test_a_schedule_is_shown_and_neither_changed_nor_deleted(db: None) -> None:
    row = Schedule.objects.create(name="Sweep", func="alerts.tasks.sweep")
    root = browser_of(make_person("root@example.com", is_superuser=True))

    shown = root.get(page_of(Schedule, "change", row.pk))
    changed = root.post(page_of(Schedule, "change", row.pk), {"func": "os.system"})
    deleted = root.post(page_of(Schedule, "delete", row.pk), {"post": "yes"})
    root.post(
        page_of(Schedule, "changelist"),
        {"action": "delete_selected", "_selected_action": row.pk},
    )

    assert shown.status_code == 200
    assert {changed.status_code, deleted.status_code} == {403}
    row.refresh_from_db()
    assert row.func == "alerts.tasks.sweep"


def test_a_failed_task_is_not_run_again_from_there(db: None) -> None:
    now = timezone.now()
    row = Failure.objects.create(
        id="f" * 32, name="x", func="os.system", started=now, stopped=now, success=False
    )
    root = browser_of(make_person("root@example.com", is_superuser=True))

    root.post(
        page_of(Failure, "changelist"),
        {"action": "resubmit_task", "_selected_action": row.pk},
    )

    assert Failure.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("model", QUEUE, ids=lambda model: str(model._meta))
def test_nobody_else_sees_them(model: Any, acme: Organization) -> None:
    assert browser_for(acme).get(page_of(model, "changelist")).status_code == 403
