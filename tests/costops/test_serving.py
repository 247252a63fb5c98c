"""Fair shares of a process's threads, and bodies that come in time."""

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from io import BytesIO
from threading import Event, Semaphore, Thread
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment
from wsgiref.util import setup_testing_defaults

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts import keys
from accounts.types import Caller
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


def all_it_gets(held: ExitStack, all_shares: Shares, party: str) -> int:
    """Have *party* take what threads it may; return how many that are."""
    for count in range(100):
        try:
            held.enter_context(all_shares.of(party))
        except ShareTakenError:
            return count
    raise AssertionError("There is no end to it.")


@pytest.mark.parametrize(("threads", "most"), [(1, 1), (2, 1), (4, 3), (16, 14)])
def test_somebody_else_always_finds_a_thread(
    threads: int, most: int, held: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares, "STALLED_S", -1)

    assert all_it_gets(held, Shares(threads), "acme") == most


@given(order=st.permutations("abcdefg"), come=st.lists(st.sampled_from("abcdefg")))
def test_when_all_that_are_here_stall_each_has_a_thread_and_one_is_left(
    order: list[str], come: list[str]
) -> None:
    all_shares = Shares(16)
    with pytest.MonkeyPatch.context() as patched, ExitStack() as held:
        patched.setattr(shares, "STALLED_S", -1)
        for party in order:  # they have been here
            with all_shares.of(party):
                pass

        taken = 0
        for party in come:
            with suppress(ShareTakenError):
                held.enter_context(all_shares.of(party))
                taken += 1
        got = [all_it_gets(held, all_shares, one) for one in order if one not in come]
        new = all_it_gets(held, all_shares, "somebody new")

        assert all([*got, new])
        assert taken + sum(got) + new <= 16


def test_who_has_gone_leaves_their_thread_to_the_others(
    clock: Clock, held: ExitStack
) -> None:
    all_shares = Shares(16)
    for party in range(5):
        with all_shares.of(party):
            pass

    hold(held, all_shares, "acme", 16 - 6)
    clock.now = 2
    with pytest.raises(ShareTakenError), all_shares.of("acme"):
        pass
    clock.now = 12
    hold(held, all_shares, "acme", 4)


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


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[WSGIApplication]:
    """A server of which one address has all threads that it may have, and waits."""
    is_over, waiting = Event(), Semaphore(0)

    def application(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/slow":
            waiting.release()
            is_over.wait(10)
        start("200 OK", [])
        return []

    monkeypatch.setattr(shares, "STALLED_S", -1)
    serve = within_limits(application, threads=16)
    threads = [Thread(target=asked, args=(serve, "/slow")) for _ in range(14)]
    for thread in threads:
        thread.start()
        waiting.acquire()
    yield serve
    is_over.set()
    for thread in threads:
        thread.join()
    PLACES.fit(THREADS)


def asked(
    serve: WSGIApplication, path: str, *, at: str = "192.0.2.1", key: str = ""
) -> str:
    """Return the status of what is answered to somebody at an address."""
    environ = {"PATH_INFO": path, "REMOTE_ADDR": at, "wsgi.input": BytesIO()}
    setup_testing_defaults(environ)
    if key:
        environ["HTTP_AUTHORIZATION"] = key
    said: list[str] = []
    serve(environ, lambda status, *_: said.append(status))  # type: ignore[arg-type] # no writer
    return said[0][:3]


def test_who_has_no_key_is_told_apart_by_address(server: WSGIApplication) -> None:
    assert asked(server, "/") == "503"
    assert asked(server, "/", at="192.0.2.2") == "200"
    assert asked(server, "/health/live") == "200"


def test_keys_are_looked_up_at_the_expense_of_the_address(
    server: WSGIApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = Caller(1, "key tests", 7, "acme", frozenset(), None, None)
    known = {"Bearer known": caller}
    monkeypatch.setattr(keys, "remembered", known.get)
    monkeypatch.setattr(keys, "check", lambda header: caller)

    assert asked(server, "/", key="Bearer new") == "503"
    assert asked(server, "/", key="Bearer known") == "200"
    assert asked(server, "/", key="Bearer new", at="192.0.2.2") == "200"
