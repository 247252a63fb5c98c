"""Usage, corrections, repricings and closings at random, against plain entries.

The oracle is a list of entries, each of one month: what is late goes to the first open
month. What closed months come to must never move, and all sums must be the entries'.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import LateRecords
from budgets.models import Budget, BudgetPeriod
from budgets.rollup import roll_up
from intake.corrections import correct
from intake.repricing import reprice
from ledger.closed_months import month_after, month_of
from ledger.models import MonthLock
from ledger.months import hold_to_close, lock_month, sums_of, unlock_month
from ledger.prices import add_price, add_rate, change_price
from ledger.repricing import Selection
from ledger.usage import check, decode_one
from tests.budgets.worlds import differences, undone
from tests.factories import make_budget, make_organization, report, usage_record
from tests.intake.records import Record, per_million
from tests.sizes import examples

BEGIN = datetime(2025, 1, 31, 20, tzinfo=UTC)
NOW = datetime(2025, 6, 1, tzinfo=UTC)
MONTHS = [date(2025, month, 1) for month in (1, 2, 3, 4)]
RATE = Decimal("0.333333333333")

records = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["a", "b", "c"]),
        "timestamp": st.sampled_from([0, 3, 4, 16, 28 * 24, 59 * 24]).map(
            lambda hours: (BEGIN + timedelta(hours=hours)).isoformat()
        ),
        "model": st.sampled_from(["own", "later"]),
        "project_id": st.sampled_from(["p", "q"]),
        "input_tokens": st.sampled_from([0, 7, 1_000_003]),
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
    st.tuples(st.just("roll_up")),
    st.tuples(st.just("lock"), st.sampled_from(MONTHS)),
    st.tuples(st.just("lock"), st.sampled_from(MONTHS[:2])),
    st.tuples(st.just("unlock"), st.sampled_from(MONTHS)),
    st.tuples(
        st.just("budget"),
        st.sampled_from([{}, {"projects": ["p"]}]),
        st.sampled_from(["USD", "KES"]),
    ),
)


class Entry(NamedTuple):
    """What one row of the ledger adds to a month."""

    month: date
    project: str
    cost: Decimal
    requests: int
    unpriced: int


@dataclass
class Standing:
    """What counts of one id now, and in which month its content is booked."""

    said: Record
    month: date
    cost: Decimal | None


@dataclass
class Oracle:
    """Entries by month, and which months are closed."""

    prices: dict[str, Decimal] = field(default_factory=lambda: {"own": Decimal(2)})
    closed: dict[date, Any] = field(default_factory=dict)  # with what they came to
    entries: list[Entry] = field(default_factory=list)
    standing: dict[str, Standing] = field(default_factory=dict)

    def open_month(self, month: date) -> date:
        while month in self.closed:
            month = month_after(month)
        return month

    def cost_of(self, said: Record) -> Decimal | None:
        if said["cost"] is not None:
            return Decimal(said["cost"])
        price = self.prices.get(said["model"])
        if price is None:
            return None
        tokens = said["input_tokens"], said["output_tokens"]
        return sum((per_million(count, price) for count in tokens), Decimal(0))

    def book(self, said: Record) -> None:
        month = self.open_month(month_of(datetime.fromisoformat(said["timestamp"])))
        cost = self.cost_of(said)
        self.standing[said["id"]] = Standing(said, month, cost)
        self._enter(month, said, cost or Decimal(0), said["requests"], cost is None)

    def take_off(self, usage_id: str) -> None:
        known = self.standing[usage_id]
        self._enter(
            self.open_month(known.month),
            known.said,
            -(known.cost or Decimal(0)),
            -known.said["requests"],
            -(known.cost is None),
        )

    def reprice(self) -> None:
        for known in self.standing.values():
            new = self.cost_of(known.said)
            if new is None or new == known.cost:
                continue
            month = self.open_month(known.month)
            difference = new - (known.cost or Decimal(0))
            self._enter(month, known.said, difference, 0, -(known.cost is None))
            known.cost = new

    def _enter(
        self, month: date, said: Record, cost: Decimal, requests: int, unpriced: int
    ) -> None:
        self.entries.append(Entry(month, said["project_id"], cost, requests, unpriced))

    def sums(self, projects: list[str]) -> Any:
        """Return spent, requests and unpriced by month."""
        found: defaultdict[date, list[Any]] = defaultdict(lambda: [Decimal(0), 0, 0])
        for entry in self.entries:
            if entry.project in projects:
                for place, amount in enumerate(entry[2:]):
                    found[entry.month][place] += amount
        return {month: tuple(sums) for month, sums in found.items() if any(sums)}


class Story:
    """The product and the oracle, told the same."""

    def __init__(self) -> None:
        self.acme = make_organization(late_records=LateRecords.OPEN_MONTH)
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
        for said in told:
            if said["id"] not in self.oracle.standing:
                self.oracle.book(said)

    def correct(self, told: list[Record]) -> None:
        known = {one["id"]: one for one in told if one["id"] in self.oracle.standing}
        usage = [decode_one(msgspec.json.encode(_sent(one))) for one in known.values()]
        assert not any(map(check, usage))
        correct(self.acme.pk, usage, reason="wrong")
        for said in known.values():
            if self.oracle.standing[said["id"]].said != said:
                self.oracle.take_off(said["id"])
                self.oracle.book(said)

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

    def roll_up(self) -> None:
        roll_up(self.acme.pk)

    def lock(self, month: date) -> None:
        if month in self.oracle.closed:
            return
        with transaction.atomic():
            hold_to_close(self.acme, month, now=NOW)
            lock_month(self.acme, month, reason="", open_items=[])
        self.oracle.closed[month] = sums_of(self.acme, month)

    def unlock(self, month: date) -> None:
        if self.oracle.closed.pop(month, None) is not None:
            unlock_month(self.acme, month, reason="again", now=NOW)

    def budget(self, scope: dict[str, list[str]], currency: str) -> None:
        make_budget(
            self.acme,
            f"{Budget.objects.count()}",
            scope=scope,
            currency=currency,
            now=BEGIN,
            starts_at=datetime(2025, 1, 1, tzinfo=UTC),
        )

    def check(self) -> None:
        for month, sums in self.oracle.closed.items():
            assert sums_of(self.acme, month) == sums
        by_month = self.oracle.sums(["p", "q"])
        for month in (*MONTHS, date(2025, 5, 1)):
            total, requests, _ = by_month.get(month, (Decimal(0), 0, 0))
            found = sums_of(self.acme, month)
            assert (found.total, found.requests) == (total, requests)
        for budget in Budget.objects.filter(currency="USD"):
            rows = BudgetPeriod.objects.filter(budget=budget).values_list(
                "starts_at", "spent", "requests", "unpriced_requests"
            )
            kept = {month_of(start): tuple(sums) for start, *sums in rows if any(sums)}
            assert kept == self.oracle.sums(budget.scope.get("projects", ["p", "q"]))
        locked = MonthLock.objects.standing().values_list("month", flat=True)
        assert set(locked) == set(self.oracle.closed)
        assert differences(self.acme) == []


def _sent(record: Record) -> Record:
    return usage_record(**{"provider": "house", **record})


@pytest.mark.django_db
@settings(
    max_examples=examples(15, 2_000),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(steps, min_size=1, max_size=14))
def test_closed_months_never_move_and_all_sums_are_those_of_the_entries(
    story: list[tuple[Any, ...]],
) -> None:
    with undone():
        told = Story()
        for name, *what in story:
            getattr(told, name)(*what)
            if name in {"report", "correct", "reprice"}:
                told.check()
        told.check()
