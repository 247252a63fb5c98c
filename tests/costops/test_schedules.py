"""What workers do after a change, and that no app asks for what lies above it."""

import ast
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils.module_loading import import_string
from django_q.models import OrmQ

from accounts.models import Organization
from costops import schedules, tasks
from costops.schedules import FOLLOWING
from lib.queue import announce
from tests.source import FLOORS, modules


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Yield every call in the product, with the app it stands in."""
    for module in modules():
        yield from (
            (module.app, node) for node in module.nodes if isinstance(node, ast.Call)
        )


# By the name of what announces: where the change stands among what it is given.
ANNOUNCING = {"announce": 0, "announce_at": 1}


def announced() -> Iterator[tuple[str, str]]:
    for app, call in calls():
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        if app != "lib" and name in ANNOUNCING:
            change = call.args[ANNOUNCING[name]]
            assert isinstance(change, ast.Constant)
            yield app, str(change.value)


def named_tasks() -> Iterator[tuple[str, str]]:
    """Yield every dotted name of a task, with the app that names it."""
    for module in modules():
        yield from ((module.app, one) for one in module.texts() if ".tasks." in one)


def test_an_app_announces_changes_of_its_own() -> None:
    assert {change.split(".")[0] == app for app, change in announced()} == {True}


def test_every_change_that_is_announced_is_followed() -> None:
    assert {change for _, change in announced()} == set(FOLLOWING)


def test_no_app_names_a_task_above_or_beside_it() -> None:
    names = [(app, name) for app, name in named_tasks() if " " not in name]

    assert len(names) > 5
    assert not [
        (app, name)
        for app, name in names
        if (other := name.split(".")[0]) != app and FLOORS[other] <= FLOORS[app]
    ]


def test_every_task_that_is_named_is_there() -> None:
    for _, name in named_tasks():
        if " " not in name:
            assert callable(import_string(name)), name


@pytest.mark.django_db
def test_what_follows_gets_what_was_announced(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    got: list[int] = []

    def follower(number: int) -> str:
        got.append(number)
        return f"Got {number}."

    monkeypatch.setitem(schedules.FOLLOWING, "tests.change", (follower, follower))
    announce("tests.change", acme.pk)
    (asked,) = [row.task for row in OrmQ.objects.all()]

    told: Any = getattr(tasks, asked["func"].rsplit(".", 1)[-1])(*asked["args"])

    assert got == [acme.pk, acme.pk]
    assert told == f"Got {acme.pk}. Got {acme.pk}."
