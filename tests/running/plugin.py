"""What pytest and the runner tell each other: a plugin for pytest, and its files."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.kinds import kinds_of


@dataclass(frozen=True, slots=True)
class Test:
    """A test that was collected."""

    __test__ = False  # for pytest

    id: str
    kinds: frozenset[str]

    @property
    def module(self) -> str:
        return self.id.partition("::")[0]

    @property
    def function(self) -> str:
        """Its id without the case of its parameters."""
        return self.id.partition("[")[0]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a test."""

    id: str
    outcome: str  # passed, failed or skipped
    seconds: float  # of setup, call and teardown
    reason: str  # why it was skipped


def read_plan(path: Path) -> list[Test]:
    return [Test(id_, frozenset(kinds)) for id_, kinds in json.loads(path.read_text())]


def read_results(path: Path) -> Iterator[Result]:
    if path.exists():
        for line in path.read_text().splitlines():
            yield Result(*json.loads(line))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--plan", type=Path, help="write what was collected there")
    parser.addoption("--only", type=Path, help="run the tests of that plan alone")
    parser.addoption("--record", type=Path, help="write what becomes of each there")


def pytest_configure(config: pytest.Config) -> None:
    if path := config.getoption("--record"):
        config.pluginmanager.register(Recorder(path))


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    path = config.getoption("--only")
    if not path:
        return
    wanted = {test.id for test in read_plan(path)}
    others = [item for item in items if item.nodeid not in wanted]
    items[:] = [item for item in items if item.nodeid in wanted]
    config.hook.pytest_deselected(items=others)


def pytest_collection_finish(session: pytest.Session) -> None:
    if path := session.config.getoption("--plan"):
        write_plan(path, [Test(item.nodeid, kinds_of(item)) for item in session.items])


def write_plan(path: Path, tests: Iterable[Test]) -> None:
    path.write_text(json.dumps([[test.id, sorted(test.kinds)] for test in tests]))


class Recorder:
    """Writes a line for each test when it is over, so that a crash leaves the rest."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.outcome, self.seconds, self.reason = "passed", 0.0, ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds += report.duration
        if report.failed:
            self.outcome = "failed"
        elif report.skipped and self.outcome == "passed":
            self.outcome = "skipped"
            if isinstance(report.longrepr, tuple):
                self.reason = report.longrepr[2].removeprefix("Skipped: ")
        if report.when == "teardown":
            line = [report.nodeid, self.outcome, round(self.seconds, 3), self.reason]
            with self.path.open("a") as file:
                file.write(json.dumps(line) + "\n")
            self.outcome, self.seconds, self.reason = "passed", 0.0, ""
