"""Fair shares of a process's threads, and bodies that come in time."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from io import BytesIO
from threading import Semaphore, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.api.waiting import PLACES, THREADS
from costops.serving import bodies, shares
from costops.serving.application import within_limits
from costops.serving.bodies import Body, BodyReading, CrowdedError
from costops.serving.shares import Shares, ShareTakenError


class Clock:
    """What time it is, in seconds."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(shares, "time", clock)
    return clock


@pytest.fixture
def held() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def hold(held: ExitStack, all_shares: Shares, party: str, times: int) -> None:
    for _ in range(times):
        held.enter_context(all_shares.of(party))


def test_whose_requests_do_not_end_is_turned_down_and_nobody_else(
    clock: Clock, held: ExitStack
) -> None:
    all_shares = Shares(16)
    hold(held, all_shares, "acme", 14)
    clock.now = 1.5

    with pytest.raises(ShareTakenError), all_shares.of("acme"):
        pass
    with all_shares.of("globex"):
        pass


def test_one_fewer_than_a_share_may_take_long(clock: Clock, held: ExitStack) -> None:
    all_shares = Shares(16)
    hold(held, all_shares, "acme", 13)
    clock.now = 60

    with all_shares.of("acme"):
        pass


def test_a_share_is_free_again_when_its_requests_end(clock: Clock) -> None:
    all_shares = Shares(16)
    with ExitStack() as held:
        hold(held, all_shares, "acme", 14)
        clock.now = 1.5

    with all_shares.of("acme"):
        pass


def test_while_requests_do_end_everybody_gets_a_turn() -> None:
    all_shares, within, found = Shares(16), Semaphore(14), []

    def ask() -> None:
        for _ in range(20):
            with all_shares.of("acme"):
                found.append(within.acquire(blocking=False))
                time.sleep(0.001)
                within.release()

    threads = [Thread(target=ask) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [True] * 640


@pytest.mark.parametrize(("threads", "most"), [(1, 1), (2, 1), (4, 3), (16, 14)])
def test_somebody_else_always_finds_a_thread(threads: int, most: int) -> None:
    assert Shares(threads).most == most


SIZES = st.lists(st.integers(-1, 50), max_size=20)


@given(content=st.binary(max_size=300), sizes=SIZES, lines=st.booleans())
def test_a_body_is_read_as_a_file_is(
    content: bytes, sizes: list[int], lines: bool
) -> None:
    body, file = (
        Body(BytesIO(content), len(content), BodyReading(16), None),
        BytesIO(content),
    )

    for size in sizes:
        if lines:
            assert body.readline(size) == file.readline(size)
        else:
            assert body.read(size) == file.read(size)
    assert body.read() == file.read()
    assert body.is_read


@pytest.mark.parametrize(("party", "most"), [(None, 4), ("acme", 10)])
def test_who_stalls_keeps_a_few_threads_and_leaves_the_others(
    party: str | None, most: int, held: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "STALLED_S", 0.02)
    reading = BodyReading(16)
    for _ in range(most):
        held.enter_context(reading.begun(party))

    with pytest.raises(CrowdedError):
        Body(BytesIO(b"a"), 1, reading, party).read()
    assert Body(BytesIO(b"a"), 1, reading, "globex").read() == b"a"


def test_while_bodies_do_come_everybody_gets_a_turn() -> None:
    reading, found = BodyReading(16), []

    def read() -> None:
        for _ in range(50):
            found.append(Body(BytesIO(b"a"), 1, reading, None).read())

    threads = [Thread(target=read) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [b"a"] * 1600


def test_of_few_threads_half_wait_for_decisions_at_most() -> None:
    try:
        within_limits(lambda *_: [], threads=4)

        assert PLACES.most == 2
    finally:
        PLACES.fit(THREADS)
