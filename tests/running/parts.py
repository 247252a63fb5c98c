"""Which tests run on which database, and which of them together in one process."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import ceil

from tests.running.plugin import Test

PART_S = 70  # seconds; shorter ones balance better, and each costs five to start
CASES = 1  # of a parametrized test, every day, on the database that comes second
PAGES = "tests/console/"  # every day on SQLite; the walk opens each page on both
# Apps that have no SQL of their own for a database: it sees one in so many of their
# tests every day, and all at night.
PLAIN = (
    "tests/accounts/",
    "tests/alerts/",
    "tests/api/",
    "tests/approvals/",
    "tests/costops/",
    "tests/notifications/",
)
ONE_IN = 3
APART_S = 6  # for a module's own server to start
SQLITE, POSTGRES = "SQLite", "PostgreSQL"
# What a test takes on two cores, by the first of its kinds that stands here: what the
# parts begin with, not a promise.
SECONDS = {
    SQLITE: {"each_database": 8, "apart": 0.5, "races": 0.01, "database": 0.1},
    POSTGRES: {"each_database": 8, "apart": 0.5, "races": 1, "database": 0.15},
}
PURE_S = 0.01


@dataclass(frozen=True, slots=True)
class Part:
    """Tests that run in one process, on one database."""

    name: str
    database: str
    tests: tuple[Test, ...]

    @property
    def seconds(self) -> float:
        """About what it takes."""
        apart = {test.module for test in self.tests if "apart" in test.kinds}
        return seconds_of(self.tests, self.database) + len(apart) * APART_S


def seconds_of(tests: Iterable[Test], database: str) -> float:
    def of(test: Test) -> float:
        known = SECONDS[database].items()
        return next((took for kind, took in known if kind in test.kinds), PURE_S)

    return sum(map(of, tests))


def belongs_on_postgres(test: Test, *, large: bool) -> bool:
    """Tell whether *test* shows something there that SQLite has not shown."""
    if large:
        return not test.kinds.isdisjoint({"database", "apart"})
    if "apart" in test.kinds:
        return "each_database" in test.kinds
    if test.module.startswith(PAGES):
        return "races" in test.kinds
    return "database" in test.kinds


def for_postgres(tests: Iterable[Test], *, large: bool) -> Iterator[Test]:
    """Yield the tests that run there: every day some, where they are alike.

    Cases of one test differ in what is given, not in what is asked of the database.
    Races are all run: what they are about is PostgreSQL.
    """
    cases: Counter[str] = Counter()
    plain: Counter[str] = Counter()
    for test in tests:
        if not belongs_on_postgres(test, large=large):
            continue
        if large or not test.kinds.isdisjoint({"races", "each_database"}):
            yield test
            continue
        cases[test.function] += 1
        if cases[test.function] > CASES:
            continue
        if test.module.startswith(PLAIN):
            plain[test.module] += 1
            if plain[test.module] % ONE_IN != 1:
                continue
        yield test


def divided(tests: Iterable[Test], database: str) -> list[Part]:
    """Return the parts of *tests*, each of which is in one of them.

    What is apart waits more than it works and shares servers: a part for each folder.
    """
    apart: dict[str, list[Test]] = defaultdict(list)
    rest: dict[str, list[Test]] = defaultdict(list)
    for test in tests:
        if "apart" in test.kinds:
            folder = test.module.rpartition("/")[0]
            how = "in a browser" if "browser" in test.kinds else "apart"
            apart[f"{folder} {how}"].append(test)
        else:
            rest[test.module].append(test)
    named = [*apart.items(), *_balanced(rest, database)]
    return [Part(f"{database}: {name}", database, tuple(of)) for name, of in named]


def _balanced(
    modules: dict[str, list[Test]], database: str
) -> Iterator[tuple[str, list[Test]]]:
    """Yield parts of whole modules that take about as long as one another."""
    took = {module: seconds_of(tests, database) for module, tests in modules.items()}
    count = min(len(took), ceil(sum(took.values()) / PART_S))
    parts: list[list[Test]] = [[] for _ in range(count)]
    loads = [0.0] * count
    for module in sorted(took, key=lambda module: -took[module]):
        lightest = loads.index(min(loads))
        parts[lightest] += modules[module]
        loads[lightest] += took[module]
    for number, tests in enumerate(parts, 1):
        yield f"part {number} of {count}", tests
