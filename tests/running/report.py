"""What a run says: a line when a part is done, and in the end what came of it all."""

from collections import Counter
from collections.abc import Iterator

from tests.running.lanes import Done
from tests.running.parts import POSTGRES, SQLITE, Part
from tests.running.plugin import Result
from tests.running.run import CHECKS, Run
from tests.sizes import PROFILE

SLOW_S = 5.0  # what takes longer is to be apart, or a race
_ROW = "{:<44} {:>6} {:>8} {:>7} {:>8} {:>8}"


def progress(run: Run, done: Done) -> None:
    """Say that a part is done; what it said too, if it failed or was asked for."""
    is_well = run.is_well(done)
    if not is_well or (
        run.arguments and done.job.name in {one.name for one in run.parts}
    ):
        print(f"\n== {done.job.name}")
        print(done.job.log.read_text(errors="replace"))
    said = "done" if is_well else "FAILED"
    print(f"{done.job.name}: {said} after {done.wall_s:.0f} s", flush=True)


def summary(
    run: Run, wall_s: float, own_cpu_s: float, server_cpu_s: float | None
) -> bool:
    """Print all of it; return whether everything is well."""
    results = {part.name: run.results_of(part) for part in run.parts}
    print()
    _print_table(run, results)
    cpu_s = own_cpu_s + sum(done.cpu_s for done in run.done)
    if server_cpu_s is not None:
        cpu_s += server_cpu_s
        print(_ROW.format("PostgreSQL itself", "", "", "", "", f"{server_cpu_s:.0f} s"))
    print(_ROW.format("all", "", "", "", f"{wall_s:.0f} s", f"{cpu_s:.0f} s"))
    _print_skipped(run, results)
    _print_slow(run, results)
    lost = [*_lost(run, results)]
    for name in lost:
        print(f"LOST: {name}")
    _print_verdicts(run, results, len(lost))
    failed = [done.job.name for done in run.done if not run.is_well(done)]
    if failed:
        print("FAILED:", *failed, sep="\n  ")
    return bool(run.tests) and not failed and not lost


def _print_table(run: Run, results: dict[str, list[Result]]) -> None:
    print(_ROW.format("part", "passed", "skipped", "failed", "wall", "CPU"))
    for done in run.done:
        of = Counter(one.outcome for one in results.get(done.job.name, []))
        counts = [of[each] or "" for each in ("passed", "skipped", "failed")]
        times = f"{done.wall_s:.0f} s", f"{done.cpu_s:.0f} s"
        print(_ROW.format(done.job.name, *counts, *times))


def _print_skipped(run: Run, results: dict[str, list[Result]]) -> None:
    why = Counter(
        (one.reason, part.database)
        for part in run.parts
        for one in results[part.name]
        if one.outcome == "skipped"
    )
    print("\nSkipped:" if why else "\nNothing was skipped.")
    for (reason, database), count in sorted(why.items()):
        print(f"  {count} on {database}: {reason}")


def _print_slow(run: Run, results: dict[str, list[Result]]) -> None:
    """List what ought to be marked apart, be a race, or do less every day."""
    if PROFILE == "large":
        return
    may_be_slow = {
        test.id for test in run.tests if not test.kinds.isdisjoint({"apart", "races"})
    }
    slow = [
        f"  {one.seconds:.1f} s on {part.database}: {one.id}"
        for part in run.parts
        for one in results[part.name]
        if one.seconds > SLOW_S and one.id not in may_be_slow
    ]
    if slow:
        print(
            f"\nOver {SLOW_S:.0f} s, though neither apart nor a race:", *slow, sep="\n"
        )


def _lost(run: Run, results: dict[str, list[Result]]) -> Iterator[str]:
    """Yield what was collected but ran nowhere, or did not where it should have."""
    ran = {name: {one.id for one in of} for name, of in results.items()}
    anywhere = set().union(*ran.values())
    yield from (
        f"{test.id} ran nowhere" for test in run.tests if test.id not in anywhere
    )
    for part in run.parts:
        yield from (
            f"{test.id} did not run on {part.database}"
            for test in part.tests
            if test.id in anywhere and test.id not in ran[part.name]
        )


def _print_verdicts(run: Run, results: dict[str, list[Result]], lost: int) -> None:
    collected = f"{len(run.tests):,} tests were collected"
    print(
        f"\n{collected}; {lost:,} were LOST." if lost else f"\n{collected}, none lost."
    )
    checks = [done for done in run.done if done.job.name == CHECKS]
    for done in checks:
        print(f"Checks: {'passed' if run.is_well(done) else 'FAILED'}.")
    for database in (SQLITE, POSTGRES):
        if parts := [part for part in run.parts if part.database == database]:
            print(f"{database}: {_verdict(run, parts, results)}.")
        elif database == POSTGRES and not run.postgres:
            print(f"{database}: NOT TESTED, none answered.")


def _verdict(run: Run, parts: list[Part], results: dict[str, list[Result]]) -> str:
    of = Counter(one.outcome for part in parts for one in results[part.name])
    names = {part.name for part in parts}
    done = [one for one in run.done if one.job.name in names]
    is_well = len(done) == len(parts) and all(map(run.is_well, done))
    counts = f"{of['passed']:,} passed, {of['skipped']:,} skipped"
    return f"{'passed' if is_well else 'FAILED'} ({counts}, {of['failed']:,} failed)"
