"""Asking for money when a budget refuses, and waiting for what people say."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any, Optional, Union

from llm_cost_ops.answers.approvals import BudgetRequest, BudgetRequestDetail
from llm_cost_ops.api import approvals
from llm_cost_ops.api.endpoints import Sends, SendsAsync
from llm_cost_ops.api.fields import Moment
from llm_cost_ops.errors import BudgetExceededError, NoAnswerError, ServerError
from llm_cost_ops.money import Money
from llm_cost_ops.requests import Request

_POLL_S = 20  # for which the server holds an answer back
_PAUSE_S = 1.0  # where it did not, or was away
_AWAY = (NoAnswerError, ServerError)
Refused = Union[BudgetExceededError, str]  # or the id of a budget
Asked = Union[BudgetRequest, str]  # or the id of a request


def _ask(
    about: Refused,
    amount: Money,
    justification: str,
    until: Optional[Moment],
    fields: dict[str, Any],
) -> Request[BudgetRequestDetail]:
    budget = _budget_of(about)
    kind = "increase" if until is None else "raise"
    whose = fields.get("requester", "")
    return approvals.create_budget_request(
        **{
            "ask_key": f"{kind}:{budget}:{whose}",
            "kind": kind,
            "budget": budget,
            "amount": amount,
            "justification": justification,
            **({} if until is None else {"until": until}),
            **fields,
        }
    )


def _budget_of(about: Refused) -> str:
    if isinstance(about, str):
        return about
    known = [reason.budget for reason in about.reasons if reason.budget]
    if not known:
        raise ValueError("The refusal names no budget; say for which to ask.")
    return known[0]


class _Wait:
    """One wait for a decision: how long each answer may be held back."""

    def __init__(self, timeout: Optional[float]) -> None:
        self._until = None if timeout is None else time.monotonic() + timeout
        self._asked_at = 0.0

    def polls(self) -> Iterator[int]:
        """Yield the seconds to wait for each answer, until time is up."""
        while True:
            self._asked_at = time.monotonic()
            left = self._left()
            yield _POLL_S if left is None else max(1, min(_POLL_S, int(left)))
            left = self._left()
            if left is not None and left <= 0:
                return

    @property
    def pause(self) -> float:
        """How long to wait before asking again, in seconds."""
        return 0.0 if time.monotonic() - self._asked_at >= _PAUSE_S else _PAUSE_S

    def _left(self) -> Optional[float]:
        return None if self._until is None else self._until - time.monotonic()


def _is_over(found: Optional[BudgetRequestDetail]) -> bool:
    return found is not None and found.state != "pending"


def _told(
    found: Optional[BudgetRequestDetail], away: Optional[Exception]
) -> BudgetRequestDetail:
    if found is not None:
        return found
    raise away or NoAnswerError("The server was not asked.")


def _id_of(asked: Asked) -> str:
    return asked if isinstance(asked, str) else asked.id


class Asks(Sends):
    """Asks for money, and waits for the decision."""

    def ask(
        self,
        about: Refused,
        *,
        amount: Money,
        justification: str,
        until: Optional[Moment] = None,
        **fields: Any,
    ) -> BudgetRequestDetail:
        """Ask for *amount* more, of the budget that refused (or is named by its id).

        With *until* for that long only. Asking again while it is open joins what was
        asked: the larger amount stands. A key that is no person's says `requester`.
        """
        return self.send(_ask(about, amount, justification, until, fields))

    def wait_for(
        self, asked: Asked, *, timeout: Optional[float] = None
    ) -> BudgetRequestDetail:
        """Wait until a request is decided, and return it as it is then; its `state`
        says how. After *timeout* seconds it may be "pending" still.

        A server that is away meanwhile is asked again.

        Raises:
            ApiError: the request is unknown, or not for this key.
        """
        wait, found, away = _Wait(timeout), None, None
        for seconds in wait.polls():
            try:
                found = self.send(
                    approvals.get_budget_request(_id_of(asked), wait=seconds)
                )
            except _AWAY as failure:
                away = failure
            if _is_over(found):
                break
            time.sleep(wait.pause)
        return _told(found, away)


class AsksAsync(SendsAsync):
    """The same for asyncio."""

    async def ask(
        self,
        about: Refused,
        *,
        amount: Money,
        justification: str,
        until: Optional[Moment] = None,
        **fields: Any,
    ) -> BudgetRequestDetail:
        """Ask for *amount* more, of the budget that refused; see `Asks.ask`."""
        return await self.send(_ask(about, amount, justification, until, fields))

    async def wait_for(
        self, asked: Asked, *, timeout: Optional[float] = None
    ) -> BudgetRequestDetail:
        """Wait until a request is decided; see `Asks.wait_for`."""
        wait, found, away = _Wait(timeout), None, None
        for seconds in wait.polls():
            try:
                found = await self.send(
                    approvals.get_budget_request(_id_of(asked), wait=seconds)
                )
            except _AWAY as failure:
                away = failure
            if _is_over(found):
                break
            await asyncio.sleep(wait.pause)
        return _told(found, away)
