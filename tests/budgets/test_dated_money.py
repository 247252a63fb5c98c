"""Transfers, rollover and the amount of a moment, against slow and obvious oracles."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budgets.amounts import Dated
from budgets.closing import sweep_periods
from budgets.models import AmountLine, Budget, BudgetPeriod
from budgets.phasing import set_phasing
from budgets.services import change_budget, plan_of
from budgets.status import status_at
from budgets.temporary import raise_amount, transfer_amount
from lib.errors import Refusal
from lib.periods import Cadence, Calendar
from tests.budgets.moments import examples
from tests.budgets.worlds import differences, undone
from tests.factories import make_budget, make_organization, spend

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)
AMOUNTS = st.sampled_from([Decimal(n) for n in ("0", "0.0000000001", "40", "99.5")])


def limits_of(budgets: list[Budget]) -> dict[int, Decimal]:
    rows = BudgetPeriod.objects.filter(budget__in=budgets, starts_at__lte=NOW)
    return dict(rows.filter(ends_at__gt=NOW).values_list("budget_id", "limit"))


@examples(4)
@given(
    parents=st.lists(st.integers(0, 9), min_size=5, max_size=5),
    periods=st.lists(st.sampled_from(["monthly", "weekly"]), min_size=6, max_size=6),
    moves=st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 5), AMOUNTS), min_size=1, max_size=8
    ),
)
def test_transfers_conserve_money_at_every_level(
    parents: list[int], periods: list[str], moves: list[tuple[int, int, Decimal]]
) -> None:
    """Below every budget, of the tree's levels, is as much as came in and went out."""
    with undone():
        world = make_organization("world")
        budgets = [make_budget(world, "0", "100", now=NOW, period=periods[0])]
        for number, above in enumerate(parents, 1):
            parent = budgets[above % number]
            plan: dict[str, Any] = {"parent": parent, "period": periods[number]}
            budgets.append(make_budget(world, str(number), "100", now=NOW, **plan))
        sweep_periods(now=NOW)
        below = {
            one.pk: {x.pk for x in one.get_descendants(include_self=True)}
            for one in Budget.objects.filter(organization=world)
        }
        for source, to, amount in moves:
            before = limits_of(budgets)
            try:
                transfer_amount(budgets[source], budgets[to], amount, now=NOW)
            except Refusal:
                amount = Decimal(0)
            after = limits_of(budgets)
            for ids in below.values():
                came = amount * (budgets[to].pk in ids)
                went = amount * (budgets[source].pk in ids)
                total = sum(before[pk] for pk in ids)
                assert sum(after[pk] for pk in ids) == total + came - went
            assert all(limit >= 0 for limit in after.values())
        assert differences(world) == []


def carried_by_hand(
    amounts: list[Decimal],
    spends: list[Decimal],
    raises: list[Decimal],
    mode: str,
    cap: Decimal | None,
) -> list[Decimal]:
    """Return what is carried into each period, told by these alone."""
    carried = [Decimal(0)]
    for here, spent, more, following in zip(
        amounts, spends, raises, amounts[1:], strict=False
    ):
        own = here + carried[-1] - spent  # without what was for a while
        if own < 0:
            own = min(own + more, Decimal(0))
        if (own > 0 and mode == "overspend") or (own < 0 and mode == "unused"):
            own = Decimal(0)
        most = abs(own) if cap is None else round(following * cap, 10)
        carried.append(max(-most, min(most, own)))
    return carried


@examples(3)
@given(data=st.data())
def test_rollover_over_36_periods_is_what_the_oracle_says(data: Any) -> None:
    """Phased amounts, raises until a period's end, spend, late spend, any cap."""
    mode = data.draw(st.sampled_from(["unused", "overspend", "both"]))
    cap = data.draw(st.sampled_from([None, Decimal("0.25"), Decimal(1)]))
    spends = data.draw(st.lists(AMOUNTS, min_size=36, max_size=36))
    late = data.draw(st.lists(st.integers(0, 34), max_size=4, unique=True))
    raised = data.draw(st.sets(st.integers(0, 34), min_size=9, max_size=18))
    year = [Decimal(n) for n in data.draw(st.permutations(range(35, 95, 5)))]
    first = datetime(2023, 1, 1, tzinfo=UTC)
    calendar = Calendar(Cadence.MONTHLY, ZoneInfo("UTC"))
    windows = list(calendar.windows(first, first + 1095 * DAY))
    raises = [Decimal(13 if n in raised else 0) for n in range(36)]
    with undone():
        world = make_organization("world")
        budget = make_budget(
            world, "All", "50", now=first, rollover_mode=mode, rollover_cap=cap
        )
        set_phasing(budget, year, now=first)
        for number, window in enumerate(windows):
            sweep_periods(now=window.start)
            if raises[number]:
                raise_amount(budget, raises[number], until=window.end, now=window.start)
            if number not in late:
                spend(world, str(spends[number]), window.start + DAY)
        for number in late:
            spend(world, str(spends[number]), windows[number].start + DAY)

        sweep_periods(now=windows[-1].start)

        rows = BudgetPeriod.objects.filter(budget=budget).order_by("starts_at")
        found = list(rows.values_list("carried_over", flat=True))
        assert found == carried_by_hand(year * 3, spends, raises, mode, cap)
        assert [row.amount for row in rows] == year * 3
        assert differences(world) == []


STEPS = st.lists(
    st.tuples(
        st.sampled_from([timedelta(0), timedelta(hours=1), 9 * DAY, 40 * DAY]),
        st.sampled_from(["amount", "raise", "give", "take", "phase", "spend"]),
        AMOUNTS,
    ),
    min_size=6,
    max_size=12,
)


@examples(6)
@given(steps=STEPS, looks=st.lists(st.integers(0, 2000), min_size=4, max_size=4))
def test_the_amount_of_a_moment_is_the_sum_of_the_lines_in_force(
    steps: list[tuple[timedelta, str, Decimal]], looks: list[int]
) -> None:
    with undone():
        world = make_organization("world", timezone="Europe/Berlin")
        plan: dict[str, Any] = {"now": NOW, "rollover_mode": "both"}
        budget = make_budget(world, "All", **plan)
        other = make_budget(world, "Other", **plan)
        now = NOW
        for wait, what, amount in steps:
            now += wait
            sweep_periods(now=now)
            try:
                do(what, budget, other, amount, now)
            except Refusal:
                continue
        sweep_periods(now=now)

        lines = [
            Dated(line.amount, line.effective_from, line.effective_to)
            for line in AmountLine.objects.filter(budget=budget)
        ]
        for share in looks:
            at = NOW + (now - NOW) * share / 2000
            replayed = sum(one.amount for one in lines if one.holds(at))
            assert status_at(budget, at=at, now=now).status.limit == replayed
        assert differences(world) == []


def do(
    what: str, budget: Budget, other: Budget, amount: Decimal, now: datetime
) -> None:
    if what == "amount":
        plan = plan_of(Budget.objects.get(pk=budget.pk))
        plan.amount = amount
        change_budget(budget, plan, now=now)
    elif what == "raise":
        raise_amount(budget, amount, until=now + 20 * DAY, now=now)
    elif what == "give":
        transfer_amount(budget, other, amount, now=now)
    elif what == "take":
        transfer_amount(other, budget, amount, now=now)
    elif what == "phase":
        set_phasing(budget, [amount, *[Decimal(7)] * 11], now=now)
    else:
        spend(budget.organization, str(amount), now)
