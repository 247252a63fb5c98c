"""The race for money: `python -m dev.benchmarks.races --help`.

Real processes over HTTP on PostgreSQL ask one hot tree for more than there is. What
they were told and what the rows say is checked to the last unit; exit 1 when anything
is off.
"""

import os
import secrets
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from dev.benchmarks.databases import postgresql
from dev.benchmarks.wire import UNITS, amount_of

if TYPE_CHECKING:
    from dev.benchmarks.racetrack import Race, Run
    from dev.benchmarks.referee import Verdict
    from dev.benchmarks.rivals import Round

DATABASE = "bench_races"


def main() -> None:
    given = _arguments()
    with postgresql(DATABASE) as url:
        _set_up(url)
        rows, off = _raced(given)
        rows += _of_rivals(given, url)
    print_rows(rows)
    for one in off:
        print(one)
    sys.exit(bool(off))


def _arguments() -> Namespace:
    parser = ArgumentParser(prog="python -m dev.benchmarks.races", description=__doc__)
    add = parser.add_argument
    add("--clients", default="1,8,64,256", help="default: %(default)s")
    add("--limits", default="0.5,5", help="of the root (default: %(default)s)")
    add(
        "--sizes",
        default="0.05,0.0001-0.005",
        help="of requests, equal or by chance within bounds (default: %(default)s)",
    )
    add("--ways", default="reserve,turn over", help="default: %(default)s")
    add("--leases", action="store_true", help="clients with leases too")
    add("--kill", action="store_true", help="kill a quarter of the clients midway")
    add("--litellm", metavar="PYTHON", help="an interpreter that has it, to compare")
    add("--expiry", action="store_true", help="forgotten calls, and expiry beside")
    return parser.parse_args()


def _set_up(url: str) -> None:
    os.environ |= {
        "DATABASE_URL": url,
        "COSTOPS_DEBUG": "0",
        "COSTOPS_SECRET_KEY": secrets.token_hex(),
        "DJANGO_SETTINGS_MODULE": "dev.benchmarks.settings",
    }
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def _raced(given: Namespace) -> tuple[list[list[str]], list[str]]:
    from dev.benchmarks.racetrack import WORKERS, run
    from dev.benchmarks.referee import judge
    from dev.benchmarks.serving import serving

    rows, off = [], list[str]()
    with (
        tempfile.TemporaryDirectory() as directory,
        tempfile.TemporaryFile() as said,
        serving(WORKERS, said=said) as port,
    ):
        for race in tqdm(list(_races(given)), desc="races"):
            done = run(race, port, Path(directory))
            verdict = judge(done)
            rows.append(_row(done, verdict))
            print("  ".join(rows[-1]), flush=True)
            off += [f"{' '.join(rows[-1][:5])}: {one}" for one in verdict.off]
        said.seek(0)
        if off:
            off.append(said.read().decode()[-3_000:])
    return rows, off


def _of_rivals(given: Namespace, url: str) -> list[list[str]]:
    from dev.benchmarks.rivals import race_litellm, race_naively

    rounds = [
        race_naively(url, _units(limit), *_bounds(size))
        for limit in given.limits.split(",")
        for size in given.sizes.split(",")
    ]
    return [_rival_row(one) for one in (*rounds, *race_litellm(given.litellm))]


def _races(given: Namespace) -> "Iterator[Race]":
    from dev.benchmarks.racetrack import Race

    ways = [way for way in given.ways.split(",") if way]
    ways += ["lease"] * given.leases
    for way in ways:
        for limit in given.limits.split(","):
            for size in given.sizes.split(","):
                least, most = _bounds(size)
                for clients in given.clients.split(","):
                    yield Race(
                        way=way,
                        clients=int(clients),
                        limit=_units(limit),
                        least=least,
                        most=most,
                        kill=given.kill,
                        expiry=given.expiry,
                    )


def _bounds(size: str) -> tuple[int, int]:
    least, _, most = size.partition("-")
    return _units(least), _units(most or least)


def _units(amount: str) -> int:
    return int(Decimal(amount) * UNITS)


HEADS = (
    "way",
    "clients",
    "limit",
    "requests",
    "beside",
    "asked",
    "allowed",
    "seconds",
    "overspend",
    "refused falsely",
    "unused",
    "checks",
)


def _row(done: "Run", verdict: "Verdict") -> list[str]:
    race = done.race
    beside = [name for name in ("kill", "expiry") if getattr(race, name)]
    return [
        race.way,
        f"{race.clients}",
        f"${race.limit / UNITS:g}",
        _sizes(race.least, race.most),
        ", ".join(beside),
        f"{verdict.asked:,}",
        f"{verdict.allowed:,}",
        f"{done.took:.1f}",
        f"${amount_of(verdict.overspend)}",
        f"{verdict.false_refusals}",
        f"${amount_of(verdict.unused)}",
        "OFF" if verdict.off else "clean",
    ]


def _sizes(least: int, most: int) -> str:
    words = f"${least / UNITS:g}"
    return words if least == most else f"{words}-{most / UNITS:g}"


def _rival_row(one: "Round") -> list[str]:
    row = [
        one.name,
        f"{one.clients}",
        f"${one.limit / UNITS:g}",
        _sizes(one.least, one.most),
    ]
    if one.spent is None:
        return [*row, "not measured", *[""] * 7]
    over, under = max(one.spent - one.limit, 0), max(one.limit - one.spent, 0)
    money = [f"${amount_of(over)}", "", f"${amount_of(under)}"]
    return [*row, "", "", "", f"{one.took:.1f}", *money, ""]


def print_rows(rows: list[list[str]]) -> None:
    table = [list(HEADS), *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells))


if __name__ == "__main__":
    main()
