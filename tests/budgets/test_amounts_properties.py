"""Random histories of amounts, replayed by an oracle that walks the lines it was told.

The oracle knows nothing of rows and lines: it remembers what was asked for and when,
and cuts time by itself.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budgets import services
from budgets.closing import sweep_periods
from budgets.models import Budget
from budgets.status import periods_of, status_at
from tests.budgets import oracle
from tests.budgets.moments import DAY, INSTANT, ODD_MOMENTS, ZONES, examples
from tests.budgets.worlds import World, differences, undone
from tests.factories import report, usage_record

HOUR = timedelta(hours=1)
AMOUNTS = st.sampled_from(
    [Decimal(n) for n in ("0", "0.0000000001", "40", "99.5", "1000")]
)
MODES = ["none", "unused", "overspend", "both"]
CAPS = [None, None, Decimal("0.25"), Decimal(2)]
# How far time goes on before a step, and from where a record is late.
WAITS = [timedelta(0), INSTANT, HOUR, DAY, 9 * DAY, 45 * DAY, 200 * DAY]


class Asked(NamedTuple):
    """An amount that was asked for; it holds from *at* on."""

    at: datetime
    amount: Decimal


class Story(NamedTuple):
    """One budget, what is done to it, and the moments it is asked about."""

    around: datetime
    plan: dict[str, Any]
    steps: list[tuple[timedelta, str, Any]]
    looks: list[timedelta]  # before the end


def stories() -> st.SearchStrategy[Story]:
    waits = st.sampled_from(WAITS)
    plans = st.fixed_dictionaries(
        {
            "amount": AMOUNTS,
            "period": st.sampled_from(["daily", "weekly", "monthly", "quarterly"]),
            "timezone": st.sampled_from(ZONES),
            "rollover_mode": st.sampled_from(MODES),
            "rollover_cap": st.sampled_from(CAPS),
        }
    )
    steps = st.one_of(
        st.tuples(waits, st.just("amount"), AMOUNTS),
        st.tuples(waits, st.just("amount"), AMOUNTS),
        st.tuples(waits, st.just("spend"), waits),
        st.tuples(waits, st.just("spend"), waits),
        st.tuples(waits, st.just("sweep"), st.none()),
        st.tuples(
            waits,
            st.just("redate"),
            st.one_of(
                st.fixed_dictionaries({"timezone": st.sampled_from(ZONES)}),
                st.fixed_dictionaries(
                    {"period": st.sampled_from(["weekly", "monthly", "annual"])}
                ),
                st.fixed_dictionaries({"ends_at": st.none()}),
            ),
        ),
    )
    return st.builds(
        Story,
        st.sampled_from(list(ODD_MOMENTS.values())),
        plans,
        st.lists(steps, min_size=3, max_size=12),
        st.lists(
            st.builds(lambda days, by: days * DAY + by, st.integers(0, 90), waits),
            min_size=2,
            max_size=5,
        ),
    )


def amount_at(asked: list[Asked], moment: datetime) -> Decimal:
    """Return what was asked for last by *moment*; before all, what came first."""
    amount = asked[0].amount
    for one in asked[1:]:
        if one.at <= moment:
            amount = one.amount
    return amount


def tell(world: World, story: Story) -> tuple[Budget, list[Asked], datetime]:
    """Do what the story says; return the budget, what was asked for, and the end."""
    now = story.around
    plan = services.BudgetPlan(
        name="All", **{**story.plan, "starts_at": story.around - 80 * DAY}
    )
    budget = services.create_budget(world.organization, plan, now=now)
    asked = [Asked(now, plan.amount)]
    for number, (wait, what, value) in enumerate(story.steps):
        now += wait
        if what == "sweep":
            sweep_periods(now=now)
        elif what == "spend":
            at = max(now - value, budget.starts_at)
            record = usage_record(id=f"u{number}", timestamp=at.isoformat(), cost="30")
            report(world.organization, record)
        else:
            plan = services.plan_of(Budget.objects.get(pk=budget.pk))
            for name, new in ({"amount": value} if what == "amount" else value).items():
                setattr(plan, name, new)
            budget = services.change_budget(budget, plan, now=now)
            asked.append(Asked(now, plan.amount))
    return budget, asked, now


def carried(budget: Budget) -> list[Decimal]:
    """Return what should be carried over into each period, from rows alone."""
    goes, found = Decimal(0), []
    rows = list(budget.periods.order_by("starts_at"))
    for place, row in enumerate(rows):
        found.append(goes)
        goes = Decimal(0)
        left = row.amount + found[-1] - row.spent
        mode, cap = budget.rollover_mode, budget.rollover_cap
        is_next = place + 1 < len(rows) and rows[place + 1].starts_at == row.ends_at
        if row.closed_at is None or not is_next:
            continue
        if (left > 0 and mode in {"unused", "both"}) or (
            left < 0 and mode in {"overspend", "both"}
        ):
            most = abs(left) if cap is None else rows[place + 1].amount * cap
            goes = max(-most, min(most, left))
            goes = oracle.converted(goes, Decimal(1))  # to ten places
    return found


@pytest.mark.django_db
@examples(5)
@given(story=stories(), fiscal_month=st.integers(1, 12))
def test_the_amount_of_any_moment_is_what_was_asked_for_by_then(
    story: Story, fiscal_month: int
) -> None:
    with undone():
        world = World(fiscal_year_start_month=fiscal_month)

        budget, asked, now = tell(world, story)

        for row in budget.periods.all():
            assert row.amount == amount_at(asked, row.ends_at - INSTANT)
        for back in story.looks:
            at = max(now - back, budget.starts_at)
            found = status_at(budget, at=at, now=now)
            start, end = oracle.period_of(at, budget, fiscal_month)
            assert (found.window.start, found.window.end) == (start, end)
            assert found.position.amount == amount_at(asked, at)
            (then,) = periods_of(budget, at=at, now=now)
            assert then.amount == amount_at(asked, at)
        assert differences(world.organization) == []


@pytest.mark.django_db
@examples(5)
@given(story=stories())
def test_each_period_carries_over_by_its_own_amount(story: Story) -> None:
    with undone():
        world = World()
        budget, asked, now = tell(world, story)

        sweep_periods(now=now)

        rows = list(budget.periods.order_by("starts_at"))
        assert [row.carried_over for row in rows] == carried(budget)
        for row in rows:
            assert row.amount == amount_at(asked, row.ends_at - INSTANT)
        assert differences(world.organization) == []
