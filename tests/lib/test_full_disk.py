"""A database without room: what is taken is kept, the rest is refused whole."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from accounts.models import ApiKey, Organization
from budgets.verification import differences
from costops.health import readiness
from lib.memories import forget_everything
from tests.factories import Api, make_budget, usage_record

pytestmark = pytest.mark.django_db(transaction=True)
CALL = {"provider": "openai", "model": "gpt-4o", "project_id": "search"}
MOST = 300  # requests that may still find room in pages there are


def tables() -> list[str]:
    names = connection.introspection.table_names()
    return [connection.ops.quote_name(name) for name in names]


@contextmanager
def full() -> Iterator[None]:
    """Leave the database no more room than it has.

    SQLite's own limit ends it; PostgreSQL's disk is not ours to fill, so every table
    fails as it does when it can't be extended.
    """
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            pages = cursor.execute("PRAGMA page_count").fetchone()[0]
            cursor.execute("CREATE TABLE filling (what)")
            cursor.execute(f"PRAGMA max_page_count = {pages + 1}")
            with suppress(OperationalError):
                while True:
                    cursor.execute("INSERT INTO filling VALUES (zeroblob(4000))")
            try:
                yield
            finally:
                cursor.execute("PRAGMA max_page_count = 1073741823")
                cursor.execute("DROP TABLE filling")
        return
    with connection.cursor() as cursor, transaction.atomic():
        cursor.execute(
            "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$"
        )
        for table in tables():
            cursor.execute(
                f"CREATE TRIGGER no_room BEFORE INSERT OR UPDATE ON {table}"
                " FOR EACH STATEMENT EXECUTE FUNCTION no_room()"
            )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION no_room CASCADE")


def rows() -> dict[str, int]:
    with connection.cursor() as cursor:
        found = {}
        for table in tables():
            cursor.execute(f"SELECT count(*) FROM {table}")
            found[table] = cursor.fetchone()[0]
    return found


DOORS: dict[str, tuple[str, Callable[[int], Any]]] = {
    "usage": ("usage", lambda n: usage_record(id=f"u{n}", team_id=f"t{n}")),
    "batch": (
        "usage/batch",
        lambda n: [usage_record(id=f"b{n}-{one}") for one in range(500)],
    ),
    "authorization": (
        "authorizations",
        lambda n: {
            **CALL,
            "input_tokens": 9,
            "max_output_tokens": 9,
            "user_id": f"p{n}",
        },
    ),
    "lease": ("leases", lambda n: {**CALL, "user_id": f"p{n}"}),
    "budget": ("budgets", lambda n: {"name": f"New {n}", "amount": "5"}),
    "channel": (
        "notification-channels",
        lambda n: {
            "type": "email",
            "name": f"Mail {n}",
            "config": {"recipients": ["ann@acme.example"]},
        },
    ),
    "price": (
        "pricing",
        lambda n: {"provider": "openai", "model": f"m{n}", "per_request": "1"},
    ),
}


@pytest.mark.parametrize("door", DOORS)
def test_what_finds_no_room_is_refused_whole_and_taken_when_there_is_some(
    acme: Organization, api: Api, door: str
) -> None:
    make_budget(acme, "ML", "1000", enforcement="hard")
    path, body_of = DOORS[door]
    assert api.post(path, body_of(MOST)).status in {200, 201}
    ApiKey.objects.update(last_used_at=None)  # to be noted again

    with full():
        for number in range(MOST):
            before = rows()
            refused = api.post(path, body_of(number))
            if refused.status not in {200, 201}:
                break
            assert rows() != before
        after = rows()
        told = readiness()
        forget_everything()  # as a process that begins now
        read = api.get("budgets").status

    assert (refused.status, refused.body["code"]) == (503, "unavailable")
    assert "must make room" in refused.body["detail"]
    assert refused.headers["Retry-After"] == "5"
    assert after == before
    assert told.writes == "impossible"
    assert read == 200
    assert api.post(path, body_of(number)).status in {200, 201}
    assert rows() != before
    assert list(differences(acme)) == []
