"""What was written in the trail can't be changed unnoticed."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import F

from accounts.models import Organization
from approvals import trail
from approvals.models import TrailEntry, TrailHead
from approvals.types import SYSTEM
from tests.approvals.factories import NOW

pytestmark = pytest.mark.django_db
_TABLE = TrailEntry._meta.db_table


@pytest.fixture
def entries(acme: Organization) -> Any:
    for number in range(1, 6):
        note = trail.Note("link.viewed", None, {"number": number})
        trail.append(acme.pk, note, by=SYSTEM, now=NOW)
    return TrailEntry.objects.filter(organization=acme)


def behind_the_guard(statements: str) -> None:
    """Run what the database refuses, as its owner could."""
    with connection.cursor() as cursor:
        on = f" ON {_TABLE}" if connection.vendor == "postgresql" else ""
        cursor.execute(f"DROP TRIGGER IF EXISTS approvals_trail_stays{on}")
        for statement in statements.split(";"):
            cursor.execute(statement)


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        (f"UPDATE {_TABLE} SET actor = 'eve' WHERE number = 2", ["entry 2: it is not"]),
        (f"DELETE FROM {_TABLE} WHERE number = 3", ["entries 3 to 3 are missing"]),
        (f"DELETE FROM {_TABLE} WHERE number = 5", ["entries 5 to 5 are missing at"]),
        (
            f"UPDATE {_TABLE} SET number = 7 - number + 100 WHERE number IN (3, 4)",
            ["entries 3 to 4 are missing", "entry 103", "entry 104"],
        ),
        (
            f"UPDATE {_TABLE} SET number = 103 WHERE number = 3;"
            f"UPDATE {_TABLE} SET number = 3 WHERE number = 4;"
            f"UPDATE {_TABLE} SET number = 4 WHERE number = 103",
            ["entry 3: it does not follow", "entry 4: it does not follow"],
        ),
    ],
    ids=["tampered", "removed", "cut off", "reordered", "swapped"],
)
def test_verify_finds_what_was_done_to_it(
    acme: Organization, entries: Any, statement: str, found: list[str]
) -> None:
    assert list(trail.differences(acme)) == []

    behind_the_guard(statement)

    told = "\n".join(trail.differences(acme))
    assert all(words in told for words in found), told
    with pytest.raises(CommandError):
        call_command("verify", organization="acme", stdout=StringIO())


def test_the_database_refuses_to_change_it(acme: Organization, entries: Any) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        entries.update(number=F("number") + 100)
    if connection.vendor == "postgresql":
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            entries.delete()

    head = TrailHead.objects.get(organization=acme)
    assert (
        trail.head_of(acme.pk)
        == (head.number, entries.last().digest)
        == (5, head.digest)
    )
