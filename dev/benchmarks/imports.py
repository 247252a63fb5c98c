"""Loading a file with `import_usage`, against taking in the same records in process.

Memory is looked at in a process of its own, which loads a short file and then one ten
times as long.
"""

import csv
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from io import StringIO
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from django.core.management import call_command

from costops import env
from dev.benchmarks import world
from dev.benchmarks.ingest import PRELOADED, each
from dev.benchmarks.timing import Contender, Figure, take_turns
from intake.management.commands.import_usage import BATCH
from intake.pipeline import take

BATCHES = 4  # in a round
SHORT, LONG = 20_000, 200_000  # records in the files that memory is looked at with


def measure(rounds: int) -> list[Figure]:
    organization_id = world.make_organization().pk
    random = Random(17)
    world.preload(organization_id, PRELOADED, random)
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        size = BATCH * BATCHES
        contenders = {
            "in process": Contender(
                lambda: [world.body(BATCH, random) for _ in range(BATCHES)],
                partial(each, lambda body: take(organization_id, world.decoded(body))),
                size,
            ),
            "JSON lines": _loading(folder / "usage.jsonl", _as_lines, size, random),
            "CSV": _loading(folder / "usage.csv", _as_csv, size, random),
        }
        rates = take_turns(contenders, rounds=rounds, label="import")
        grown = _growth(folder, random)
    figures = [
        Figure(
            f"import_usage, {name} / in process, batches of {BATCH:,}",
            rates.ratio(name, "in process"),
            0.8,
            rate=f"{rates.median(name):,.0f} of {rates.median('in process'):,.0f}/s",
        )
        for name in ("JSON lines", "CSV")
    ]
    figures.append(
        Figure(
            f"import_usage, memory for {LONG:,} records / for {SHORT:,}",
            grown[1] / grown[0],
            1.1,
            better="less",
            rate=f"{grown[1] / 1024:,.0f} of {grown[0] / 1024:,.0f} MB at most",
        )
    )
    return figures


def _loading(
    path: Path,
    write: Callable[[Path, Iterable[dict[str, Any]]], None],
    size: int,
    random: Random,
) -> Contender:
    def load(_: object) -> None:
        with StringIO() as said:
            call_command("import_usage", path, stdout=said)

    return Contender(lambda: write(path, world.records(size, random)), load, size)


def _as_lines(path: Path, records: Iterable[dict[str, Any]]) -> None:
    path.write_bytes(msgspec.json.Encoder().encode_lines(records))


def _as_csv(path: Path, records: Iterable[dict[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        rows = [
            {**record, "tags": msgspec.json.encode(record["tags"]).decode()}
            for record in records
        ]
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def _growth(folder: Path, random: Random) -> tuple[int, int]:
    """Return the most kilobytes a process held after the short and the long file."""
    paths = folder / "short.jsonl", folder / "long.jsonl"
    for path, size in zip(paths, (SHORT, LONG), strict=True):
        _as_lines(path, world.records(size, random))
    told = subprocess.run(
        [sys.executable, "-m", "dev.benchmarks.loading", *paths],
        cwd=env.BASE_DIR,
        env=os.environ,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout.split()
    return int(told[0]), int(told[1])
