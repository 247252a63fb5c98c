"""Usage, corrections, repricings and budgets at random, against what each id last said.

The oracle knows no rows: it keeps what was last said of each id and what that costs,
and adds up. Whatever was booked in between has to come to the same, everywhere.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from budgets.closing import sweep_periods
from budgets.drivers import drivers_of
from budgets.models import Budget, BudgetPeriod
from budgets.rollup import roll_up
from intake.corrections import correct
from intake.repricing import reprice
from intake.undoing import NotUndoable, undo_at_once
from ledger.analytics import summary_of
from ledger.costs import CostQuery, View, pages_of
from ledger.models import Repricing
from ledger.prices import add_price, add_rate, change_price
from ledger.repricing import Selection
from ledger.usage import check, decode_one
from tests.budgets.worlds import differences, undone
from tests.factories import make_budget, make_organization, report, usage_record
from tests.intake.records import TEN_PLACES, Record, per_million
from tests.sizes import examples

BEGIN = datetime(2025, 1, 30, 22, tzinfo=UTC)
RATE = Decimal("0.333333333333")  # shillings for a dollar
MODELS = ("own", "later", "never")

records = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["a", "b", "c", "d"]),
        "timestamp": st.integers(0, 8).map(
            lambda n: (BEGIN + timedelta(hours=n)).isoformat()
        ),
        "model": st.sampled_from(MODELS),
        "project_id": st.sampled_from(["p", "q", ""]),
        "input_tokens": st.sampled_from([0, 1, 7, 1_000_003]),
        "output_tokens": st.sampled_from([0, 3]),
        "requests": st.sampled_from([1, 1, 5]),
        "cost": st.sampled_from([None, None, "0.0000000001", "-2.5", "7"]),
    }
)
steps = st.one_of(
    st.tuples(st.just("report"), st.lists(records, min_size=1, max_size=3)),
    st.tuples(st.just("correct"), st.lists(records, min_size=1, max_size=3)),
    st.tuples(st.just("price"), st.sampled_from(["0.1", "0.3333333333", "1234567"])),
    st.tuples(st.just("reprice")),
    st.tuples(st.just("undo"), st.integers(0, 2)),
    st.tuples(st.just("roll_up")),
    st.tuples(st.just("close")),
    st.tuples(
        st.just("budget"),
        st.sampled_from([{}, {"projects": ["p"]}, {"models": ["own", "later"]}]),
        st.sampled_from(["USD", "KES"]),
    ),
)


def _is_in(record: Record, scope: dict[str, list[str]]) -> bool:
    project, model = record["project_id"], record["model"]
    return project in scope.get("projects", [project]) and (
        model in scope.get("models", [model])
    )


@dataclass
class Oracle:
    """What was last said of each id, and what that costs; None: no price is known."""

    prices: dict[str, Decimal] = field(default_factory=lambda: {"own": Decimal(2)})
    last: dict[str, Record] = field(default_factory=dict)
    costs: dict[str, Decimal | None] = field(default_factory=dict)
    # What repricings changed, with what it cost before; and what changed each id last.
    repriced: list[dict[str, Decimal | None]] = field(default_factory=list)
    changed_by: dict[str, object] = field(default_factory=dict)

    def say(self, record: Record) -> None:
        if self.last.get(record["id"]) != record:
            self.last[record["id"]] = record
            self.costs[record["id"]] = self.cost(record)
            self.changed_by.pop(record["id"], None)

    def cost(self, record: Record) -> Decimal | None:
        if record["cost"] is not None:
            return Decimal(record["cost"])
        price = self.prices.get(record["model"])
        if price is None:
            return None
        return per_million(record["input_tokens"], price) + per_million(
            record["output_tokens"], price
        )

    def reprice(self) -> None:
        before: dict[str, Decimal | None] = {}
        for usage_id, record in self.last.items():
            new, old = self.cost(record), self.costs[usage_id]
            if new is not None and new != old:
                before[usage_id], self.costs[usage_id] = old, new
                self.changed_by[usage_id] = before
        if before:
            self.repriced.append(before)

    def undo(self, number: int) -> bool:
        """Take a repricing back where nothing came since; tell whether it was."""
        before = self.repriced[number]
        mine = [one for one in before if self.changed_by.get(one) is before]
        for usage_id in mine:
            self.costs[usage_id] = before[usage_id]
            self.changed_by.pop(usage_id)
        return bool(mine)

    def sums(self, scope: dict[str, list[str]], rate: Decimal | None) -> Any:
        """Return spent, requests and unpriced of the records in *scope*, by month."""
        found: defaultdict[str, list[Any]] = defaultdict(lambda: [Decimal(0), 0, 0])
        for usage_id, record in self.last.items():
            if not _is_in(record, scope):
                continue
            cost = self.costs[usage_id]
            sums = found[record["timestamp"][:7]]
            if cost is not None:
                exact = cost if rate is None else cost * rate
                sums[0] += exact.quantize(TEN_PLACES, ROUND_HALF_EVEN)
            sums[1] += record["requests"]
            sums[2] += cost is None
        return {month: tuple(sums) for month, sums in found.items() if any(sums)}


class Story:
    """The product and the oracle, told the same."""

    def __init__(self) -> None:
        self.acme = make_organization()
        self.oracle = Oracle()
        self.later: Any = None
        add_rate(base="USD", quote="KES", rate=RATE, date=date(2000, 1, 1))
        self._price("own", "2")

    def _price(self, model: str, amount: str) -> Any:
        return add_price(
            provider="house",
            model=model,
            effective_from=datetime(2020, 1, 1, tzinfo=UTC),
            input_per_million=Decimal(amount),
            output_per_million=Decimal(amount),
            cached_input_per_million=Decimal(amount),
        )

    def report(self, told: list[Record]) -> None:
        report(self.acme, *map(_sent, told))
        for record in told:
            if record["id"] not in self.oracle.last:
                self.oracle.say(record)

    def correct(self, told: list[Record]) -> None:
        known = {
            record["id"]: record for record in told if record["id"] in self.oracle.last
        }
        usage = [decode_one(msgspec.json.encode(_sent(one))) for one in known.values()]
        assert not any(map(check, usage))
        correct(self.acme.pk, usage, reason="wrong")
        for record in known.values():
            self.oracle.say(record)

    def price(self, amount: str) -> None:
        if self.later is None:
            self.later = self._price("later", amount)
        else:
            of = ("input", "cached_input", "output")
            prices: Any = {f"{kind}_per_million": Decimal(amount) for kind in of}
            self.later = change_price(self.later, **prices)
        self.oracle.prices["later"] = Decimal(amount)

    def reprice(self) -> None:
        reprice(self.acme, Selection(), reason="priced")
        self.oracle.reprice()

    def undo(self, back: int) -> None:
        number = len(self.oracle.repriced) - 1 - back
        if number < 0:
            return
        made = Repricing.objects.filter(kind="prices", undoes=None).order_by("pk")
        if self.oracle.undo(number):
            undo_at_once(made[number], reason="wrong")
        else:
            with pytest.raises(NotUndoable):
                undo_at_once(made[number], reason="wrong")

    def roll_up(self) -> None:
        roll_up(self.acme.pk)

    def close(self) -> None:
        sweep_periods(now=datetime(2025, 2, 2, tzinfo=UTC))

    def budget(self, scope: dict[str, list[str]], currency: str) -> None:
        number = Budget.objects.count()
        make_budget(
            self.acme,
            f"{number}",
            scope=scope,
            currency=currency,
            now=BEGIN,
            starts_at=datetime(2025, 1, 1, tzinfo=UTC),
        )

    def check(self) -> None:
        oracle = self.oracle
        for budget in Budget.objects.all():
            rows = BudgetPeriod.objects.filter(budget=budget).values_list(
                "starts_at", "spent", "requests", "unpriced_requests"
            )
            kept = {f"{start:%Y-%m}": tuple(sums) for start, *sums in rows if any(sums)}
            rate = RATE if budget.currency == "KES" else None
            assert kept == oracle.sums(budget.scope, rate), budget
            self._check_drivers(budget)
        question = CostQuery(self.acme)
        listed = {
            row["usage_id"]: row["total_cost"] and Decimal(row["total_cost"])
            for page in pages_of(question, view=View(unpriced=True), size=2)
            for row in page
        }
        assert listed == oracle.costs
        summary = summary_of(question, ["project"])
        assert Decimal(summary["total_cost"]) == sum(filter(None, listed.values()))
        requests = sum(one["requests"] for one in oracle.last.values())
        assert summary["total_requests"] == requests
        assert summary["unpriced_requests"] == list(listed.values()).count(None)
        assert differences(self.acme) == []

    def _check_drivers(self, budget: Budget) -> None:
        start, end = BEGIN.replace(day=1, hour=0), datetime(2025, 3, 1, tzinfo=UTC)
        found = {
            one.name: one.cost
            for one in drivers_of(budget, start, end)
            if one.dimension == "project" and one.cost
        }
        expected: defaultdict[str, Decimal] = defaultdict(Decimal)
        for usage_id, record in self.oracle.last.items():
            if _is_in(record, budget.scope):
                expected[record["project_id"]] += self.oracle.costs[usage_id] or 0
        assert found == {name: cost for name, cost in expected.items() if cost}


def _sent(record: Record) -> Record:
    return usage_record(**{"provider": "house", **record})


@pytest.mark.django_db
@settings(
    max_examples=examples(10, 2_000),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(steps, min_size=1, max_size=12))
def test_all_sums_are_those_of_the_last_content_of_each_id(
    story: list[tuple[Any, ...]],
) -> None:
    with undone():
        told = Story()
        for name, *what in story:
            getattr(told, name)(*what)
        told.check()
