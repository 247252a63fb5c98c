"""The tests' own runner: nothing is lost on the way, and what fails is told."""

import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.running import report
from tests.running.lanes import Done, Job, Lanes
from tests.running.parts import (
    POSTGRES,
    SQLITE,
    Part,
    belongs_on_postgres,
    divided,
    for_postgres,
)
from tests.running.plugin import Test, read_plan, read_results, write_plan
from tests.running.run import Run

pytest_plugins = ["pytester"]
PURE, ROWS, RACE, PAGE, KILL = (
    frozenset(kinds)
    for kinds in (
        [],
        ["database"],
        ["database", "races"],
        ["apart", "browser", "database"],
        ["apart", "each_database"],
    )
)
TESTS = [
    Test(f"tests/{folder}/test_{module}.py::test_{number}", kinds)
    for folder in ("here", "there", "a_new_folder")
    for module, kinds in enumerate((PURE, ROWS, RACE, PAGE, KILL))
    for number in range(400 * (module + 1))
]


@pytest.mark.parametrize("database", [SQLITE, POSTGRES])
def test_each_test_is_in_one_part_with_all_of_its_module(database: str) -> None:
    parts = divided(TESTS, database)

    assert Counter(test.id for part in parts for test in part.tests) == Counter(
        test.id for test in TESTS
    )
    found = {(test.module, part.name) for part in parts for test in part.tests}
    assert len(found) == len({test.module for test in TESTS})
    assert len({part.name for part in parts}) == len(parts)


def test_a_single_race_gets_a_part() -> None:
    (part,) = divided([Test("tests/a/test_b.py::test_c", RACE)], SQLITE)

    assert len(part.tests) == 1


@pytest.mark.parametrize(
    ("kinds", "every_day", "at_night"),
    [
        (PURE, False, False),
        (ROWS, True, True),
        (RACE, True, True),
        (PAGE, False, True),
        (KILL, True, True),
    ],
    ids=["pure", "rows", "race", "page", "kill"],
)
def test_what_shows_something_of_its_own_on_postgres_runs_there(
    kinds: frozenset[str], every_day: bool, at_night: bool
) -> None:
    test = Test("tests/a/test_b.py::test_c", kinds)

    assert belongs_on_postgres(test, large=False) is every_day
    assert belongs_on_postgres(test, large=True) is at_night


@pytest.mark.parametrize(("kinds", "every_day"), [(ROWS, False), (RACE, True)])
def test_pages_run_there_at_night(kinds: frozenset[str], *, every_day: bool) -> None:
    test = Test("tests/console/test_b.py::test_c", kinds)

    assert belongs_on_postgres(test, large=False) is every_day
    assert belongs_on_postgres(test, large=True)


@pytest.mark.parametrize(
    ("kinds", "large", "cases"),
    [(ROWS, False, 2), (ROWS, True, 5), (RACE, False, 5)],
    ids=["every day", "at night", "races"],
)
def test_one_case_of_a_test_shows_that_the_second_database_agrees(
    kinds: frozenset[str], cases: int, *, large: bool
) -> None:
    tests = [Test(f"tests/a/test_b.py::test_c[{n}]", kinds) for n in range(4)]
    tests.append(Test("tests/a/test_b.py::test_d[0]", kinds))

    assert len([*for_postgres(tests, large=large)]) == cases


@pytest.mark.parametrize(
    ("kinds", "large", "run"),
    [(ROWS, False, 2), (ROWS, True, 4), (RACE, False, 4), (KILL, False, 4)],
    ids=["every day", "at night", "races", "kills"],
)
def test_apps_without_sql_of_their_own_show_a_part_of_theirs_there(
    kinds: frozenset[str], run: int, *, large: bool
) -> None:
    tests = [Test(f"tests/alerts/test_b.py::test_{n}", kinds) for n in range(4)]

    assert len([*for_postgres(tests, large=large)]) == run


def job(name: str, code: str, directory: Path) -> Job:
    return Job(name, (sys.executable, "-c", code), {}, directory / name)


def test_jobs_run_in_lanes_with_those_that_follow_from_them(tmp_path: Path) -> None:
    done: list[Done] = []

    def then(one: Done) -> list[Job]:
        done.append(one)
        return [job("third", "raise SystemExit(3)", tmp_path)] if len(done) == 2 else []

    Lanes(2).run([job(name, "print(1)", tmp_path) for name in ("a", "b")], then)

    assert [one.status for one in done] == [0, 0, 3]
    assert done[2].job.name == "third"
    assert done[0].job.log.read_text() == "1\n"
    assert done[0].cpu_s > 0


def test_what_still_runs_is_ended_when_something_breaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.running.lanes.PATIENCE_S", 1)
    lanes = Lanes(2)

    def breaks(done: Done) -> list[Job]:
        raise KeyboardInterrupt

    jobs = [
        job("long", "import time; time.sleep(600)", tmp_path),
        job("short", "", tmp_path),
    ]
    with pytest.raises(KeyboardInterrupt):
        lanes.run(jobs, breaks)

    ((_, process, _),) = lanes.running.values()
    assert process.returncode != 0


def test_pytest_records_what_became_of_each_test(
    pytester: pytest.Pytester, tmp_path: Path
) -> None:
    pytester.makepyfile(
        """
        import pytest

        def test_passes(): pass
        def test_fails(): assert False
        def test_skips(): pytest.skip("why not")
        def test_is_of_another_part(): pass
        """
    )
    plan, only, results = (tmp_path / name for name in ("plan", "only", "results"))
    plugin = ("-p", "tests.running.plugin", "-p", "no:randomly", "-p", "no:django")
    pytester.runpytest_inprocess(*plugin, "--collect-only", f"--plan={plan}")
    write_plan(only, read_plan(plan)[:3])

    pytester.runpytest_inprocess(*plugin, f"--only={only}", f"--record={results}")

    assert [(one.outcome, one.reason) for one in read_results(results)] == [
        ("passed", ""),
        ("failed", ""),
        ("skipped", "why not"),
    ]


def run_of(tests: list[Test], recorded: list[Test], directory: Path) -> Run:
    """Return a run of one part, of which some tests were recorded."""
    run = Run((), None, directory, tests, [Part("part", SQLITE, tuple(tests))])
    lines = [f'["{test.id}", "passed", 0.1, ""]\n' for test in recorded]
    (directory / "part.results").write_text("".join(lines))
    run.done.append(Done(job("part", "", directory), 0, 1, 1))
    return run


def test_a_test_that_ran_nowhere_is_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tests = TESTS[:3]

    assert report.summary(run_of(tests, tests, tmp_path), 1, 1, None)
    assert "3 tests were collected, none lost." in capsys.readouterr().out
    assert not report.summary(run_of(tests, tests[1:], tmp_path), 1, 1, None)
    assert f"LOST: {tests[0].id} ran nowhere" in capsys.readouterr().out
