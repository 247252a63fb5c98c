"""Names that nobody answers for: requests give up in time, and no threads pile up."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from lib import addresses, http
from tests.notifications.receivers import Receiver, until

PATIENCE_S = 0.3


@pytest.fixture
def silence(monkeypatch: pytest.MonkeyPatch) -> Iterator[Event]:
    """Have the resolver say nothing of the names that end in .silent until it is set.

    Then they are this machine's.
    """
    over = Event()
    real = socket.getaddrinfo

    def getaddrinfo(host: str, *args: Any, **kwargs: Any) -> Any:
        if host.endswith(".silent"):
            over.wait(20)
            host = "127.0.0.1"
        return real(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield over
    over.set()
    until(lambda: not looking_up())


def looking_up() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if "_ask" in one.name]


def give_up(address: str) -> float:
    """Post to *address* in vain; return how many seconds that took."""
    began = time.monotonic()
    with pytest.raises(http.NoAnswer, match="in time"):
        http.post(address, b"{}", {})
    return time.monotonic() - began


def test_a_name_that_is_not_answered_for_in_time_is_given_up(
    silence: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "TIMEOUT_S", PATIENCE_S)

    took = give_up("http://hooks.silent/")

    assert PATIENCE_S * 0.9 <= took < PATIENCE_S * 5


def test_however_many_wait_for_a_name_one_thread_is_at_it(
    silence: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "TIMEOUT_S", PATIENCE_S)

    with ThreadPoolExecutor(16) as pool:
        took = list(pool.map(give_up, ["http://hooks.silent/"] * 32))

    assert max(took) < PATIENCE_S * 5
    assert len(looking_up()) == 1
    silence.set()
    until(lambda: not looking_up())


def test_what_is_answered_late_is_sent_all_the_same(
    silence: Event, receiver: Receiver
) -> None:
    threading.Timer(0.2, silence.set).start()

    answer = http.post(f"http://hooks.silent:{receiver.port}/", b"{}", {})

    assert answer.status == 200
    assert len(receiver.requests) == 1


def test_no_more_names_are_looked_up_than_there_is_room_for(
    silence: Event, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "TIMEOUT_S", PATIENCE_S)
    monkeypatch.setattr(addresses, "MOST_LOOKED_UP", 2)
    give_up("http://one.silent/")
    give_up("http://two.silent/")

    with pytest.raises(http.NoAnswer, match="Too many names"):
        http.post("http://three.silent/", b"{}", {})

    assert len(looking_up()) == 2
    # An address that is no name waits for nobody.
    assert http.post(receiver.url(), b"{}", {}).status == 200


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_process_that_is_forked_off_waits_for_nothing_of_before(
    silence: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "TIMEOUT_S", PATIENCE_S)
    give_up("http://hooks.silent/")

    child = os.fork()
    if not child:
        os._exit(len(addresses._look_ups._going))
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
