"""The SDK asks triggers as the server does: both are told the same of a call."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llm_cost_ops.answers.controls import BudgetFigures, CallNames
from llm_cost_ops.calls import Attribution, Call
from llm_cost_ops.reading import read as read_answer
from llm_cost_ops.triggers import Facts, Names, Standing, compiled

from controls.api.lease_answers import names_out
from controls.expressions import read
from controls.rules import judge
from controls.types import BudgetFigures as ServerFigures
from dev.shared import stale
from lib.answers import plain
from tests.controls.calls import NOW, UNIT, a_call, a_rule, figures
from tests.controls.triggers import (
    FALSE,
    TRUE,
    compared_by_size,
    joined,
    of_texts,
    read_rightly,
    reckoned,
)

NUMBERS = (
    *("budget_percentage", "spent", "limit", "remaining", "forecast_probability"),
    *("estimated_cost", "input_tokens", "hour", "minute", "weekday", "day", "month"),
)
cents = st.integers(0, 5_000).map(lambda amount: amount / 100)
tags = st.lists(st.sampled_from(["gpt-4", "dev", "team:dev", "team=a b"]), unique=True)
worlds = st.fixed_dictionaries(
    {
        "model": st.sampled_from(["gpt-4", "gpt-4-0613", "a b", "o1"]),
        "environment": st.sampled_from(["", "dev"]),
        "user": st.sampled_from(["", "dev", "gpt-4"]),
        "tags": tags | st.dictionaries(st.just("team"), st.sampled_from(["dev", ""])),
        "estimate": st.none() | cents,
        "input_tokens": st.integers(0, 50),
        "figures": st.builds(
            figures,
            spent=cents,
            limit=cents,
            reserved=cents,
            zone=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu"]),
            probability=st.none() | st.sampled_from([Decimal("0.25"), Decimal(1)]),
        ),
        "now": st.integers(0, 365 * 24 * 60).map(
            lambda minutes: NOW + timedelta(minutes=minutes)
        ),
    }
)


def on_the_server(text: str, world: dict[str, Any]) -> bool:
    known = dict(world)
    now, told = known.pop("now"), known.pop("figures")
    call = a_call(**known)
    said = judge([a_rule("block", text)], call, lambda _: told, lambda _: None, now)
    return said.decision == "block"


def in_the_sdk(text: str, world: dict[str, Any]) -> bool:
    trigger, call = a_rule("block", text), a_call(**_named(world))
    sent = json.loads(json.dumps([plain(names_out([call.subject], [trigger]))]))
    names = Names(read_answer(CallNames, sent[0]), world["model"])
    who = Attribution(
        environment=world["environment"], user_id=world["user"], tags=world["tags"]
    )
    asked = Call("openai", world["model"], who, world["input_tokens"], 0)
    facts = Facts(asked, call.estimate, 0, names)
    facts.standing, facts.was_now = Standing(_told(world["figures"])), world["now"]
    form = json.loads(json.dumps(trigger.trigger.wire))
    return compiled(form)(facts) is True


def _named(world: dict[str, Any]) -> dict[str, Any]:
    return {key: world[key] for key in world.keys() - {"now", "figures"}}


def _told(known: ServerFigures) -> BudgetFigures:
    return BudgetFigures(
        "budget-7",
        "ML Team",
        "USD",
        spent=Decimal(known.spent) / UNIT,
        limit=Decimal(known.limit) / UNIT,
        reserved=Decimal(known.reserved) / UNIT,
        timezone=known.zone.key,
        forecast_probability=known.forecast_probability,
    )


@given(joined(compared_by_size(reckoned(NUMBERS)) | of_texts), worlds)
def test_any_trigger_holds_here_when_it_holds_there(
    tree: Any, world: dict[str, Any]
) -> None:
    trigger = read_rightly(read, tree)

    if trigger is not None:
        assert in_the_sdk(trigger.text, world) is on_the_server(trigger.text, world)


WORLD = {
    "model": "gpt-4",
    "environment": "development",
    "user": "ann@acme.example",
    "tags": ["batch", "team:ml"],
    "estimate": 0.02,
    "input_tokens": 1_000,
    "figures": figures(19.5, 20, 0.25),
    "now": datetime(2026, 1, 31, 18, 5, tzinfo=UTC),
}


@pytest.mark.parametrize("text", [*TRUE, *FALSE])
def test_what_is_read_is_asked_alike(text: str) -> None:
    assert in_the_sdk(text, WORLD) is on_the_server(text, WORLD)


def test_the_copy_of_what_is_shared_is_up_to_date() -> None:
    assert stale() == []
