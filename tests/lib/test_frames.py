import resource
from collections.abc import Callable

from lib.frames import with_room

CALLS, DEPTHS = 300, range(20, 160, 4)


def deep(depth: int, work: Callable[[], None]) -> None:
    if depth:
        deep(depth - 1, work)
    else:
        work()


def loop() -> None:
    for _ in range(CALLS):
        deep(3, lambda: None)


def faults_at(depth: int) -> int:
    """Return how many pages of memory the loop has fetched anew, *depth* calls down."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    deep(depth, loop)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_no_depth_is_unlucky() -> None:
    most = with_room(lambda: max(map(faults_at, DEPTHS)))()

    assert most < CALLS / 10
