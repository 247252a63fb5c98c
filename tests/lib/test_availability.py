"""A database that can't do its work: 503 at every door, to be asked again."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from accounts.models import Organization
from lib.availability import Notes, is_passing
from tests.factories import Api, make_budget, usage_record


@pytest.fixture
def read_only(acme: Organization, api: Api) -> Iterator[Callable[[], None]]:
    """Turn the database read-only, as one is whose disk is full or that stands by."""
    make_budget(acme, "ML", "100")

    def turn() -> None:
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute("PRAGMA query_only = 1")
            else:
                cursor.execute("SET TRANSACTION READ ONLY")

    yield turn
    if connection.vendor == "sqlite":
        connection.connection.execute("PRAGMA query_only = 0")
    else:
        transaction.set_rollback(True)  # its constraints can't be checked any more


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("usage", usage_record()),
        ("usage/batch", [usage_record()]),
        ("budgets", {"name": "New", "amount": "1", "period": "monthly"}),
    ],
)
def test_a_write_is_to_be_sent_again(
    api: Api, read_only: Callable[[], None], path: str, body: Any
) -> None:
    read_only()

    answer = api.post(path, body)

    assert (answer.status, answer.body["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "5"


class StateError(Exception):
    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("said by the database")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("state", "passes"),
    [
        (None, True),
        ("57P01", True),
        ("53100", True),
        ("53300", True),
        ("55P03", True),
        ("25006", True),
        ("57014", True),
        ("22003", False),
        ("42P01", False),
        ("23505", False),
    ],
)
def test_what_is_passing_is_known_by_its_state(state: str | None, passes: bool) -> None:
    error = OperationalError("away")
    error.__cause__ = StateError(state)

    assert is_passing(error) is passes


def test_a_second_has_one_line(caplog: pytest.LogCaptureFixture) -> None:
    notes = Notes()
    with caplog.at_level(logging.ERROR):
        for _ in range(100):
            notes.note(OperationalError("away\nwith details"))

    assert [record.getMessage() for record in caplog.records] == [
        "The database can't do its work: away with details"
    ]
