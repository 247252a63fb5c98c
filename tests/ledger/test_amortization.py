from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.amortization import Amortization, ChargeInterval, months_after
from lib.money import from_units
from lib.periods import day_of, start_of

DAY = timedelta(days=1)
days = st.dates(date(2000, 1, 1), date(2090, 1, 1))
amounts = st.integers(1, 10**17).map(from_units)
ZONES = ("UTC", "Pacific/Apia", "America/St_Johns", "Europe/Berlin", "Asia/Kolkata")


@given(amounts, days, st.integers(0, 400), st.sampled_from(ZONES))
def test_the_days_of_a_charge_add_up_to_it_in_any_zone(
    amount: Decimal, start: date, length: int, zone: str
) -> None:
    last = start + length * DAY
    terms = Amortization(amount, ChargeInterval.ONCE, start, last)
    booked: dict[date, Decimal] = {}
    for day in terms.days(start, last + 9 * DAY):
        begins = start_of(day, ZoneInfo(zone))
        booked[day] = terms.part_of(day)
        assert start_of(day_of(begins, ZoneInfo(zone)), ZoneInfo(zone)) == begins

    assert sum(booked.values()) == amount == terms.whole
    even = amount / len(booked)
    assert all(abs(part - even) <= Decimal("1E-10") for part in booked.values())


@given(
    amounts,
    days,
    st.sampled_from([ChargeInterval.MONTHLY, ChargeInterval.ANNUAL]),
    st.integers(1, 4),
)
def test_each_interval_of_a_charge_that_goes_on_adds_up_to_its_amount(
    amount: Decimal, start: date, interval: ChargeInterval, count: int
) -> None:
    terms = Amortization(amount, interval, start)
    months = 12 if interval == ChargeInterval.ANNUAL else 1
    begins = [months_after(start, place * months) for place in range(count + 1)]
    for begun, ended in pairwise(begins):
        if ended.year > 2098:
            break
        parts = [terms.part_of(day) for day in terms.days(begun, ended)]
        assert sum(parts) == amount == terms.between(begun, ended)


@given(amounts, days, st.integers(1, 400), st.sampled_from(ChargeInterval), st.data())
def test_any_two_stretches_of_a_charge_add_up_to_both(
    amount: Decimal,
    start: date,
    length: int,
    interval: ChargeInterval,
    data: st.DataObject,
) -> None:
    terms = Amortization(amount, interval, start, start + length * DAY)
    within = st.dates(start - 40 * DAY, start + 450 * DAY)
    first, second, third = sorted(data.draw(st.tuples(within, within, within)))

    both = terms.between(first, second) + terms.between(second, third)

    assert both == terms.between(first, third)
    assert both == sum(
        (terms.part_of(day) for day in terms.days(first, third)), Decimal()
    )


@pytest.mark.parametrize(
    ("terms", "day", "part"),
    [
        pytest.param(
            Amortization(Decimal(310), ChargeInterval.MONTHLY, date(2025, 1, 1)),
            date(2025, 1, 31),
            Decimal(10),
            id="the last of January",
        ),
        pytest.param(
            Amortization(Decimal(280), ChargeInterval.MONTHLY, date(2025, 1, 1)),
            date(2025, 2, 3),
            Decimal(10),
            id="a day of February is dearer",
        ),
        pytest.param(
            Amortization(Decimal(31), ChargeInterval.MONTHLY, date(2025, 1, 31)),
            date(2025, 2, 28),
            Decimal(1),
            id="from the 31st on, the next begins on the last of February",
        ),
        pytest.param(
            Amortization(Decimal(366), ChargeInterval.ANNUAL, date(2024, 1, 1)),
            date(2024, 2, 29),
            Decimal(1),
            id="a leap day",
        ),
        pytest.param(
            Amortization(
                Decimal(31), ChargeInterval.MONTHLY, date(2025, 1, 1), date(2025, 1, 9)
            ),
            date(2025, 1, 10),
            Decimal(0),
            id="after its end",
        ),
    ],
)
def test_a_day_has_its_even_part_of_the_interval(
    terms: Amortization, day: date, part: Decimal
) -> None:
    assert terms.part_of(day) == part
