"""Fair shares of a process's threads, and bodies that come in time."""

from collections.abc import Iterator
from contextlib import ExitStack
from io import BytesIO
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costops.serving import bodies, shares
from costops.serving.bodies import Body, CrowdedError, Reading, TooSlowError
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


def test_quick_requests_are_never_too_many(clock: Clock, held: ExitStack) -> None:
    all_shares = Shares(16)

    hold(held, all_shares, "acme", 100)

    with all_shares.of("acme"):
        pass


def test_whose_share_is_slow_waits_and_nobody_else(
    clock: Clock, held: ExitStack
) -> None:
    all_shares = Shares(16)
    hold(held, all_shares, "acme", all_shares.most)
    clock.now = 1.5

    with pytest.raises(ShareTakenError), all_shares.of("acme"):
        pass
    with all_shares.of("globex"):
        pass


def test_one_fewer_than_a_share_may_be_slow(clock: Clock, held: ExitStack) -> None:
    all_shares = Shares(16)
    hold(held, all_shares, "acme", all_shares.most - 1)
    clock.now = 60

    with all_shares.of("acme"):
        pass


def test_a_share_is_free_again_when_its_requests_end(clock: Clock) -> None:
    all_shares = Shares(16)
    with ExitStack() as held:
        hold(held, all_shares, "acme", all_shares.most)
        clock.now = 1.5

    with all_shares.of("acme"):
        pass


SIZES = st.lists(st.integers(-1, 50), max_size=20)


@given(content=st.binary(max_size=300), sizes=SIZES, lines=st.booleans())
def test_a_body_is_read_as_a_file_is(
    content: bytes, sizes: list[int], lines: bool
) -> None:
    body, file = (
        Body(BytesIO(content), len(content), Reading(), None),
        BytesIO(content),
    )

    for size in sizes:
        if lines:
            assert body.readline(size) == file.readline(size)
        else:
            assert body.read(size) == file.read(size)
    assert body.read() == file.read()
    assert body.is_read


def test_of_many_that_stall_only_a_few_keep_their_threads(
    monkeypatch: pytest.MonkeyPatch, held: ExitStack
) -> None:
    monkeypatch.setattr(bodies, "STALL_S", 0.05)
    reading = Reading()
    for _ in range(bodies.WITHOUT_END):
        held.enter_context(reading.begun("acme"))

    with pytest.raises(TooSlowError):
        Body(Stalled(), 10, reading, "acme").read(10)


def test_among_many_a_body_that_comes_is_read(held: ExitStack) -> None:
    reading = Reading()
    for _ in range(bodies.WITHOUT_END):
        held.enter_context(reading.begun("acme"))

    body = Body(BytesIO(b"a" * 200_000), 200_000, reading, "globex")
    assert body.read() == b"a" * 200_000


def test_many_that_read_at_once_are_not_refused(held: ExitStack) -> None:
    reading = Reading()
    for party in [None, "acme"] * 100:
        held.enter_context(reading.begun(party))

    assert Body(BytesIO(b"a"), 1, reading, "acme").read() == b"a"
    assert Body(BytesIO(b"a"), 1, reading, None).read() == b"a"


def test_after_one_without_a_key_stalled_few_of_them_are_read(
    monkeypatch: pytest.MonkeyPatch, held: ExitStack
) -> None:
    monkeypatch.setattr(bodies, "STALL_S", 0.05)
    reading = Reading()
    for _ in range(bodies.WITHOUT_END):
        held.enter_context(reading.begun(None))
    with pytest.raises(TooSlowError):
        Body(Stalled(), 10, reading, None).read(10)

    with pytest.raises(CrowdedError):
        Body(BytesIO(b"a"), 1, reading, None).read()
    assert Body(BytesIO(b"a"), 1, reading, "acme").read() == b"a"


class Stalled:
    """A body of which half came."""

    def __init__(self) -> None:
        self.parts = [b"12345"]

    def read(self, _: int, /) -> bytes:
        if self.parts:
            return self.parts.pop()
        Event().wait(2)
        raise ConnectionResetError
