"""Databases made for one measurement, and dropped after it."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

LOCAL = "postgres://postgres@127.0.0.1:5432/postgres"


@contextmanager
def postgresql(name: str) -> Iterator[str]:
    """Make the database *name* beside that of DATABASE_URL, or here; yield its URL."""
    given = os.environ.get("DATABASE_URL", "")
    server = urlsplit(given if given.startswith("postgres") else LOCAL)
    maintenance = server._replace(path="/postgres").geturl()
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield server._replace(path=f"/{name}").geturl()
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as directory:
        yield f"sqlite:///{Path(directory) / 'bench.sqlite3'}"
