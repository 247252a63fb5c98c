"""Grants: spent once, over several periods, the one that ends first before others."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Organization
from budgets.carrying import preview_rollover
from budgets.closing import Closed, sweep_periods
from budgets.errors import IsArchived
from budgets.grants import give_grant, grants_of
from budgets.models import AmountLine, Budget, BudgetPeriod
from budgets.services import archive_budget, change_budget, plan_of
from budgets.status import status_at
from budgets.temporary import transfer_amount
from lib.errors import Invalid
from lib.periods import Cadence
from tests.budgets.moments import examples
from tests.budgets.worlds import differences, jan, january_budget, undone
from tests.factories import make_budget, make_organization, spend

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
FEBRUARY, MARCH, APRIL, MAY = (datetime(2025, n, 1, tzinfo=UTC) for n in range(2, 6))


def limits_of(budget: Budget) -> list[Decimal]:
    rows = BudgetPeriod.objects.filter(budget=budget).order_by("starts_at")
    return list(rows.values_list("limit", flat=True))


def told(budget: Budget, now: datetime) -> list[tuple[Decimal, Decimal, Decimal]]:
    """Return used, left and expired of each grant."""
    return [(one.used, one.left, one.expired) for one in grants_of(budget, now=now)]


def give(budget: Budget, amount: str, until: datetime, now: datetime) -> None:
    give_grant(budget, Decimal(amount), until=until, now=now, reason="A pilot")


def test_what_a_period_leaves_of_a_grant_goes_on(acme: Organization) -> None:
    budget = january_budget(acme, rollover_mode="unused")
    give(budget, "50", APRIL, jan(15, 13))
    spend(acme, "120", jan(16))  # 20 of the grant

    sweep_periods(now=FEBRUARY)
    assert limits_of(budget) == [150, 130]
    spend(acme, "40", FEBRUARY)  # of its own

    assert sweep_periods(now=MARCH) == Closed(opened=1, closed=1, carried=1, granted=1)
    assert limits_of(budget) == [150, 130, 190]  # 60 of its own carried over
    assert told(budget, MARCH) == [(20, 30, 0)]
    spend(acme, "165", MARCH)
    sweep_periods(now=APRIL)

    assert limits_of(budget) == [150, 130, 190, 100]
    assert told(budget, APRIL) == [(25, 0, 25)]
    assert sweep_periods(now=APRIL + DAY) == Closed(opened=0, closed=0, carried=0)
    assert differences(acme) == []


def test_late_records_are_followed_all_along(acme: Organization) -> None:
    budget = january_budget(acme)
    give(budget, "50", MAY, jan(15, 13))
    sweep_periods(now=FEBRUARY)
    spend(acme, "110", FEBRUARY)
    sweep_periods(now=MARCH)
    assert limits_of(budget) == [150, 150, 140]
    spend(acme, "130", jan(16))  # late: 30 of the grant

    sweep_periods(now=MARCH + DAY)

    assert limits_of(budget) == [150, 120, 110]
    assert told(budget, MARCH + DAY) == [(40, 10, 0)]
    lines = AmountLine.objects.filter(kind="grant", effective_from=MARCH)
    assert list(lines.values_list("amount", flat=True)) == [40, -30]
    assert differences(acme) == []


def test_one_that_ends_inside_a_period_leaves_there_what_was_used(
    acme: Organization,
) -> None:
    """What was spent after its end is none of its business; the other takes it."""
    budget = january_budget(acme)
    give(budget, "50", APRIL, jan(15, 13))
    give(budget, "30", jan(20, 6), jan(15, 13))
    spend(acme, "110", jan(20, 5))
    spend(acme, "25", jan(20, 7))
    sweep_periods(now=jan(20, 8))

    assert limits_of(budget) == [160]
    assert told(budget, jan(20, 8)) == [(10, 0, 20), (25, 25, 0)]
    then = [jan(20, 5), jan(20, 6)]
    found = [status_at(budget, at=at, now=jan(21)).status.limit for at in then]
    assert found == [180, 160]
    sweep_periods(now=FEBRUARY)
    assert limits_of(budget) == [160, 125]
    assert differences(acme) == []


def test_no_grant_is_carried_over_though_money_was_given_away(
    acme: Organization,
) -> None:
    budget = january_budget(acme, rollover_mode="unused")
    other = january_budget(acme, "Other", scope={"teams": ["ml"]})
    give(budget, "50", MARCH, jan(15, 13))
    transfer_amount(budget, other, Decimal(70), now=jan(15, 13))

    preview = preview_rollover(budget, now=jan(20))
    sweep_periods(now=FEBRUARY)

    assert preview.carries == preview.left.for_good == 30
    assert limits_of(budget) == [80, 100 + 30 + 50]
    assert differences(acme) == []


def test_a_grant_follows_its_budget_into_other_periods_and_money(
    acme: Organization,
) -> None:
    budget = january_budget(acme)
    give(budget, "50", MARCH, jan(15, 13))
    spend(acme, "120", jan(16))
    sweep_periods(now=FEBRUARY)
    plan = plan_of(Budget.objects.get(pk=budget.pk))
    plan.period, plan.currency = Cadence.QUARTERLY, "EUR"

    budget = change_budget(budget, plan, now=FEBRUARY + DAY)
    sweep_periods(now=FEBRUARY + DAY)

    (grant,) = grants_of(budget, now=FEBRUARY + DAY)
    assert 40 < grant.grant.amount < 50
    assert limits_of(budget) == [100 + grant.grant.amount]
    assert differences(acme) == []


def test_what_can_not_be_is_refused(acme: Organization) -> None:
    budget = january_budget(acme)
    now = jan(15, 13)
    for amount, until in (("0", MARCH), ("-1", MARCH), ("1", now), ("NaN", MARCH)):
        with pytest.raises(Invalid):
            give(budget, amount, until, now)
    tokens = january_budget(acme, "Tokens", currency="tokens")
    with pytest.raises(Invalid, match="whole number"):
        give(tokens, "1.5", MARCH, now)
    each = january_budget(acme, "Each", "5", template_for_each="user")
    with pytest.raises(Invalid, match="no money of its own"):
        give(each, "1", MARCH, now)
    archive_budget(budget, now=now)
    with pytest.raises(IsArchived):
        give(budget, "1", MARCH, now)


def test_verify_finds_lines_that_give_more_than_there_is(acme: Organization) -> None:
    budget = january_budget(acme)
    give(budget, "50", APRIL, jan(15, 13))
    sweep_periods(now=FEBRUARY)
    AmountLine.objects.filter(kind="grant", effective_from=FEBRUARY).update(amount=51)

    found = differences(acme)

    assert any("its lines give more than was left" in one for one in found)
    assert any("adjusted by 50" in one for one in found)


def by_hand(
    grants: list[tuple[int, int, int]], spent: list[list[int]], carries: bool
) -> tuple[list[int], list[int]]:
    """Return what of each grant was used, and what is carried into each month.

    Spent are the days of months of 30; a grant is of an amount, from a day, to a day.
    One unit is spent after the other, of whatever is there: slow, and plain to see.
    """
    left = [amount for amount, _, _ in grants]
    carried = [0]
    for month, days in enumerate(spent):
        own = 100 + carried[-1]
        over = 0  # beyond all there was
        for day, amount in enumerate(days):
            today = month * 30 + day
            for _ in range(amount):
                if own > 0:
                    own -= 1
                    continue
                running = [
                    (end, number)
                    for number, (_, start, end) in enumerate(grants)
                    if start <= today < end and left[number]
                ]
                if running:
                    left[min(running)[1]] -= 1
                else:
                    over += 1
        carried.append(own - over if carries else 0)
    return [grant[0] - rest for grant, rest in zip(grants, left, strict=True)], carried


def day(number: int) -> datetime:
    """Return one of the oracle's days; none of the last of a month is asked for."""
    month, rest = divmod(number, 30)
    return datetime(2023, month + 1, 1, tzinfo=UTC) + rest * DAY


def spend_all(organization: Organization, month: int, days: list[int]) -> None:
    for number, amount in enumerate(days):
        if amount:
            spend(organization, str(amount), day(month * 30 + number))


@examples(6)
@given(data=st.data())
def test_use_of_several_grants_is_what_the_oracle_says(data: Any) -> None:
    """Over 8 periods, some spend late; whatever is used and expires is the grant."""
    carries = data.draw(st.booleans())
    amounts = st.sampled_from([0, 40, 99, 100, 107, 130])
    firsts = data.draw(st.lists(amounts, min_size=8, max_size=8))
    seconds = data.draw(st.lists(st.sampled_from([0, 3, 60]), min_size=8, max_size=8))
    late = data.draw(st.sets(st.integers(0, 7), max_size=3))
    grants = [
        (amount, 0, months * 30 + data.draw(st.sampled_from([0, 15])))
        for amount, months in data.draw(
            st.lists(
                st.tuples(st.sampled_from([7, 50, 200]), st.integers(1, 8)),
                min_size=1,
                max_size=4,
            )
        )
    ]
    spent = [[a, *[0] * 19, b, *[0] * 9] for a, b in zip(firsts, seconds, strict=True)]
    with undone():
        world = make_organization("world")
        mode = "both" if carries else "none"
        budget = make_budget(world, "All", "100", now=day(0), rollover_mode=mode)
        for amount, _, end in grants:
            give(budget, str(amount), day(end), day(0))
        for month in range(8):
            sweep_periods(now=day(month * 30) + timedelta(hours=1))
            if month not in late:
                spend_all(world, month, spent[month])
        sweep_periods(now=day(240))
        for month in late:
            spend_all(world, month, spent[month])

        sweep_periods(now=day(240) + DAY)

        used, carried = by_hand(grants, spent, carries)
        found = {one.grant.pk: one for one in grants_of(budget, now=day(241))}
        in_order = [found[pk] for pk in sorted(found)]
        assert [one.used for one in in_order] == used
        for one in in_order:
            assert one.used + one.left + one.expired == one.grant.amount
        rows = BudgetPeriod.objects.filter(budget=budget).order_by("starts_at")
        assert [row.carried_over for row in rows][:9] == carried
        assert differences(world) == []
