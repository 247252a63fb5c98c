"""Dry runs, against a brute-force one that holds everything in lists."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from accounts.models import Organization, UnpricedPolicy
from budgets import uses
from budgets.models import Budget, BudgetPeriod, Enforcement
from budgets.uses import uses_of
from controls.configuration import configure, own_rules, proposed
from controls.replay import Proposal, Replay, last_period, replay
from controls.types import Rule
from intake.corrections import correct
from intake.repricing import reprice_at_once
from ledger.models import ExchangeRate, Price
from ledger.repricing import Selection
from ledger.usage import check, decode_one
from lib.money import from_units, to_units
from lib.periods import Window
from tests.budgets.worlds import SHILLING, jan, january_budget, undone
from tests.factories import Api, make_organization, report, usage_record
from tests.sizes import examples

pytestmark = pytest.mark.django_db
Ruled = tuple[str, str, dict[str, Any]]  # action, trigger, config
JANUARY = Window(jan(1), datetime(2025, 2, 1, tzinfo=UTC))


def list_price(organization: Organization) -> None:
    """Sell “dear” at 10 and “cheap” at 1 dollar for a thousand tokens."""
    for model, price in (("dear", 10_000), ("cheap", 1_000)):
        Price.objects.create(
            organization=organization,
            provider="openai",
            model=model,
            effective_from=datetime(2000, 1, 1, tzinfo=UTC),
            input_per_million=Decimal(price),
            output_per_million=Decimal(price),
        )
    organization.touch()


@pytest.fixture
def world(acme: Organization) -> Organization:
    list_price(acme)
    return acme


def use(number: int, at: datetime, model: str = "dear", **fields: Any) -> Any:
    return usage_record(
        **{
            "id": f"u{number}",
            "timestamp": at.isoformat(),
            "model": model,
            "input_tokens": 1000,
            "output_tokens": 0,
            **fields,
        }
    )


def rules_for(budget: Budget, *rules: Ruled) -> Any:
    return proposed(
        budget,
        [
            {"trigger": trigger, "action": action, "config": config, "notify": False}
            for action, trigger, config in rules
        ],
    )


def dry_run(
    budget: Budget,
    *rules: Ruled,
    window: Window = JANUARY,
    **plan: Any,
) -> Replay:
    return replay(budget, Proposal(rules=rules_for(budget, *rules), **plan), window)


def came_to(found: Replay) -> dict[str, tuple[int, Decimal, Decimal]]:
    """Return what had an effect, with calls, cost and what was saved."""
    return {
        effect.summary.split(":")[0]: (
            effect.calls,
            from_units(effect.cost),
            from_units(effect.saved),
        )
        for effect in found.effects.values()
        if effect.calls
    }


BLOCK_HALF: Ruled = ("block", "spent >= 50", {})
CHEAPER: Ruled = ("model_downgrade", "spent >= 50", {"downgrades": {"dear": "cheap"}})


def test_what_is_stopped_is_not_spent(world: Organization) -> None:
    budget = january_budget(world)
    report(world, *(use(n, jan(3, n)) for n in range(9)))

    found = dry_run(budget, BLOCK_HALF)

    assert came_to(found) == {"While spent >= 50": (4, 40, 40)}
    assert (found.calls, from_units(found.spent)) == (9, 90)
    assert from_units(found.saved) == 40
    (effect,) = found.effects.values()
    assert effect.first_at == jan(3, 5)
    assert found.sentence == (
        "In January 2025 this would have stopped 4 calls, $40.00."
    )


def test_what_is_downgraded_costs_what_the_cheaper_model_does(
    world: Organization,
) -> None:
    budget = january_budget(world)
    report(world, *(use(n, jan(3, n)) for n in range(9)))

    found = dry_run(budget, CHEAPER, ("block", "spent >= 53", {}))

    assert came_to(found) == {
        "While spent >= 50": (3, 30, 27),
        "While spent >= 53": (1, 10, 10),
    }
    assert found.sentence == (
        "In January 2025 this would have stopped 1 call, $10.00, used cheaper models "
        "for 3 calls, $27.00 less."
    )


def test_what_was_billed_differently_is_cheaper_in_proportion(
    world: Organization,
) -> None:
    budget = january_budget(world)
    report(world, use(1, jan(3), cost="60"), use(2, jan(4), cost="5"))

    found = dry_run(budget, CHEAPER)

    assert came_to(found) == {"While spent >= 50": (1, 5, Decimal("4.5"))}


def test_a_cheaper_model_without_a_price_saves_nothing(world: Organization) -> None:
    budget = january_budget(world)
    report(world, use(1, jan(3)))

    found = dry_run(
        budget, ("model_downgrade", "always", {"downgrades": {"dear": "unheard-of"}})
    )

    assert came_to(found) == {"Always": (1, 10, 0)}


def test_what_has_to_wait_is_counted(world: Organization) -> None:
    budget = january_budget(world)
    start = jan(3)
    times = [0, 10, 20, 59, 60, 61, 200]
    report(world, *(use(n, start + timedelta(seconds=s)) for n, s in enumerate(times)))

    found = dry_run(budget, ("rate_limit", "always", {"max_requests_per_minute": 2}))

    assert came_to(found) == {"Always": (3, 30, 30)}
    assert found.sentence.endswith("had 3 calls wait, $30.00.")


def test_an_hours_money_is_limited(world: Organization) -> None:
    budget = january_budget(world)
    report(world, *(use(n, jan(3, 5, n)) for n in range(5)), use(9, jan(3, 6, 1)))

    found = dry_run(budget, ("rate_limit", "always", {"max_cost_per_hour": "25"}))

    assert came_to(found) == {"Always": (3, 30, 30)}


def test_a_hard_limit_is_filled_and_never_passed(world: Organization) -> None:
    budget = january_budget(world, enforcement=Enforcement.HARD)
    report(world, *(use(n, jan(3, n)) for n in range(12)), use(99, jan(4), "cheap"))

    by_amount = dry_run(budget, amount=Decimal(55), is_hard=True)
    as_it_was = dry_run(budget, is_hard=True)
    soft = dry_run(budget, amount=Decimal(55))

    assert came_to(by_amount) == {"The amount is a hard limit.": (7, 70, 70)}
    assert came_to(as_it_was) == {"The amount is a hard limit.": (3, 21, 21)}
    assert soft.sentence == "In January 2025 this would have let all 13 calls pass."


def test_a_time_without_a_call_says_so(acme: Organization) -> None:
    nothing = dry_run(january_budget(acme, "Idle", "10"))

    assert nothing.sentence.endswith("this would have met no call.")


def test_calls_without_a_price_are_blocked_where_the_organization_says_so(
    world: Organization,
) -> None:
    budget = january_budget(world)
    report(world, use(1, jan(3), "unheard-of"))

    assert came_to(dry_run(budget, is_hard=True)) == {}
    world.unpriced_policy = UnpricedPolicy.BLOCK
    world.save()
    budget.organization.refresh_from_db()
    assert list(came_to(dry_run(budget, is_hard=True)).values()) == [(1, 0, 0)]
    assert came_to(dry_run(budget)) == {}


def test_every_period_begins_anew_with_the_limit_it_had(world: Organization) -> None:
    budget = january_budget(world, period="daily", starts_at=jan(1))
    report(world, *(use(10 * day + n, jan(day, n)) for day in (3, 4) for n in range(3)))
    BudgetPeriod.objects.filter(starts_at=jan(4)).update(adjusted=Decimal(-50))
    half: Ruled = ("block", "budget_percentage >= 0.2", {})

    found = dry_run(budget, half)
    other = dry_run(budget, half, amount=Decimal(70))

    assert [one.calls for one in found.effects.values()] == [3]
    assert [one.calls for one in other.effects.values()] == [3]


def test_what_was_spent_before_counts_as_it_was(world: Organization) -> None:
    budget = january_budget(world)
    report(world, *(use(n, jan(3, n)) for n in range(9)))

    found = dry_run(budget, BLOCK_HALF, window=Window(jan(3, 7), jan(3, 8)))

    assert came_to(found) == {"While spent >= 50": (1, 10, 10)}
    assert found.calls == 1


def test_a_credit_is_no_call(world: Organization) -> None:
    budget = january_budget(world)
    report(world, *(use(n, jan(3, n)) for n in range(5)))
    report(world, use(9, jan(3, 6), cost="-20"), use(10, jan(3, 7)))

    found = dry_run(budget, BLOCK_HALF)

    assert came_to(found) == {}
    assert (found.calls, from_units(found.spent)) == (6, 40)


def test_a_use_and_its_corrections_are_one_call(world: Organization) -> None:
    budget = january_budget(world)
    report(world, *(use(n, jan(3), "new") for n in range(3)), use(9, jan(3)))
    Price.objects.update(model="new", input_per_million=Decimal(20_000))
    world.touch()
    reprice_at_once(world, Selection(), reason="A price became known.")

    found = dry_run(budget, ("block", "estimated_cost == 20", {}))

    assert came_to(found) == {"While estimated_cost == 20": (3, 60, 60)}
    assert found.calls == 4


def test_a_corrected_use_is_the_call_it_is_now(world: Organization) -> None:
    budget = january_budget(world)
    report(world, *(use(n, jan(3)) for n in range(4)))
    for number, fields in enumerate(
        [{"model": "cheap"}, {"timestamp": jan(4).isoformat()}, {"cost": "3"}]
    ):
        record = {**use(number, jan(3)), **fields}
        read = decode_one(msgspec.json.encode(record))
        assert check(read) == ()
        for last in (replace(read, output_tokens=7), read):
            correct(world.pk, [last], reason="wrong")

    found = [(one.at, one.place.dimensions.model, one.cost) for one in january(budget)]

    dear, cheap = to_units(Decimal(10)), to_units(Decimal(1))
    assert sorted(found) == [
        (jan(3), "cheap", cheap),
        (jan(3), "dear", to_units(Decimal(3))),
        (jan(3), "dear", dear),
        (jan(4), "dear", dear),
    ]


def january(budget: Budget) -> list[uses.Use]:
    return list(uses_of(budget, JANUARY.start, JANUARY.end))


def test_rules_that_only_tell_are_counted_and_change_nothing(
    world: Organization,
) -> None:
    budget = january_budget(world)
    report(world, *(use(n, jan(3, n)) for n in range(7)))

    found = dry_run(budget, ("notify", "spent >= 50", {}), CHEAPER)

    assert [
        (one.outcome, one.calls, from_units(one.saved))
        for one in found.effects.values()
    ] == [("told", 2, 0), ("downgraded", 2, 18)]


def test_money_is_the_budgets(world: Organization) -> None:
    ExchangeRate.objects.create(
        base="USD", quote=SHILLING, rate=Decimal(100), date=jan(1).date()
    )
    world.touch()
    budget = january_budget(world, amount=Decimal(5_000), currency=SHILLING)
    report(world, *(use(n, jan(3, n)) for n in range(4)))

    found = dry_run(
        budget,
        ("model_downgrade", "spent >= 2000", {"downgrades": {"dear": "cheap"}}),
        ("block", "estimated_cost > 10", {}),
        amount=Decimal(2_050),
        is_hard=True,
    )

    assert [
        (one.calls, from_units(one.cost), from_units(one.saved))
        for one in found.effects.values()
    ] == [(0, 0, 0), (0, 0, 0), (2, 2_000, 2_000), (0, 0, 0)]


def test_a_foreign_budgets_downgrades_are_converted(world: Organization) -> None:
    ExchangeRate.objects.create(
        base="USD", quote=SHILLING, rate=Decimal(100), date=jan(1).date()
    )
    world.touch()
    budget = january_budget(world, amount=Decimal(5_000), currency=SHILLING)
    report(world, *(use(n, jan(3, n)) for n in range(4)))

    found = dry_run(
        budget, ("model_downgrade", "spent >= 2000", {"downgrades": {"dear": "cheap"}})
    )

    assert came_to(found) == {"While spent >= 2000": (2, 2_000, 1_800)}


def test_the_budgets_own_rules_are_tried_unless_others_are_given(
    world: Organization,
) -> None:
    budget = january_budget(world)
    report(world, *(use(n, jan(3, n)) for n in range(9)))
    rule = {"trigger": "spent >= 50", "action": "block", "config": {}, "notify": False}
    configure(budget, [rule])

    found = replay(budget, Proposal(rules=own_rules(budget)), JANUARY)

    assert found.total("stopped").calls == 4


# -- Which time


def test_the_last_period_that_is_over_is_looked_at(world: Organization) -> None:
    old = january_budget(world, starts_at=datetime(2024, 11, 15, tzinfo=UTC))
    new = january_budget(world, starts_at=jan(3))
    over = january_budget(world, starts_at=jan(3), ends_at=jan(9))

    december = Window(datetime(2024, 12, 1, tzinfo=UTC), jan(1))
    assert last_period(old, jan(15)) == december
    assert last_period(new, jan(15)) == Window(jan(3), jan(15))
    assert last_period(over, jan(15)) == Window(jan(3), jan(9))


# -- Any number of uses


def test_all_of_it_is_streamed(
    world: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uses, "_CHUNK", 7)
    monkeypatch.setattr(uses, "_MOST_PLACES", 2)
    budget = january_budget(world)
    users = ("ann", "bo", "cy", "di")
    report(world, *(use(n, jan(3), user_id=users[n % 4]) for n in range(30)))

    with CaptureQueriesContext(
        connection,
    ) as queries:
        found = list(uses_of(budget, JANUARY.start, JANUARY.end))

    people = Counter(one.place.dimensions.user for one in found)
    assert people == {"ann": 8, "bo": 8, "cy": 7, "di": 7}
    assert len(queries) <= 8


# -- Against a brute-force oracle


@dataclass
class Told:
    """What one use is, as the oracle sees it."""

    at: datetime
    model: str
    tokens: int
    environment: str
    user: str


@dataclass
class Tried:
    """The rules of one example."""

    dev_models: tuple[str, ...]
    cheaper_from: Decimal
    most_a_minute: int
    limited_from: Decimal
    blocked_from: Decimal
    amount: Decimal
    hard: bool

    def binds(self, one: Told) -> bool:
        """Tell whether the amount is a limit to *one*: a block at all of it makes it
        one, but to those the rule exempts."""
        return self.hard or (self.blocked_from == 1 and one.user != "boss")

    def rules(self, budget: Budget) -> Sequence[Rule]:
        found: Sequence[Rule] = rules_for(
            budget,
            (
                "model_downgrade",
                f"budget_percentage >= {self.cheaper_from}",
                {"downgrades": {"dear": "cheap"}},
            ),
            (
                "model_blocklist",
                'environment == "dev"',
                {"blocked_models": list(self.dev_models), "exempt_users": ["boss"]},
            ),
            (
                "rate_limit",
                f"budget_percentage >= {self.limited_from}",
                {"max_requests_per_minute": self.most_a_minute},
            ),
            ("block", f"budget_percentage >= {self.blocked_from}", {}),
        )
        return found


PRICES = {"dear": Decimal("0.01"), "cheap": Decimal("0.001")}  # of a token
moments = st.integers(0, 300).map(lambda s: jan(31, 23, 58) + timedelta(seconds=s))
told = st.builds(
    Told,
    at=moments,
    model=st.sampled_from(["dear", "cheap"]),
    tokens=st.integers(0, 2_000),
    environment=st.sampled_from(["dev", "prod"]),
    user=st.sampled_from(["boss", "ann"]),
)
shares = st.decimals(0, 1, places=1)
tried = st.builds(
    Tried,
    dev_models=st.sampled_from([("dear",), ("cheap", "o*"), ("none",)]),
    cheaper_from=shares,
    most_a_minute=st.integers(1, 3),
    limited_from=shares,
    blocked_from=shares.map(lambda share: share + Decimal("0.5")),
    amount=st.decimals(0, 80, places=1),
    hard=st.booleans(),
)


@settings(max_examples=examples(12, 300), deadline=None)
@given(st.lists(told, max_size=14), tried)
def test_a_dry_run_is_what_the_oracle_says(uses: list[Told], rules: Tried) -> None:
    with undone():
        organization = make_organization("world")
        list_price(organization)
        budget = january_budget(organization)
        report(
            organization,
            *(
                use(
                    number,
                    one.at,
                    one.model,
                    input_tokens=one.tokens,
                    environment=one.environment,
                    user_id=one.user,
                )
                for number, one in enumerate(uses)
            ),
        )
        plan = Proposal(
            rules=rules.rules(budget), amount=rules.amount, is_hard=rules.hard
        )
        window = Window(jan(1), datetime(2025, 3, 1, tzinfo=UTC))

        found = replay(budget, plan, window)

    assert {
        outcome: from_units(found.total(outcome).saved)
        for outcome in ("stopped", "downgraded", "limited")
    } == saved_by_oracle(uses, rules)
    assert found.calls == len(uses)


def saved_by_oracle(uses: list[Told], rules: Tried) -> dict[str, Decimal]:  # noqa: C901
    saved = {"stopped": Decimal(0), "downgraded": Decimal(0), "limited": Decimal(0)}
    spent: dict[int, Decimal] = {1: Decimal(0), 2: Decimal(0)}  # by month
    counted: list[datetime] = []
    order = sorted(enumerate(uses), key=lambda pair: (pair[1].at, f"u{pair[0]}"))
    for _, one in order:
        month = one.at.month
        cost = one.tokens * PRICES[one.model]
        share = Decimal(spent[month] > 0)
        if rules.amount:
            share = spent[month] / rules.amount
        boss, model, price = one.user == "boss", one.model, cost
        held = not boss and share >= rules.cheaper_from
        outcome = ""
        while not outcome:
            listed = model in rules.dev_models
            unfit = one.environment == "dev" and listed
            if not boss and (unfit or share >= rules.blocked_from):
                outcome = "stopped"
            elif held and model == "dear":
                model, price = "cheap", one.tokens * PRICES["cheap"]
            else:
                outcome = "made"
        recent = [at for at in counted if at > one.at - timedelta(minutes=1)]
        limits = not boss and share >= rules.limited_from
        if outcome == "made" and limits and len(recent) >= rules.most_a_minute:
            outcome = "limited"
        elif outcome == "made" and rules.binds(one) and price:
            outcome = "stopped" if spent[month] + price > rules.amount else "made"
        if outcome == "made":
            spent[month] += price
            saved["downgraded"] += cost - price
            if limits:
                counted.append(one.at)
        else:
            saved[outcome] += cost
    return saved


# -- Over the wire


def test_a_dry_run_over_the_wire(api: Api, world: Organization) -> None:
    budget = january_budget(world)
    report(world, *(use(n, jan(3, n)) for n in range(9)))
    where = f"budgets/{budget.uid}/controls/replay"

    answer = api.post(
        where,
        {
            "rules": [
                {"trigger": "spent >= 50", "action": "block"},
                {"trigger": "spent > 500", "action": "notify"},
            ],
            "startDate": "2025-01-01",
            "endDate": "2025-01-31",
        },
    )

    assert answer.status == 200, answer.body
    effects = answer.body.pop("effects")
    assert answer.body == {
        "budget": str(budget.uid),
        "start": "2025-01-01T00:00:00Z",
        "end": "2025-02-01T00:00:00Z",
        "currency": "USD",
        "message": "In January 2025 this would have stopped 4 calls, $40.00.",
        "calls": 9,
        "spent": "90.0000000000",
        "would_spend": "50.0000000000",
        "saved": "40.0000000000",
        "stopped": {"calls": 4, "cost": "40.0000000000", "saved": "40.0000000000"},
        "downgraded": {"calls": 0, "cost": "0.0000000000", "saved": "0.0000000000"},
        "limited": {"calls": 0, "cost": "0.0000000000", "saved": "0.0000000000"},
    }
    assert [(one["outcome"], one["calls"]) for one in effects] == [
        ("stopped", 4),
        ("told", 0),
    ]
    assert effects[0]["first_at"] == "2025-01-03T05:00:00Z"


@pytest.mark.parametrize(
    ("end", "calls"),
    [
        ("2025-01-03", 3),
        ("2025-01-02", 0),
        ("2025-01-03T00:00:00Z", 0),
        ("2025-01-03T02:00:00Z", 2),
    ],
)
def test_a_bare_end_is_part_of_a_dry_run(
    api: Api, world: Organization, end: str, calls: int
) -> None:
    budget = january_budget(world)
    report(world, *(use(n, jan(3, n)) for n in range(3)))
    body = {"amount": 0, "enforcement": "hard", "start_date": "2025-01-01"}

    answer = api.post(
        f"budgets/{budget.uid}/controls/replay", {**body, "end_date": end}
    ).body

    assert (answer["calls"], answer["stopped"]["calls"]) == (calls, calls)


def test_a_dry_run_changes_nothing(api: Api, world: Organization) -> None:
    budget = january_budget(world)
    where = f"budgets/{budget.uid}/controls"
    rules = [{"trigger": "spent >= 50", "action": "block"}]

    api.post(f"{where}/replay", {"rules": rules, "amount": 5, "enforcement": "hard"})

    assert api.get(where).body["rules"] == []


@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ({"start_date": "2025-01-01"}, "end_date"),
        ({"end_date": "2025-01-01"}, "start_date"),
        ({"start_date": "2025-02-01", "end_date": "2025-01-31"}, "end_date"),
        ({"start_date": "soon", "end_date": "2025-02-01"}, "start_date"),
        ({"amount": -5}, "amount"),
        ({"amount": "NaN"}, "amount"),
        ({"amount": "1e25"}, "amount"),
        ({"enforcement": "firm"}, "enforcement"),
        ({"rules": [{"trigger": "spent >", "action": "block"}]}, "rules.0.trigger"),
        ({"since": "2025"}, "since"),
    ],
    ids=str,
)
def test_a_bad_dry_run_is_named(
    api: Api, world: Organization, body: Any, attr: str
) -> None:
    budget = january_budget(world)

    answer = api.post(f"budgets/{budget.uid}/controls/replay", body)

    assert answer.status == 400, answer.body
    assert attr in [error["attr"] for error in answer.body["errors"]]
