"""Run the dev.benchmarks: `python -m dev.benchmarks [PART ...] [--rounds N]`."""

from argparse import ArgumentParser
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tqdm import tqdm

from dev.benchmarks.databases import postgresql, sqlite
from dev.benchmarks.part import measure
from dev.benchmarks.timing import Figure

# Each part: the module that measures it, and on which database.
PARTS = {
    "postgresql": ("ingest", "postgresql"),
    "sqlite": ("ingest", "sqlite"),
    "http": ("http", "postgresql"),
    "pricing": ("pricing", "sqlite"),
    "door": ("door", "sqlite"),
    "status": ("status", "postgresql"),
    "desk": ("desk", "postgresql"),
    "desk-sqlite": ("desk", "sqlite"),
    "import": ("imports", "postgresql"),
    "crossings": ("crossings", "postgresql"),
    "alerting": ("alerting", "postgresql"),
    "sweep": ("sweep", "postgresql"),
    "foresight": ("foresight", "postgresql"),
    "outbox": ("outbox", "postgresql"),
    "decisions": ("deciding", "postgresql"),
    "decisions-sqlite": ("deciding", "sqlite"),
    "authorizations": ("authorizing", "postgresql"),
    "recommendations": ("recommending", "postgresql"),
    "reports": ("reporting", "sqlite"),
    "focus": ("exporting", "postgresql"),
    "approvals": ("approving", "postgresql"),
    "approvals-sqlite": ("approving", "sqlite"),
}
DATABASE = "bench_costops"  # made for each part, and dropped


def main() -> None:
    parser = ArgumentParser(prog="python -m dev.benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--rounds", type=int, default=7, help="at least 5 (default: 7)")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    if given.rounds < 5:
        parser.error("fewer than 5 rounds say nothing")
    figures: list[Figure] = []
    for part in tqdm(given.parts or list(PARTS), desc="dev.benchmarks"):
        figures += _measured(part, given.rounds)
    print_table(figures)


def _measured(part: str, rounds: int) -> list[Figure]:
    """Measure a part in a process of its own, with a database of its own."""
    module, vendor = PARTS[part]
    with (
        postgresql(DATABASE) if vendor == "postgresql" else sqlite() as url,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process,
    ):
        return process.submit(measure, module, url, rounds).result()


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
