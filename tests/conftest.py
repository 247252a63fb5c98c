import gc
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import pytest
from django.core.management.commands import flush as commands
from django.db import connection
from django.db.backends.postgresql.operations import DatabaseOperations
from django.utils import timezone
from hypothesis import HealthCheck
from hypothesis import settings as examples
from pytest_django import Settings

from accounts.models import Organization
from lib.memories import forget_everything
from notifications import outbox, trials
from tests import databases
from tests.factories import Api, make_api, make_organization
from tests.kinds import kinds_of
from tests.notifications.receivers import (
    MailServer,
    Receiver,
    receiving,
    receiving_mail,
)

# How long an example takes says how busy the machine is, not whether it is right.
examples.register_profile(
    "tests", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
examples.load_profile("tests")


def pytest_itemcollected(item: pytest.Item) -> None:
    for kind in kinds_of(item):
        item.add_marker(kind)


def pytest_collection_finish() -> None:
    """Have the collector leave alone what stays anyway: modules, tests, asserts."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _emptied_by_deleting() -> Iterator[None]:
    """Empty tables by DELETE after tests that commit, in one statement.

    TRUNCATE gives every table new files, which takes PostgreSQL half a second a test.
    The trail and journals let nothing be deleted: these are truncated, where anything
    stands in them.
    What migrating puts there stays, or it would be put there anew after each test.
    """
    guarded = ("approvals_trailentry",), ("reports_journal", "reports_journalline")
    emptied = " ".join(
        f"IF EXISTS (SELECT FROM {names[0]}) THEN TRUNCATE {', '.join(names)}; END IF;"
        for names in guarded
    )
    kept = {*chain(*guarded), "auth_permission", "django_content_type"}

    def flush(
        self: DatabaseOperations, style: object, tables: Sequence[str], **_: object
    ) -> list[str]:
        others = [table for table in tables if table not in kept]
        deleted = " ".join(f"DELETE FROM {self.quote_name(table)};" for table in others)
        return [f"DO $$ BEGIN {emptied} {deleted} END $$"]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(DatabaseOperations, "sql_flush", flush)
        if connection.vendor == "postgresql":
            patched.setattr(commands, "emit_post_migrate_signal", lambda *_, **__: None)
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> Iterator[None]:
    """Begin with a migrated database."""
    with databases.tests_begin_migrated():
        yield


@pytest.fixture
def own_database(tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated database, for processes that a test starts."""
    with databases.migrated_database("own", tmp_path) as url:
        yield url


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """Begin every test with a process that knows nothing yet."""
    forget_everything()


@pytest.fixture
def acme(db: None) -> Organization:
    """An organization in US dollars, in UTC."""
    return make_organization("acme")


@pytest.fixture
def api(acme: Organization) -> Api:
    """A client of acme's own that may do everything."""
    return make_api(organization=acme)


@pytest.fixture
def platform(db: None) -> Api:
    """A client that may do everything, everywhere."""
    return make_api()


@pytest.fixture
def open_to_itself(settings: Settings) -> None:
    """Let requests to this machine through the guard."""
    settings.OUTGOING_ALLOW = ["127.0.0.0/8"]


@pytest.fixture
def receiver(open_to_itself: None) -> Iterator[Receiver]:
    """A real HTTP receiver that the guard lets requests through to."""
    with receiving() as running:
        yield running


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send what is due while a request waits for it, as a worker would."""
    monkeypatch.setattr(trials, "pause", lambda: outbox.deliver(now=timezone.now()))


@pytest.fixture
def mail_server(settings: Settings) -> Iterator[MailServer]:
    """A real SMTP server that mail goes to."""
    with receiving_mail() as running:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", running.port
        yield running
