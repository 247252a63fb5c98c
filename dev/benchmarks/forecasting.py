"""How fast forecasts are, and how right: python -m dev.benchmarks.forecasting.

With `--harness FOLDER` (or COSTOPS_FORECAST_HARNESS) that scoring harness scores the
method beside the seed's, on all series and on both parts. `--python` names an
interpreter that has what the harness needs (numpy, pandas), `--beside` more of its
baselines: `--beside DOT AutoETS` (statsforecast).
"""

import csv
import gzip
import os
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from forecasts.methods import forecast_total

ROOT = Path(__file__).resolve().parents[2]
OURS = "forecasts.methods:forecast+forecast_total+probability_exceeded"
BASELINES = ("Seed", "SeedFixed")
DAILY = {"cloud_cost", "mobility", "sales", "web"}  # groups of long daily series
CALLS = 200  # that the median is of
LENGTHS = ((14, 7), (30, 7), (90, 7), (168, 24))  # of histories, and their seasons

Row = Mapping[str, str]


def main() -> None:
    parser = ArgumentParser(
        prog="python -m dev.benchmarks.forecasting", description=__doc__
    )
    harness = os.environ.get("COSTOPS_FORECAST_HARNESS")
    parser.add_argument("--harness", type=Path, default=harness and Path(harness))
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--beside", nargs="*", default=[], metavar="BASELINE")
    given = parser.parse_args()
    print_times()
    if given.harness:
        with TemporaryDirectory() as folder:
            score(given.harness, given.python, given.beside, Path(folder))


def print_times() -> None:
    """Print the median time of a call whose history was not seen before."""
    print("ms a call (a new history each time)")
    for length, season in LENGTHS:
        times = [_time(history, season) for history in _histories(length)]
        print(f"  {length:4} steps, season {season:2}: {1_000 * median(times):.2f}")


def _histories(length: int) -> Iterator[list[float]]:
    random = Random(length)
    for _ in range(CALLS):
        yield [random.lognormvariate(3, 0.5) for _ in range(length)]


def _time(history: list[float], season: int) -> float:
    begin = perf_counter()
    forecast_total(history, 30, 0.8, season)
    return perf_counter() - begin


def score(harness: Path, python: str, beside: Iterable[str], folder: Path) -> None:
    """Print the harness' tables of all cases, of the long daily ones, and by part."""
    methods = {name: f"baselines:{name}" for name in (*BASELINES, *beside)}
    found: dict[str, list[Row]] = {}
    for name, method in {"ours": OURS, **methods}.items():
        out = folder / f"{name}.csv"
        chosen = f"--method={method}", f"--name={name}", f"--out={out}"
        _run(harness, python, "run_forecast", *chosen)
        with out.open(newline="") as file:
            found[name] = list(csv.DictReader(file))
    held = held_back(harness.parent / "data")
    for title, is_in in _parts(held).items():
        files = []
        for name, rows in found.items():
            files.append(folder / f"{name}-part.csv")
            _write(files[-1], filter(is_in, rows))
        print(f"\n## {title}", flush=True)
        _run(harness, python, "leaderboard", *map(str, files), "--boot=0")


def held_back(data: Path) -> set[str]:
    """Return which series of *data* nothing was tuned on: every other one of a file.

    In the order of their names' SHA-256. A client of ServeGen is in the same part by
    day and by hour.
    """
    groups: dict[str, set[str]] = {}
    for path in (*data.glob("daily/*.csv.gz"), *data.glob("hourly/*.csv.gz")):
        group = path.name.partition("_")[0]
        with gzip.open(path, "rt", newline="") as file:
            names = {_own_name(row["series_id"]) for row in csv.DictReader(file)}
        groups.setdefault(group, set()).update(names)
    held = set()
    for members in groups.values():
        ranked = sorted(members, key=lambda name: sha256(name.encode()).hexdigest())
        held.update(ranked[1::2])
    return held


def _own_name(series: str) -> str:
    """Return the name without the words that tell ServeGen's days from its hours."""
    return series.partition("/")[2] if series.startswith("servegen") else series


def _parts(held: set[str]) -> dict[str, Callable[[Row], bool]]:
    def is_held(row: Row) -> bool:
        return _own_name(row["series"]) in held

    def is_long(row: Row) -> bool:
        return row["group"] in DAILY and int(row["hist"]) >= 30

    return {
        "all": lambda row: True,
        "daily, 30 days of history and more": is_long,
        "tuned on": lambda row: not is_held(row),
        "held back": is_held,
        "tuned on, daily as above": lambda row: is_long(row) and not is_held(row),
        "held back, daily as above": lambda row: is_long(row) and is_held(row),
    }


def _run(harness: Path, python: str, script: str, *arguments: str) -> None:
    subprocess.run(
        [python, str(harness / f"{script}.py"), *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )


def _write(path: Path, rows: Iterable[Row]) -> None:
    chosen = list(rows)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, chosen[0])
        writer.writeheader()
        writer.writerows(chosen)


if __name__ == "__main__":
    main()
