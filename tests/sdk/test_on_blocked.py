"""Calls that are refused and ask people: what is sent, in which order, until when."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from llm_cost_ops import (
    BudgetExceededError,
    ForbiddenError,
    NoAnswerError,
    RateLimitedError,
    ServerError,
    TrackerConfig,
)
from llm_cost_ops.answers.approvals import BudgetRequestDetail
from llm_cost_ops.answers.controls import Authorization, Reason
from llm_cost_ops.calls import Attribution, Call
from llm_cost_ops.guard import Guard
from llm_cost_ops.leases.lease import Ticket
from llm_cost_ops.reporting.stats import Counter
from llm_cost_ops.requests import Request

CALL = Call("openai", "gpt-4", Attribution(project_id="search"), 10, 10)
ALLOW = Authorization("allow", "gpt-4", id="a1")
FULL = Reason("Full.", budget="b", rule="hard_limit")
BLOCK = Authorization("block", "gpt-4", reasons=(FULL,))
AWAY = NoAnswerError("gone"), ServerError(500, "error", "Restarting.")
WAYS = pytest.mark.parametrize("way", ["admit", "admit_async"])


def asked(request: str) -> Authorization:
    return Authorization("block", "gpt-4", reasons=(FULL,), request=request)


def told(state: str, reason: str = "") -> BudgetRequestDetail:
    return BudgetRequestDetail("r", "raise", state, Decimal(5), "USD", reason=reason)


@dataclass
class Server:
    """Answers in turn, and remembers what it was asked."""

    answers: list[Any]
    asked: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    def send(self, request: Request[Any]) -> Any:
        body = request.body or {}
        self.asked.append("ask" if "ask" in body else request.target.rpartition("/")[2])
        self.keys += [body["ask"]["key"]] if "ask" in body else []
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def send_once(self, request: Request[Any], *, timeout: float) -> Any:
        return self.send(request)


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Every pause that was made, in no time."""
    made: list[float] = []

    async def pause(seconds: float) -> None:
        made.append(seconds)

    monkeypatch.setattr("llm_cost_ops.on_blocked.time.sleep", made.append)
    monkeypatch.setattr("llm_cost_ops.on_blocked.asyncio.sleep", pause)
    return made


def served(*answers: Any, way: str = "admit", **more: Any) -> tuple[Server, Any]:
    server: Any = Server([BLOCK, *answers])
    given = {"on_blocked": "ask", "ask_amount": Decimal(5), "ask_justification": "Why"}
    config = TrackerConfig(mode="authorize", **{**given, **more})
    guard = Guard(server, config, Counter())
    admit: Callable[[Call], Any] = getattr(guard, way)
    try:
        found = admit(CALL)
        return server, asyncio.run(found) if way == "admit_async" else found
    except BudgetExceededError as refusal:
        return server, refusal


@WAYS
def test_it_asks_waits_and_goes_on_though_the_server_is_restarted(
    way: str, pauses: list[float]
) -> None:
    server, ticket = served(
        *(AWAY[0], asked("r"), told("pending"), *AWAY, told("approved"), AWAY[1]),
        ALLOW,
        way=way,
    )

    assert isinstance(ticket, Ticket)
    assert ticket.authorization_id == "a1"
    poll = "r?wait=20" if way == "admit" else "r"
    assert server.asked == [
        *("authorizations", "ask", "ask"),
        *[poll] * 4,
        *("authorizations", "authorizations"),
    ]
    assert pauses == [1.0] * 5
    assert len(set(server.keys)) == 1


@WAYS
@pytest.mark.parametrize("state", ["rejected", "withdrawn", "expired"])
def test_who_is_not_given_money_is_refused_with_what_was_said(
    way: str, state: str
) -> None:
    _, refusal = served(asked("r"), told(state, "Not today"), way=way)

    assert isinstance(refusal, BudgetExceededError)
    assert str(refusal) == f"Full. More money was asked for: {state}. “Not today”"
    assert refusal.request == "r"


def test_where_nothing_could_be_asked_for_the_refusal_says_so() -> None:
    many = Reason("Nothing was asked for: five are open.", rule="too_many")
    unasked = Authorization("block", "gpt-4", reasons=(FULL, many))

    _, refusal = served(unasked)
    _, forbidden = served(asked("r"), ForbiddenError(403, "forbidden", "No."))

    assert str(refusal) == "Full. Nothing was asked for: five are open."
    assert (refusal.request, forbidden.request) == (None, None)
    assert "could not be asked for: No." in str(forbidden)


def test_nobody_waits_longer_than_was_said() -> None:
    server, refusal = served(asked("r"), told("pending"), ask_timeout_s=0)
    _, away = served(AWAY[0], ask_timeout_s=0)

    assert server.asked[-1] == "r?wait=1"
    assert str(refusal) == "Full. More money was asked for: undecided."
    assert "could not be asked for: gone" in str(away)


def test_it_asks_anew_when_others_were_quicker_to_use_what_was_given() -> None:
    server, ticket = served(
        *(asked("r1"), told("approved"), BLOCK),
        *(asked("r2"), told("approved"), ALLOW),
    )
    _, refusal = served(asked("r1"), told("approved"), BLOCK, asked("r1"))
    _, limited = served(
        asked("r1"), told("approved"), Authorization("rate_limit", "gpt-4")
    )
    _, at_once = served(ALLOW)

    assert ticket.authorization_id == at_once.authorization_id == "a1"
    assert len(set(server.keys)) == 2
    assert refusal.request == "r1"
    assert isinstance(limited, RateLimitedError)


def test_the_same_call_has_the_same_key_wherever_it_is_made() -> None:
    first, _ = served(asked("r"), told("rejected"))
    again, _ = served(asked("r"), told("rejected"))
    other, _ = served(asked("r"), told("rejected"), ask_justification="Else")

    assert first.keys == again.keys
    assert first.keys != other.keys


@pytest.mark.parametrize(
    "choices",
    [
        {"on_blocked": "wait"},
        {"on_blocked": "ask", "ask_justification": "Why"},
        {"on_blocked": "ask", "ask_amount": Decimal(1), "ask_justification": " "},
    ],
)
def test_who_asks_says_for_how_much_and_why(choices: Any) -> None:
    with pytest.raises(ValueError, match=r"ask"):
        TrackerConfig(**choices)
