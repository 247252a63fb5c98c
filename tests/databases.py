"""Databases that begin migrated: each is a copy of one that was migrated once.

SQLite's is kept from run to run, until something changes that it is made from.
PostgreSQL's is made once a run, by whoever sets TEMPLATE; where nobody did, a database
is migrated from the beginning.

python -m tests.databases [URL] makes SQLite's, and migrates the one at URL.
"""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from django.db import connection

from costops import env

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = "COSTOPS_TEST_TEMPLATE"  # names PostgreSQL's, in the environment
_KEPT = ROOT / ".pytest_cache" / "migrated"
_MADE_FROM = (
    "requirements.txt",
    "costops/settings.py",
    "*/migrations/*.py",
    "*/models.py",
    "*/models/*.py",
)


def migrate(url: str) -> None:
    """Migrate the database at *url* with a command of its own."""
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity=0"],
        cwd=ROOT,
        env={
            **os.environ,
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "costops.settings",
            "COSTOPS_SECRET_KEY": "tests-only",
        },
        check=True,
    )


def migrated_file() -> Path:
    """Return the migrated SQLite database to copy; it is made if there is none yet.

    Safe when two want it at once.
    """
    kept = _KEPT / f"{_fingerprint()}.sqlite3"
    if not kept.exists():
        _KEPT.mkdir(parents=True, exist_ok=True)
        own = kept.with_suffix(f".{os.getpid()}")
        migrate(f"sqlite:///{own}")
        for old in _KEPT.glob("*.sqlite3"):
            old.unlink(missing_ok=True)
        own.replace(kept)
    return kept


def _fingerprint() -> str:
    whole = sha256()
    for pattern in _MADE_FROM:
        for path in sorted(ROOT.glob(pattern)):
            whole.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    return whole.hexdigest()[:16]


@contextmanager
def tests_begin_migrated() -> Iterator[None]:
    """Have Django find its own test database migrated; what is newer it migrates."""
    if connection.vendor == "sqlite":
        creation: Any = connection.creation
        name = creation._get_test_db_name()
        # In memory it is there for as long as somebody has it open.
        with closing(sqlite3.connect(name, uri=True)) as keeper:
            _copy_into(keeper)
            yield
        return
    if template := os.environ.get(TEMPLATE):
        connection.settings_dict["TEST"]["TEMPLATE"] = template
    yield


@contextmanager
def migrated_database(name: str, directory: Path) -> Iterator[str]:
    """Make a database of the kind the tests run on; return its URL."""
    if connection.vendor == "sqlite":
        path = directory / f"{name}.sqlite3"
        with closing(sqlite3.connect(path)) as made:
            _copy_into(made)
        yield f"sqlite:///{path}"
        return
    with _beside(name) as url:
        if TEMPLATE not in os.environ:
            migrate(url)
        yield url


def _copy_into(empty: sqlite3.Connection) -> None:
    with closing(sqlite3.connect(migrated_file())) as template:
        template.backup(empty)


@contextmanager
def _beside(name: str) -> Iterator[str]:
    """Make a database beside that of the tests, on the same PostgreSQL."""
    of, place = connection.settings_dict, urlsplit(env.text("DATABASE_URL"))
    full = f"{of['NAME']}_{name}"
    server = {
        "host": of["HOST"] or None,
        "port": of["PORT"] or None,
        "user": of["USER"] or None,
        "password": of["PASSWORD"] or None,
        **of["OPTIONS"],
    }
    template = os.environ.get(TEMPLATE, "template1")
    with psycopg.connect(dbname="postgres", autocommit=True, **server) as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{full}" WITH (FORCE)')
        admin.execute(f'CREATE DATABASE "{full}" TEMPLATE "{template}"')
        try:
            yield f"postgres://{place.netloc}/{full}?{place.query}"
        finally:
            admin.execute(f'DROP DATABASE "{full}" WITH (FORCE)')


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "costops.settings"
    migrated_file()
    for url in sys.argv[1:]:
        migrate(url)
