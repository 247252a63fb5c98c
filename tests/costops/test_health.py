"""What /health, /health/ready and /health/live tell apart."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from django_q.models import Schedule

from costops import health
from costops.schedules import install
from tests.api.contract import check, operations

pytestmark = pytest.mark.django_db


@pytest.fixture
def worker(db: None) -> None:
    """A worker that went by its clock just now."""
    install()
    Schedule.objects.update(next_run=timezone.now())


def asked(path: str) -> tuple[int, dict[str, Any]]:
    """Return what is answered there; it is as the schema says."""
    answer = Client().get(path)
    [described] = [one for one in operations().values() if one.path == path]
    check(described, answer)
    return answer.status_code, answer.json()


@pytest.mark.usefixtures("worker")
def test_all_is_well() -> None:
    status, body = asked("/health")

    assert status == 200
    assert body["status"] == "healthy"
    parts = [body[name] for name in ("database", "schema", "writes", "worker")]
    assert parts == ["connected", "current", "possible", "running"]


@pytest.mark.usefixtures("worker")
def test_a_worker_that_is_away_is_told_and_requests_still_taken() -> None:
    Schedule.objects.update(next_run=timezone.now() - timedelta(minutes=10))

    assert asked("/health")[1]["status"] == "degraded"
    assert asked("/health")[1]["worker"] == "away"
    assert asked("/health/ready")[0] == 200


def test_requests_are_answered_before_there_was_a_worker() -> None:
    status, body = asked("/health")

    assert (status, body["status"], body["worker"]) == (200, "healthy", "not started")


def away(*_: object) -> None:
    raise OperationalError("the connection is lost")


@pytest.mark.parametrize(
    ("name", "fault", "told"),
    [
        ("missing_migrations", away, {"database": "unreachable"}),
        ("missing_migrations", lambda: ["budgets.0099"], {"schema": "behind"}),
        ("_writes", lambda: "impossible", {"writes": "impossible"}),
    ],
    ids=["away", "behind", "read-only"],
)
def test_what_can_not_be_done_is_told_with_503(
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    fault: Callable[..., Any],
    told: dict[str, str],
) -> None:
    monkeypatch.setattr(health, name, fault)

    for path in ("/health", "/health/ready", "/api/v1/health"):
        status, body = asked(path)
        assert status == 503
        assert body.items() >= {"status": "unhealthy", **told}.items()
    assert asked("/health/live")[0] == 200


def test_a_server_does_not_start_over_tables_of_another_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "costops.management.commands.serve.missing_migrations", lambda: ["budgets.0099"]
    )

    with pytest.raises(CommandError, match=r"budgets\.0099 first.*migrate"):
        call_command("serve", port=1)
