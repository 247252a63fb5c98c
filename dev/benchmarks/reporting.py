"""The monthly report of 200 and of 1,000 budgets as PDF: seconds, memory, and whether
five times the budgets take five times as long."""

import resource

from dev.benchmarks.timing import Figure
from reports.monthly.paper import pdf_of
from tests.reports.months import month_of

SMALL, LARGE = 200, 1_000
LONGEST_S = 10  # for the small one, on two cores
MOST_MB = 500
_KB = 1_024
_ROUNDS = 3  # one takes a minute: more would say little


def measure(rounds: int) -> list[Figure]:
    pdf_of(month_of(1))  # unpacks the fonts
    small = min(_seconds(SMALL) for _ in range(min(rounds, _ROUNDS)))
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / _KB
    large = _seconds(LARGE)
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / _KB
    return [
        Figure(
            f"report of {SMALL} budgets / {LONGEST_S} s",
            small / LONGEST_S,
            1,
            better="less",
            rate=f"{small:.1f} s of CPU",
        ),
        Figure(
            f"memory of its process / {MOST_MB} MB",
            memory / MOST_MB,
            1,
            better="less",
            rate=f"{memory:.0f} MB, {most:.0f} MB for {LARGE:,} budgets",
        ),
        Figure(
            f"report of {LARGE:,} budgets / of {SMALL}",
            large / small,
            LARGE / SMALL,
            better="less",
            rate=f"{large:.1f} s of CPU",
        ),
    ]


def _seconds(budgets: int) -> float:
    """Return the CPU time of one report: what else the machine does counts less."""
    figures = month_of(budgets)
    before = _cpu_of_children()
    pdf_of(figures)
    return _cpu_of_children() - before


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
