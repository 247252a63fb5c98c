"""Leases in memory: a server that is a function, and a clock that is given."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from random import Random
from types import FrameType, ModuleType
from typing import Any

import pytest
from llm_cost_ops.answers.controls import (
    BudgetFigures,
    CallNames,
    LeaseGrant,
    ModelNames,
    ModelPrice,
    Reason,
    ReturnedLease,
)
from llm_cost_ops.calls import Attribution, Call, Tokens
from llm_cost_ops.errors import ConflictError, NoAnswerError
from llm_cost_ops.leases import lease as lease_module
from llm_cost_ops.leases.book import Book
from llm_cost_ops.leases.keeper import IDLE_S, Keeper
from llm_cost_ops.leases.lease import OVER, Lease, Short, Ticket
from llm_cost_ops.leases.slot import Ask, Blocked
from llm_cost_ops.leases.terms import Terms
from llm_cost_ops.money import from_units, to_units
from llm_cost_ops.requests import Request

UNIT = 10**6  # a token costs one unit of 10^-10
PRICE = ModelPrice(
    provider="p",
    model="m",
    currency="USD",
    input=UNIT,
    cached_input=UNIT,
    cache_write=UNIT,
    output=UNIT,
    reasoning=UNIT,
)
HARD = BudgetFigures(
    "b", "B", "USD", spent=Decimal(0), limit=Decimal(1), enforcement="hard"
)
GRANT = LeaseGrant(
    mode="lease",
    id="l1",
    granted=Decimal(0),
    currency="USD",
    ttl_s=Decimal(60),
    names=CallNames("p", models=(ModelNames("m", "m"),)),
    budgets=(HARD,),
    prices=(PRICE,),
)
SWITCHED_OFF = Reason("Off.", rule="kill_switch")
NO_ROOM = Reason("Nothing left.", rule="hard_limit")


def call(tokens: int = 10, **who: Any) -> Call:
    return Call("p", "m", Attribution(**who), tokens, 0)


@dataclass
class Bank:
    """Stands in for the client: sets units aside as long as there are some."""

    room: int = 10**9
    terms: LeaseGrant = GRANT
    asked: list[tuple[str, Any]] = field(default_factory=list)
    is_over: bool = False
    failure: Exception | None = None
    takes_s: float = 0  # until it answers
    lock: threading.Lock = field(default_factory=threading.Lock)

    def send_once(self, request: Request[Any], *, timeout: float) -> Any:
        time.sleep(self.takes_s)
        with self.lock:
            verb = request.path.rsplit("/", 1)[-1]
            self.asked.append((verb, request.body))
            if self.failure is not None:
                raise self.failure
            if verb == "return":
                return self._back(request.body)
            if verb == "release":
                return None
            if verb == "renew" and self.is_over:
                self.is_over = False
                raise ConflictError(409, "lease_over", "Over.")
            return self._granted(request.body)

    def _back(self, body: dict[str, Any]) -> ReturnedLease:
        self.room += to_units(body.get("amount", "0"))
        return ReturnedLease("l1", "returned")

    def _granted(self, body: dict[str, Any]) -> LeaseGrant:
        wanted, least = to_units(body["amount"]), to_units(body["minimum"])
        if self.room < least:
            return replace(GRANT, id=None, mode="block", reasons=(NO_ROOM,))
        units = min(self.room, max(least, min(wanted, self.room // 8)))
        self.room -= units
        number = len(self.asked)
        return replace(self.terms, id=f"l{number}", granted=from_units(units))

    def verbs(self) -> list[str]:
        return [verb for verb, _ in self.asked]


@pytest.fixture
def bank() -> Bank:
    return Bank()


@pytest.fixture
def book(bank: Any) -> Book:
    return Book(bank, first=100, timeout=1)


@pytest.fixture
def keeper(bank: Any, book: Book) -> Keeper:
    return Keeper(bank, book, timeout=1)


@contextmanager
def restless(module: ModuleType) -> Iterator[None]:
    """Let other threads go on in the middle of what *module* does, wherever that is.

    Python itself changes threads every 5 ms: most of what it does takes less.
    """
    chance = Random(1)

    def between(frame: FrameType, event: str, arg: Any) -> Any:
        if frame.f_code.co_filename != module.__file__:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode" and chance.random() < 0.02:
            time.sleep(0)
        return between

    before = threading.gettrace()
    threading.settrace(between)
    try:
        yield
    finally:
        threading.settrace(before)


def lease_of(units: int, seconds: int = 60, since: float = 0.0) -> Lease:
    terms = Terms(replace(GRANT, ttl_s=Decimal(seconds)), "m")
    return Lease("l1", terms, units, since)


# -- One lease


@pytest.mark.parametrize(
    ("left", "kind"), [(9, Short), (10, Ticket), (11, Ticket)], ids=str
)
def test_a_call_that_fills_a_lease_exactly_is_allowed(left: int, kind: type) -> None:
    assert isinstance(lease_of(left).decide(call(10), now=1.0), kind)


@pytest.mark.parametrize(
    ("now", "is_over"), [(59.9, False), (60.0, True), (61.0, True)]
)
def test_a_lease_decides_until_its_time_is_over(now: float, is_over: bool) -> None:
    assert (lease_of(100).decide(call(), now) is OVER) is is_over


def test_what_a_call_did_not_use_is_there_for_the_next_one() -> None:
    lease = lease_of(15)

    first = lease.decide(call(10), 0.0)
    assert isinstance(first, Ticket)
    assert isinstance(lease.decide(call(10), 0.0), Short)
    cost = lease.settle(first, Tokens(4, 0))

    assert cost == 4
    assert lease.left == 11
    assert isinstance(lease.decide(call(10), 0.0), Ticket)


def test_what_a_call_used_beyond_its_estimate_is_missing_for_the_next_one() -> None:
    lease = lease_of(20)

    first = lease.decide(call(10), 0.0)
    assert isinstance(first, Ticket)
    lease.settle(first, Tokens(18, 0))

    found = lease.decide(call(10), 0.0)
    assert isinstance(found, Short)
    assert found.missing == 8


def test_no_number_of_threads_gets_more_than_was_granted() -> None:
    lease, size = lease_of(10_000), 7
    start = threading.Barrier(32)

    def take(number: int) -> int:
        start.wait()
        taken = 0
        for turn in range(500):
            found = lease.decide(call(size), 0.0)
            if isinstance(found, Ticket):
                is_used = (turn + number) % 3 > 0
                taken += lease.settle(found, Tokens(size, 0) if is_used else None)
        return taken

    with restless(lease_module), ThreadPoolExecutor(32) as threads:
        taken = sum(threads.map(take, range(32)))

    assert taken == 10_000 // size * size
    assert lease.left == 10_000 - taken


class Watching:
    """Rules that let everything pass, and keep how much was decided here by then."""

    def __init__(self) -> None:
        self.owns: list[int] = []

    def judge(self, _call: Call, _cost: int, own: int) -> None:
        self.owns.append(own)


def test_what_is_decided_while_the_server_answers_counts_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lease, rules = lease_of(100), Watching()
    monkeypatch.setattr(lease.terms, "rules", rules)
    lease.decide(call(10), 0.0)

    before = lease.decided()
    lease.decide(call(10), 0.0)
    lease.renew(lease.terms, before, 1.0)
    lease.decide(call(10), 2.0)

    assert rules.owns == [0, 10, 20]


def test_an_unpriced_model_is_blocked_under_a_hard_limit_if_the_policy_says_so() -> (
    None
):
    unknown = replace(PRICE, priced=False)
    grant = replace(GRANT, prices=(unknown,), unpriced_policy="block")
    soft = replace(grant, budgets=(replace(HARD, enforcement="soft"),))

    blocked = Lease("l", Terms(grant, "m"), 0, 0.0).decide(call(), 0.0)
    allowed = Lease("l", Terms(soft, "m"), 0, 0.0).decide(call(), 0.0)

    assert not isinstance(blocked, (Ticket, Short, str))
    assert blocked.reasons[0].rule == "unpriced"
    assert isinstance(allowed, Ticket)


# -- All leases of a process


def test_a_first_lease_that_is_too_small_is_filled_up(book: Book, bank: Bank) -> None:
    found = book.decide_by_asking(call(1_000))

    assert isinstance(found, Ticket)
    assert bank.verbs() == ["leases", "renew"]
    assert bank.asked[1][1]["minimum"] == "0.0000000900"  # 100 were there


def test_later_calls_ask_nobody(book: Book, bank: Bank) -> None:
    book.decide_by_asking(call(10))

    found = [book.decide(call(10)) for _ in range(9)]

    assert all(isinstance(each, Ticket) for each in found)
    assert isinstance(book.decide(call(10)), Short)
    assert len(bank.asked) == 1


def test_nothing_is_stranded_when_the_money_runs_out(bank: Any) -> None:
    """Calls of 10, one after the other, from two processes: all the room is used."""
    bank.room = 1_005
    books = [Book(bank, 100, 1) for _ in range(2)]
    allowed = 0
    refused: set[int] = set()
    while len(refused) < len(books):
        for number, book in enumerate(books):
            found: object = book.decide(call(10))
            if not isinstance(found, Ticket):
                found = book.decide_by_asking(call(10))
            if isinstance(found, Blocked):
                refused.add(number)
            else:
                allowed += 1

    assert allowed >= (1_005 - len(books) * 10) // 10


def test_a_lease_that_is_over_is_followed_by_another(book: Book, bank: Bank) -> None:
    book.decide_by_asking(call(10))
    slot = book.slot_of(call(10))
    assert slot.lease is not None
    slot.lease.until = 0.0
    bank.is_over = True

    assert book.decide(call(10)) is OVER
    assert isinstance(book.decide_by_asking(call(10)), Ticket)
    assert bank.verbs() == ["leases", "renew", "leases"]


def test_threads_that_are_short_at_once_ask_once(book: Book, bank: Bank) -> None:
    bank.takes_s = 0.02  # for the others to come meanwhile

    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda _: book.decide_by_asking(call(1)), range(16)))

    assert all(isinstance(each, Ticket) for each in found)
    assert bank.verbs() == ["leases"]


@pytest.mark.parametrize("room", [1_000, 995, 10_000])
def test_many_threads_at_once_get_all_the_room_and_no_more(
    bank: Any, room: int
) -> None:
    """However they take from each other, each that asks comes to an end."""
    bank.room = room
    book = Book(bank, 1, 1)
    start = threading.Barrier(32)

    def take(_: int) -> int:
        start.wait()
        taken = 0
        for _ in range(40):
            found: object = book.decide(call(10))
            if not isinstance(found, Ticket):
                found = book.decide_by_asking(call(10))
            assert isinstance(found, (Ticket, Blocked))
            taken += isinstance(found, Ticket)
        return taken

    with restless(lease_module), ThreadPoolExecutor(32) as threads:
        allowed = sum(threads.map(take, range(32)))

    assert allowed == room // 10


def test_a_rate_limit_has_every_call_asked_for(book: Book, bank: Bank) -> None:
    bank.terms = replace(GRANT, mode="ask")

    assert isinstance(book.decide_by_asking(call()), Ask)
    assert isinstance(book.decide(call()), Ask)


def test_a_switch_that_is_off_ends_the_lease_at_the_next_refresh(
    book: Book, bank: Bank, keeper: Keeper
) -> None:
    book.decide_by_asking(call(10))
    bank.terms = replace(GRANT, mode="block", reasons=(SWITCHED_OFF,))

    book.slots()[0].look_at = 0.0
    keeper.look_after()

    assert book.decide(call(10)) is OVER
    assert isinstance(book.decide_by_asking(call(10)), Blocked)


def test_what_other_leases_hold_idly_is_given_back_before_a_call_is_refused(
    book: Book, bank: Bank
) -> None:
    bank.terms = replace(GRANT, dimensions=("project_id",))
    bank.room = 850
    book.decide_by_asking(call(10, project_id="one"))
    bank.room = 0  # others have taken the rest

    found = book.decide_by_asking(call(50, project_id="two"))

    assert isinstance(found, Ticket)
    assert "return" in bank.verbs()


def test_leases_are_shared_by_who_differs_in_nothing_that_matters(
    book: Book, bank: Bank
) -> None:
    bank.terms = replace(GRANT, dimensions=("project_id",))
    for user in ("ada", "bob"):
        book.decide_by_asking(call(1, user_id=user, project_id="one"))
    assert bank.verbs() == ["leases"]

    bank.terms = replace(GRANT, dimensions=("project_id", "user_id"))
    book.slots()[0].look_at = 0.0
    book.decide_by_asking(call(10**6, user_id="ada", project_id="one"))  # learns it
    book.decide_by_asking(call(1, user_id="bob", project_id="one"))

    assert bank.verbs().count("leases") == 2


# -- In the background


def test_a_lease_in_use_is_refilled_ahead_by_how_fast_it_is_used(
    book: Book, bank: Bank, keeper: Keeper
) -> None:
    book.decide_by_asking(call(10))
    slot = book.slots()[0]
    assert slot.lease is not None
    slot.lease._marked = (time.monotonic() - 10, 0)
    for _ in range(9):
        book.decide(call(10))
    slot.look_at = 0.0  # due

    keeper.look_after()

    wanted = to_units(bank.asked[-1][1]["amount"])
    assert 250 <= wanted <= 300  # 100 units in 10 s: 300 for the next 30
    assert slot.lease.low > 0


def test_a_lease_that_holds_far_more_than_is_used_returns_most_of_it(
    bank: Bank, keeper: Keeper, book: Book
) -> None:
    book.decide_by_asking(call(2))
    slot = book.slots()[0]
    assert slot.lease is not None
    slot.lease._marked = (time.monotonic() - 60, 0)  # two units in a minute
    slot.look_at = 0.0  # due

    keeper.look_after()

    assert bank.asked[-1] == ("return", {"amount": "0.0000000082"})
    assert slot.lease.left == 16  # of 98; it is to hold four calls


def test_an_idle_lease_is_returned_whole(
    book: Book, bank: Bank, keeper: Keeper
) -> None:
    ticket = book.decide_by_asking(call(10))
    assert isinstance(ticket, Ticket)
    lease = ticket.lease
    assert lease is not None
    lease.reported(lease.settle(ticket, Tokens(10, 0)))
    lease.used_at -= IDLE_S + 1

    keeper.look_after()

    assert bank.asked[-1] == ("return", {})
    assert book.decide(call(10)) is OVER


def test_of_a_lease_with_calls_under_way_only_the_rest_is_returned_at_first(
    book: Book, bank: Bank, keeper: Keeper
) -> None:
    ticket = book.decide_by_asking(call(10))
    assert isinstance(ticket, Ticket)
    assert ticket.lease is not None

    book.give_back(book.slots()[0])
    assert bank.asked[-1] == ("return", {"amount": "0.0000000090"})

    ticket.lease.reported(ticket.lease.settle(ticket, Tokens(3, 0)))
    keeper.look_after()
    assert bank.asked[-1] == ("return", {})


def test_a_server_that_is_away_is_not_asked_all_the_time(
    book: Book, bank: Bank, keeper: Keeper
) -> None:
    book.decide_by_asking(call(10))
    asked = len(bank.asked)
    bank.failure = NoAnswerError("away")

    for _ in range(10):
        book.slots()[0].look_at = 0.0
        keeper.look_after()

    assert len(bank.asked) == asked + 1
    assert isinstance(book.decide(call(10)), Ticket)  # it still has some


def test_the_keeper_starts_when_there_is_something_to_keep(
    book: Book, bank: Bank, keeper: Keeper
) -> None:
    def threads() -> list[str]:
        return [each.name for each in threading.enumerate()]

    assert "llm-cost-ops leases" not in threads()

    keeper.release("a1")

    wait_until(lambda: bank.verbs() == ["release"])
    keeper.close(time.monotonic() + 5)
    assert "llm-cost-ops leases" not in threads()


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)
