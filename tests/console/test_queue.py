"""The queue's pages are to read: a schedule names any function of the server."""

from typing import Any

import pytest
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone
from django_q.models import Failure, Schedule

from accounts.models import Organization
from tests.factories import browser_for, browser_of, make_person

pytestmark = pytest.mark.django_db

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
