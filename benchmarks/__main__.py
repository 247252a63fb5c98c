"""Run the benchmarks: `python -m benchmarks [PART ...] [--rounds N]`."""

import os
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from tqdm import tqdm

from benchmarks.part import measure
from benchmarks.timing import Figure

# Each part: the module that measures it, and on which database.
PARTS = {
    "postgresql": ("ingest", "postgresql"),
    "sqlite": ("ingest", "sqlite"),
    "http": ("http", "postgresql"),
    "pricing": ("pricing", "sqlite"),
    "door": ("door", "sqlite"),
    "status": ("status", "postgresql"),
    "import": ("imports", "postgresql"),
    "crossings": ("crossings", "postgresql"),
    "alerting": ("alerting", "postgresql"),
    "sweep": ("sweep", "postgresql"),
    "outbox": ("outbox", "postgresql"),
}
DATABASE = "bench_costops"  # made for each part, and dropped
LOCAL = "postgres://postgres@127.0.0.1:5432/postgres"


def main() -> None:
    parser = ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--rounds", type=int, default=7, help="at least 5 (default: 7)")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    if given.rounds < 5:
        parser.error("fewer than 5 rounds say nothing")
    figures: list[Figure] = []
    for part in tqdm(given.parts or list(PARTS), desc="benchmarks"):
        figures += _measured(part, given.rounds)
    print_table(figures)


def _measured(part: str, rounds: int) -> list[Figure]:
    """Measure a part in a process of its own, with a database of its own."""
    module, vendor = PARTS[part]
    with (
        _postgresql() if vendor == "postgresql" else _sqlite() as url,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process,
    ):
        return process.submit(measure, module, url, rounds).result()


@contextmanager
def _postgresql() -> Iterator[str]:
    given = os.environ.get("DATABASE_URL", "")
    server = urlsplit(given if given.startswith("postgres") else LOCAL)
    maintenance = server._replace(path="/postgres").geturl()
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {DATABASE}")
        try:
            yield server._replace(path=f"/{DATABASE}").geturl()
        finally:
            connection.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


@contextmanager
def _sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as directory:
        yield f"sqlite:///{Path(directory) / 'bench.sqlite3'}"


def print_table(figures: list[Figure]) -> None:
    width = max(len(figure.what) for figure in figures)
    print(f"{'':{width}}  {'ratio':>8}  {'target':>8}       median")
    for figure in figures:
        sign = ">=" if figure.better == "more" else "<="
        target = "" if figure.target is None else f"{sign} {figure.target:g}"
        verdict = {None: "", True: "met", False: "MISSED"}[figure.met]
        print(
            f"{figure.what:{width}}  {figure.measured:>8.3g}  {target:>8}  "
            f"{verdict:6}  {figure.rate}"
        )


if __name__ == "__main__":
    main()
