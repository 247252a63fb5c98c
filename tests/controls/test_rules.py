"""What rules say to a call: a typical set, the order of effect, and an oracle."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controls.downgrades import Downgrades
from controls.rates import RateUse
from controls.rules import judge, share_of
from controls.types import BudgetFigures, ControlAction, ProposedCall, Rule, Ruling
from controls.wording import summary_of
from ledger.identity import model_named
from tests.controls.calls import NOW, UNIT, a_call, a_rule, figures, said

DOWNGRADE = a_rule(
    "model_downgrade",
    "budget_percentage >= 0.9",
    id=1,
    downgrades={"gpt-4": "gpt-3.5-turbo", "claude-3-opus": "claude-3-sonnet"},
)
BLOCKLIST = a_rule(
    "model_blocklist",
    'environment == "development"',
    id=2,
    blocked_models=("gpt-4", "claude-3-opus"),
    allowed_models=("gpt-3.5-turbo", "claude-3-haiku"),
)
LIMIT = a_rule(
    "rate_limit",
    "budget_percentage >= 0.95",
    id=3,
    max_requests_per_minute=10,
    max_cost_per_hour=50 * UNIT,
)
BLOCK = a_rule(
    "block",
    "budget_percentage >= 1.0",
    id=4,
    message="Monthly budget exceeded. Contact finance team.",
    exempt_users=frozenset({"admin@company.com"}),
)
TYPICAL = (DOWNGRADE, BLOCKLIST, LIMIT, BLOCK)

SCENES: dict[str, tuple[float, str, str, str, str]] = {
    "at first": (0, "production", "gpt-4", "allow", "gpt-4"),
    "just below 90 %": (89.99, "production", "gpt-4", "allow", "gpt-4"),
    "at 90 %": (90, "production", "gpt-4", "downgrade", "gpt-3.5-turbo"),
    "another model": (90, "production", "gpt-3.5-turbo", "allow", "gpt-3.5-turbo"),
    "in development": (0, "development", "gpt-4", "block", "gpt-4"),
    "not on the list": (0, "development", "o1", "block", "o1"),
    "on the list": (0, "development", "claude-3-haiku", "allow", "claude-3-haiku"),
    "at 100 %": (100, "production", "gpt-3.5-turbo", "block", "gpt-3.5-turbo"),
}


@pytest.mark.parametrize(
    ("spent", "environment", "model", "decision", "used"), SCENES.values(), ids=SCENES
)
def test_a_typical_set(
    spent: float, environment: str, model: str, decision: str, used: str
) -> None:
    call = a_call(model, environment=environment)

    verdict = said(*TYPICAL, call=call, known=figures(spent))

    assert (verdict.decision, verdict.model) == (decision, used)


def test_the_eleventh_call_of_a_minute_waits() -> None:
    use = RateUse()
    for _ in range(10):
        use.add(NOW, 0)
    call = a_call("gpt-3.5-turbo")

    verdict = said(*TYPICAL, call=call, known=figures(95), uses={3: use})
    later = said(
        *TYPICAL,
        call=call,
        known=figures(95),
        uses={3: use},
        now=NOW + timedelta(seconds=60),
    )

    assert (verdict.decision, verdict.retry_after_s) == ("rate_limit", 60)
    assert verdict.acted == (LIMIT,)
    assert plain(verdict.reasons[0].message) == (
        "Only 10 requests a minute and $50.00 an hour are allowed by a rule of ML Team "
        "(from 95 % of the amount); try again in 1 min."
    )
    assert (later.decision, later.rates) == ("allow", (LIMIT,))


def test_money_of_an_hour_is_limited() -> None:
    use = RateUse()
    use.add(NOW, 49 * UNIT)

    fills = said(LIMIT, call=a_call(estimate=1), known=figures(95), uses={3: use})
    passes = said(LIMIT, call=a_call(estimate=1.01), known=figures(95), uses={3: use})

    assert fills.decision == "allow"
    assert (passes.decision, passes.retry_after_s) == ("rate_limit", 3600)


def test_a_call_may_fill_an_hour_by_itself() -> None:
    assert said(LIMIT, call=a_call(estimate=50), known=figures(95)).decision == "allow"


def test_of_several_limits_one_waits_for_the_last() -> None:
    slow = a_rule("rate_limit", id=1, max_requests_per_minute=1)
    dear = a_rule("rate_limit", id=2, max_cost_per_hour=UNIT)
    use = RateUse()
    use.add(NOW, UNIT)

    verdict = said(slow, dear, uses={1: use, 2: use})
    never = said(slow, dear, call=a_call(estimate=2), uses={1: use})

    assert verdict.retry_after_s == 3600
    assert [reason.rule for reason in verdict.reasons] == ["rule-1", "rule-2"]
    assert never.retry_after_s is None


def test_a_call_that_never_fits_is_not_asked_to_wait() -> None:
    verdict = said(LIMIT, call=a_call(estimate=51), known=figures(95))

    assert (verdict.decision, verdict.retry_after_s) == ("rate_limit", None)
    assert verdict.reasons[0].message.startswith("A call of $51.00 is too much: ")


def test_an_exempt_user_passes_every_rule_of_that_budget_only() -> None:
    admin = a_call("gpt-4", user="admin@company.com", environment="development")
    above = a_rule("block", id=9, budget_id=8, message="Switched off.")

    passed = said(BLOCK, call=admin, known=figures(100))
    blocked = said(BLOCK, above, call=admin, known=figures(100))

    assert passed.decision == "allow"
    assert [reason.message for reason in blocked.reasons] == ["Switched off."]


def test_a_blocked_call_is_told_why_by_all_who_block_it() -> None:
    near, far = a_rule(id=1, message="No."), a_rule(id=2, trigger="spent > 5")

    verdict = said(near, far, known=figures(6))

    assert [reason.rule for reason in verdict.reasons] == ["rule-1", "rule-2"]
    assert verdict.reasons[1].message == (
        "Blocked by a rule of ML Team (while spent > 5)."
    )
    assert verdict.acted == (near, far)


def test_a_forbidden_model_is_told_which_are_allowed() -> None:
    verdict = said(BLOCKLIST, call=a_call(environment="development"))

    assert verdict.reasons[0].message == (
        "gpt-4 may not be used, by a rule of ML Team (in environment development). "
        "Allowed: gpt-3.5-turbo, claude-3-haiku."
    )


def test_the_nearest_of_two_downgrades_decides() -> None:
    near = a_rule("model_downgrade", id=1, downgrades={"gpt-4": "gpt-4o-mini"})
    far = a_rule("model_downgrade", id=2, downgrades={"gpt-4": "gpt-3.5-turbo"})

    verdict = said(near, far)

    assert verdict.model == "gpt-4o-mini"
    assert verdict.acted == (near,)
    assert verdict.reasons[0].message == (
        "gpt-4o-mini is to be used instead of gpt-4, by a rule of ML Team (always)."
    )


def test_a_rule_that_only_tells_acts_whatever_else_happens() -> None:
    tells = a_rule("notify", id=5)

    assert said(tells) == Ruling("allow", "gpt-4", acted=(tells,))
    assert said(tells, a_rule(id=6)).acted[-1] == tells
    assert said(tells, a_rule(id=6, trigger="spent > 1")).decision == "allow"


def test_the_clock_is_that_of_the_budgets_zone() -> None:
    evening = a_rule(trigger='hour >= 18 and time >= "18:30" and weekday == 1')

    assert said(evening).decision == "allow"
    assert said(evening, known=figures(zone="Europe/Berlin")).decision == "block"


def test_every_name_has_a_value() -> None:
    trigger = (
        "spent == 40 and limit == 100 and remaining == 50 and hour == 17 "
        "and forecast_probability == 0.7 and minute == 30 and day == 10 "
        "and budget_percentage == 0.4 and month == 11 "
        'and estimated_cost == 0.5 and input_tokens == 100 and provider == "openai" '
        'and department == "a" and team == "b" and project == "c" and "x" in tags '
        'and user == "ann@acme.example" and tags["k"] == "v"'
    )
    call = a_call(
        estimate=0.5, department="a", team="b", project="c", tags=["x", "k:v"]
    )
    known = figures(40, reserved=10, probability=Decimal("0.7"))

    assert said(a_rule(trigger=trigger), call=call, known=known).decision == "block"


def test_an_unknown_price_leaves_open_what_hangs_on_it() -> None:
    dear = a_rule(trigger="estimated_cost > 1 or input_tokens > 1000")

    assert said(dear, call=a_call(estimate=None)).decision == "allow"
    long = a_call(estimate=None, input_tokens=2_000)
    assert said(dear, call=long).decision == "block"


def test_figures_are_asked_for_only_where_a_trigger_needs_them() -> None:
    def unknown(budget_id: int) -> BudgetFigures:
        raise AssertionError(budget_id)

    no_uses: dict[int, RateUse] = {}

    verdict = judge([BLOCKLIST], a_call(), unknown, no_uses.get, NOW)

    assert verdict.decision == "allow"


SHARES: list[tuple[float, float, str]] = [
    (0, 100, "0"),
    (90, 100, "0.9"),
    (150, 100, "1.5"),
    (0, 0, "0"),
    (0.0001, 0, "1"),
    (0, -5, "1"),
    (-10, -5, "0"),
]


@pytest.mark.parametrize(("spent", "limit", "share"), SHARES)
def test_the_share_of_a_budget(spent: float, limit: float, share: str) -> None:
    assert share_of(figures(spent, limit)) == Decimal(share)


FORBIDDEN: list[tuple[dict[str, Any], str, bool]] = [
    ({"blocked_models": ("gpt-4",)}, "gpt-4", True),
    ({"blocked_models": ("gpt-4",)}, "gpt-4o", False),
    ({"blocked_models": ("gpt-4",)}, "GPT-4", True),
    ({"blocked_models": ("gpt-4",)}, "openai/gpt-4", True),
    ({"blocked_models": ("gpt-4",)}, "gpt-4-0613", True),
    ({"blocked_models": ("gpt-4-0613",)}, "gpt-4", False),
    ({"blocked_models": ("gpt-4-0613",)}, "GPT-4-0613", True),
    ({"blocked_models": ("claude-3-opus",)}, "claude-3-opus-20240229", True),
    ({"blocked_models": ("claude-3-opus",)}, "claude-3-opus-latest", True),
    ({"blocked_models": ("gpt-4*",)}, "gpt-4o", False),
    ({"blocked_models": ("gpt-4*",)}, "gpt-4-turbo", True),
    ({"blocked_models": ("gpt-*",)}, "gpt-4o", True),
    ({"blocked_models": ("*",)}, "o1", True),
    ({"allowed_models": ("gpt-4o*",)}, "gpt-4o-mini", False),
    ({"allowed_models": ("gpt-4o",)}, "azure/gpt-4o-2024-08-06", False),
    ({"allowed_models": ("gpt-4o",)}, "gpt-4o-mini", True),
    ({"allowed_models": ("gpt-4*",)}, "o1", True),
    ({"blocked_models": ("gpt-4",), "allowed_models": ("gpt-4*",)}, "gpt-4", True),
]


@pytest.mark.parametrize(("lists", "model", "forbidden"), FORBIDDEN)
def test_lists_of_models(lists: dict[str, Any], model: str, forbidden: bool) -> None:
    rule = a_rule("model_blocklist", **lists)

    assert rule.forbids(model_named(model)) is forbidden


CHEAPER: list[tuple[str, str | None]] = [
    ("gpt-4", "a"),
    ("GPT-4", "a"),
    ("gpt-4-0613", "a"),
    ("gpt-4-0314", "d"),
    ("gpt-4-turbo", "b"),
    ("gpt-4o-2024-08-06", "c"),
    ("gpt-4o-mini", "c"),
    ("gpt-3.5", None),
    ("b", None),
]


@pytest.mark.parametrize(("model", "instead"), CHEAPER)
def test_the_closest_name_says_what_is_cheaper(model: str, instead: str | None) -> None:
    downgrades = {
        "gpt-4*": "b",
        "gpt-4": "a",
        "gpt-4-0314": "d",
        "gpt-4o*": "c",
        "b*": "B",
    }

    assert Downgrades(downgrades).instead_of(model_named(model)) == instead


SUMMARIES = [
    (DOWNGRADE, "From 90 % of the amount: use gpt-3.5-turbo instead of gpt-4 and "
     "claude-3-sonnet instead of claude-3-opus."),
    (BLOCKLIST, "In environment development: block gpt-4 and claude-3-opus and allow "
     "only gpt-3.5-turbo and claude-3-haiku."),
    (LIMIT, "From 95 % of the amount: allow 10 requests a minute and $50.00 an hour."),
    (BLOCK, "From 100 % of the amount: block all calls, except of admin@company.com."),
    (a_rule("notify", 'hour > 5 and model == "x"'),
     'While hour > 5 and model == "x": tell people.'),
    (a_rule("rate_limit", 'user == "bo"', max_requests_per_minute=1),
     "For user bo: allow 1 request a minute."),
    (a_rule("block", 'model == "o1"'), "For o1: block all calls."),
    (a_rule("block", "budget_percentage > 0.5"),
     "Above 50 % of the amount: block all calls."),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "words"), SUMMARIES, ids=lambda one: str(one)[:30])
def test_a_rule_in_words(rule: Rule, words: str) -> None:
    assert plain(summary_of(rule)) == words


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


# -- Any rules at all, against a slow and obvious reading of what they are to do

models = st.sampled_from(["a", "b", "c", "a-b"])
patterns = st.lists(st.sampled_from(["a", "b", "a*", "*"]), max_size=2).map(tuple)
rules_of_all_kinds = st.builds(
    a_rule,
    action=st.sampled_from(ControlAction.values),
    trigger=st.sampled_from(
        ["always", "budget_percentage >= 0.5", "hour == 17", 'environment == "x"']
    ),
    id=st.integers(1, 3),
    budget_id=st.integers(1, 2),
    exempt_users=st.sampled_from([frozenset(), frozenset({"ann"})]),
    downgrades=st.dictionaries(st.sampled_from(["a", "b", "a*"]), models, max_size=2),
    blocked_models=patterns,
    allowed_models=patterns,
    max_requests_per_minute=st.none() | st.integers(1, 3),
    max_cost_per_hour=st.none() | st.integers(1, 30),
)
calls = st.builds(
    a_call,
    model=models,
    estimate=st.none(),
    environment=st.sampled_from(["x", "y"]),
    user=st.sampled_from(["ann", "bo"]),
)
spends = st.fixed_dictionaries({1: st.integers(0, 2), 2: st.integers(0, 2)})
counts = st.dictionaries(st.integers(1, 3), st.integers(0, 3))


@given(st.lists(rules_of_all_kinds, max_size=6), calls, spends, counts)
def test_rules_say_what_the_oracle_says(
    rules: list[Rule], call: ProposedCall, spent: dict[int, int], used: dict[int, int]
) -> None:
    uses = {number: RateUse() for number in used}
    for number, times in used.items():
        for _ in range(times):
            uses[number].add(NOW - timedelta(seconds=1), 10)

    verdict = judge(rules, call, lambda pk: figures(spent[pk], 2), uses.get, NOW)

    assert (verdict.decision, verdict.model) == oracle(rules, call, spent, used)
    assert {rule.action for rule in verdict.acted} <= {
        ControlAction.NOTIFY,
        {
            "allow": ControlAction.NOTIFY,
            "downgrade": ControlAction.MODEL_DOWNGRADE,
            "rate_limit": ControlAction.RATE_LIMIT,
        }.get(verdict.decision, verdict.acted[0].action if verdict.acted else None),
    }
    assert bool(verdict.reasons) == (verdict.decision != "allow")


def oracle(  # noqa: C901 - one thing after the other, so that it is obvious
    rules: list[Rule], call: ProposedCall, spent: dict[int, int], used: dict[int, int]
) -> tuple[str, str]:
    model = call.subject.model
    conditions: dict[str, Callable[[Rule], bool]] = {
        "always": lambda rule: True,
        "budget_percentage >= 0.5": lambda rule: spent[rule.budget_id] >= 1,
        "hour == 17": lambda rule: datetime(2026, 11, 10, 17, tzinfo=UTC) <= NOW,
        'environment == "x"': lambda rule: call.subject.environment == "x",
    }
    held = [
        rule
        for rule in rules
        if conditions[rule.trigger.text](rule)
        and call.subject.user not in rule.exempt_users
    ]
    for rule in held:
        if rule.action == "block":
            return "block", model
    for rule in held:
        if rule.action == "model_blocklist":
            blocked = any(fits(one, model) for one in rule.blocked_models)
            allowed = any(fits(one, model) for one in rule.allowed_models)
            if blocked or (rule.allowed_models and not allowed):
                return "block", model
    for rule in held:
        if rule.action == "model_downgrade":
            names = [name for name in rule.downgrades if fits(name, model)]
            names.sort(key=lambda name: (name == model, len(name)))
            if names and rule.downgrades[names[-1]] != model:
                return "downgrade", rule.downgrades[names[-1]]
    for rule in held:
        if rule.action == "rate_limit":
            times = used.get(rule.id, 0)
            if times >= (rule.max_requests_per_minute or 99):
                return "rate_limit", model
            if 10 * times > (rule.max_cost_per_hour or 99):
                return "rate_limit", model
    return "allow", model


def fits(pattern: str, model: str) -> bool:
    return pattern in ("*", model) or (pattern == "a*" and model in ("a", "a-b"))
