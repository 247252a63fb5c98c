"""PostgreSQL for the tests: where one answers, databases of a run, what it worked."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import psycopg
from psycopg import sql

CANDIDATES = (
    "postgres://postgres@127.0.0.1:5432/costops",
    "postgres:///costops?host=/var/run/postgresql",
    "postgres:///costops?host=/tmp",
)
_TICKS = os.sysconf("SC_CLK_TCK")  # a second


class NoneAnsweredError(Exception):
    """There is no PostgreSQL to make databases on; it says what each one said."""


@dataclass(frozen=True, slots=True)
class Postgres:
    """A server whose user may make databases.

    Each run has databases of its own, so that two at once do not meet.
    """

    place: SplitResult
    version: str

    @property
    def name(self) -> str:
        """What the names of all databases of this run begin with."""
        return f"{self.place.path[1:] or 'costops'}_{os.getpid()}"

    @property
    def template(self) -> str:
        return f"{self.name}_template"

    def url(self, database: str) -> str:
        return _url("postgres", self.place, database)

    def make_template(self) -> None:
        with _connected(self.place) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.template))
            )

    def drop_all(self) -> None:
        """Drop the databases of this run, also what a killed part left behind."""
        with _connected(self.place) as connection:
            found = connection.execute(
                "SELECT datname FROM pg_database"
                " WHERE starts_with(datname, %s) OR starts_with(datname, %s)",
                [f"{self.name}_", f"test_{self.name}_"],
            ).fetchall()
            for (name,) in found:
                connection.execute(
                    sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(
                        sql.Identifier(name)
                    )
                )

    def cpu_s(self) -> float | None:
        """Return what the server has worked since it started, for whomever.

        None: it is not on this machine, or does not tell its process.
        """
        try:
            with _connected(self.place) as connection:
                (said,) = connection.execute(
                    "SELECT pg_read_file('postmaster.pid')"
                ).fetchone() or ("",)
            postmaster = int(said.splitlines()[0])
        except (psycopg.Error, ValueError, IndexError):
            return None
        return _cpu_of_family(postmaster)


def find(given: str | None) -> Postgres:
    """Return the first server that answers; *given* is the only one to ask.

    Raises:
        NoneAnsweredError: none does, or its user may not make databases.
    """
    problems = []
    for url in [given] if given else CANDIDATES:
        place = urlsplit(url)
        try:
            with _connected(place) as connection:
                row = connection.execute(
                    "SELECT rolcreatedb OR rolsuper, current_setting('server_version')"
                    " FROM pg_roles WHERE rolname = current_user"
                ).fetchone()
        except psycopg.Error as error:
            problems.append(f"{url}: {str(error).splitlines()[0]}")
            continue
        if row and row[0]:
            return Postgres(place, row[1].split()[0])
        problems.append(f"{url}: its user may not make databases.")
    raise NoneAnsweredError("\n".join(problems))


def _connected(place: SplitResult) -> "psycopg.Connection[tuple[Any, ...]]":
    return psycopg.connect(
        _url("postgresql", place, "postgres"), connect_timeout=2, autocommit=True
    )


def _url(scheme: str, place: SplitResult, database: str) -> str:
    # Python's own way leaves out the slashes where there is no host.
    query = f"?{place.query}" if place.query else ""
    return f"{scheme}://{place.netloc}/{database}{query}"


def _cpu_of_family(postmaster: int) -> float:
    """Add up a process, its children, and those that it waited for."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):  # it has just ended
            continue
        if postmaster in {int(stat.parent.name), int(after_name[1])}:
            ticks += sum(map(int, after_name[11:15]))
    return ticks / _TICKS
