from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.money import to_units
from reports.chargeback.allocation import (
    KEYS,
    Allocation,
    AllocationKey,
    Unit,
    allocate,
)
from reports.chargeback.figures import ChargebackFigures, figures_of, rounded

CENT = Decimal("0.01")
amounts = st.integers(-(10**15), 10**17).map(lambda units: Decimal(units).scaleb(-10))
shares = st.integers(0, 10**7).map(lambda units: Decimal(units).scaleb(-8))
units_used = st.lists(
    st.builds(
        Unit,
        name=st.text("abcdef", min_size=1, max_size=3),
        direct=amounts,
        requests=st.integers(-5, 10**6),
        persons=st.integers(0, 500),
        share=st.none() | shares,
        heads=st.none() | st.integers(0, 500),
    ),
    max_size=9,
    unique_by=lambda unit: unit.name,
)


def shared_out(key: str, shared: str, **of: Unit) -> dict[str, str]:
    found = allocate(of.values(), Decimal(shared), AllocationKey(key))
    return {line.name: f"{line.allocated:f}" for line in found.lines}


def figures(allocation: Allocation) -> ChargebackFigures:
    return figures_of(
        allocation,
        organization=("acme", "Acme"),
        currency="USD",
        month=date(2025, 1, 1),
        by="team",
        key=AllocationKey.SPEND,
        requests=1,
    )


def test_shared_costs_go_by_what_each_spent() -> None:
    found = allocate(
        [Unit("ml", Decimal(30), 1), Unit("web", Decimal(10), 1)],
        Decimal(8),
        AllocationKey.SPEND,
    )

    lines = [
        (line.name, line.direct, line.allocated, line.total) for line in found.lines
    ]
    assert lines == [("ml", 30, 6, 36), ("web", 10, 2, 12)]
    assert (found.unallocated, found.total) == (0, 48)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        pytest.param("requests", ("6.0000000000", "2.0000000000"), id="requests"),
        pytest.param("heads", ("2.0000000000", "6.0000000000"), id="heads given"),
        pytest.param("fixed", ("4.0000000000", "2.0000000000"), id="fixed"),
        pytest.param("none", ("0.0000000000", "0.0000000000"), id="none"),
    ],
)
def test_each_key_counts_what_it_says(key: str, expected: tuple[str, str]) -> None:
    ml = Unit("ml", Decimal(1), 300, 7, Decimal("0.5"), 1)
    web = Unit("web", Decimal(1), 100, 3, Decimal("0.25"))

    found = shared_out(key, "8", ml=ml, web=web)

    assert (found["ml"], found["web"]) == expected


def test_what_does_not_divide_goes_to_the_largest_remainders() -> None:
    thirds = {name: Unit(name, Decimal(1), 1) for name in "cab"}

    found = shared_out("spend", "0.0000000002", **thirds)

    assert found == {"a": "0.0000000001", "b": "0.0000000001", "c": "0.0000000000"}


def test_what_nobody_can_be_given_stays_unallocated() -> None:
    found = allocate([Unit("ml", Decimal(0), 1)], Decimal(5), AllocationKey.SPEND)

    assert (found.unallocated, found.total) == (5, 5)
    assert [line.allocated for line in found.lines] == [0]


@given(units_used, amounts, st.sampled_from(KEYS))
def test_money_is_conserved_and_parted_as_exactly_as_ten_places_can(
    used: list[Unit], shared: Decimal, key: AllocationKey
) -> None:
    found = allocate(used, shared, key)

    direct = sum((unit.direct for unit in used), Decimal(0))
    assert found.total == direct + shared
    given_out = sum((line.allocated for line in found.lines), Decimal(0))
    assert given_out + found.unallocated == shared
    for line in found.lines:
        assert line.allocated * shared >= 0
    weights = {line.name: Fraction(line.weight) for line in found.lines}
    whole = 1 if key is AllocationKey.FIXED else sum(weights.values())
    for line in found.lines:
        exact = to_units(shared) * weights[line.name] / whole if whole else Fraction(0)
        assert abs(to_units(line.allocated) - exact) < Fraction(1)


@given(units_used, amounts)
def test_files_add_up_in_cents(used: list[Unit], shared: Decimal) -> None:
    kept = figures(allocate(used, shared, AllocationKey.SPEND))

    rows = rounded(kept, CENT)

    shown = [*rows.lines, rows.rounding]
    assert sum(row.direct for row in shown) == rows.total.direct
    assert sum(row.allocated for row in shown) == rows.total.allocated
    total = sum((row.total for row in shown), rows.unallocated)
    assert total == rows.total.total
    assert abs(rows.rounding.total) <= CENT * (len(rows.lines) + 2) / 2
