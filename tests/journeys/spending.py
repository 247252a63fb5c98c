"""A program that asks before it spends: a process of its own, run by the test beside.

python -m tests.journeys.spending WAY NAME URL KEY, where WAY is one of:
calls    asks the server before every call and reports what each cost
lease    decides by itself, from money it has had set aside
hang     as lease, but stops in the middle of it, with money in its hands

It prints what it was told as JSON, a line for each answer, and goes on until it has
been refused several times.
"""

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from random import Random
from typing import Any

import requests

REFUSALS = 3
AHEAD = 4  # a lease is for so many calls
CALL = {"provider": "openai", "model": "gpt-4o", "project_id": "search"}


class Spender:
    """One program, and the money it asks for by chance: 1 to 9 cents a call."""

    def __init__(self, name: str, url: str, key: str) -> None:
        self.name, self.url = name, url
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {key}"
        self.random = Random(name)
        self.numbers = count()
        self.refused = 0

    def price(self) -> Decimal:
        return Decimal(self.random.randint(1, 9)) / 100

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.session.post(f"{self.url}/api/v1/{path}", json=body, timeout=30)
        answer.raise_for_status()
        told: dict[str, Any] = answer.json()
        return told

    def use(self, cost: Decimal, authorization: str) -> None:
        self.post(
            "usage",
            {
                **CALL,
                "id": f"{self.name}-{next(self.numbers)}",
                "timestamp": datetime.now(UTC).isoformat(),
                "input_tokens": 10,
                "output_tokens": 10,
                "cost": str(cost),
                "authorization_id": authorization,
            },
        )

    def say(self, what: str, amount: object, **more: Any) -> None:
        print(json.dumps({"what": what, "amount": str(amount), **more}), flush=True)

    def say_refused(self, cost: Decimal, answer: dict[str, Any]) -> None:
        self.refused += 1
        self.say("refused", cost, left=[one["left"] for one in answer["reasons"]])


def ask_for_each(spender: Spender) -> None:
    while spender.refused < REFUSALS:
        cost = spender.price()
        answer = spender.post("authorizations", {**CALL, "estimated_cost": str(cost)})
        if answer["decision"] == "allow":
            spender.say("taken", answer["reserved"])
            spender.use(cost, answer["id"])
        else:
            spender.say_refused(cost, answer)


def decide_alone(spender: Spender, *, calls: int | None = None) -> None:
    left, lease = Decimal(0), ""
    while spender.refused < REFUSALS and calls != 0:
        cost = spender.price()
        if left < cost:
            wish = {"amount": str(AHEAD * cost), "minimum": str(cost - left)}
            path = f"leases/{lease}/renew" if lease else "leases"
            answer = spender.post(path, wish if lease else {**CALL, **wish})
            if answer["mode"] != "lease":
                spender.say_refused(cost - left, answer)
                continue
            spender.say("taken", answer["granted"])
            lease, left = answer["id"], left + Decimal(answer["granted"])
        left -= cost
        spender.use(cost, lease)
        calls = None if calls is None else calls - 1
    spender.say("held", left)


def hang(spender: Spender) -> None:
    decide_alone(spender, calls=2)
    time.sleep(600)


WAYS: dict[str, Callable[[Spender], None]] = {
    "calls": ask_for_each,
    "lease": decide_alone,
    "hang": hang,
}


if __name__ == "__main__":
    WAYS[sys.argv[1]](Spender(*sys.argv[2:]))
