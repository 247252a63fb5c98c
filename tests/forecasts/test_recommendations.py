"""Parting a sum down a tree, against one that gives it out unit by unit."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasts.recommendations import Claim, Division, DoesNotFit, Share, divide
from tests.sizes import examples

CENT = Decimal("0.01")
_WEIGHTS = (1, 2, 4, 8)


def claim(
    number: int, parent: int | None = None, need: object = 0, **bounds: object
) -> Claim:
    as_decimals = {
        name: Decimal(str(value)) if name != "weight" else value
        for name, value in bounds.items()
    }
    return Claim(number, parent, Decimal(str(need)), **as_decimals)  # type: ignore[arg-type]


def amounts(division: Division) -> dict[int, str]:
    return {key: str(share.amount) for key, share in division.shares.items()}


@st.composite
def forests(draw: st.DrawFn) -> list[Claim]:
    money = st.integers(0, 60).map(lambda cents: cents * CENT)
    # Between equals the last units of a sum are given out one by one.
    alike = Claim(0, None, 20 * CENT) if draw(st.booleans()) else None
    claims = []
    for number in range(1, draw(st.integers(1, 8)) + 1):
        parent = draw(st.integers(0, number - 1)) or None
        if alike is not None:
            claims.append(replace(alike, id=number, parent=parent))
            continue
        need, floor = draw(money), draw(money | st.just(Decimal(0)))
        cap = draw(st.none() | money)
        weight = draw(st.sampled_from(_WEIGHTS))
        claims.append(Claim(number, parent, need, weight, floor, cap))
    return claims


class Oracle:
    """The same in the words of its definition, in cents; slow."""

    def __init__(self, claims: Sequence[Claim]) -> None:
        self.claims = {one.id: one for one in claims}
        self.children: dict[int | None, list[Claim]] = {}
        for one in claims:
            self.children.setdefault(one.parent, []).append(one)

    def low(self, one: Claim) -> int:
        below = sum(self.low(child) for child in self.children.get(one.id, ()))
        return max(int(one.floor / CENT), below)

    def wanted(self, one: Claim) -> int:
        below = sum(self.wanted(child) for child in self.children.get(one.id, ()))
        wanted = max(int(one.need / CENT) + below, self.low(one))
        return wanted if one.cap is None else min(wanted, int(one.cap / CENT))

    def fits(self, total: int) -> bool:
        roots = self.children[None]
        return (
            all(
                one.cap is None or self.low(one) <= one.cap / CENT
                for one in self.claims.values()
            )
            and sum(map(self.low, roots)) <= total
            and (len(roots) > 1 or roots[0].cap is None or total <= roots[0].cap / CENT)
        )

    def shares(self, total: int) -> tuple[dict[int, Share], Decimal]:
        roots = self.children[None]
        given, left = self.part(roots, 0, 1, total)
        if len(roots) == 1:
            given, left = {roots[0].id: total}, 0
        shares: dict[int, Share] = {}
        waiting = list(roots)
        for one in waiting:
            waiting += self.children.get(one.id, ())
            below, kept = self.part(
                self.children.get(one.id, ()),
                int(one.need / CENT),
                one.weight,
                given[one.id],
            )
            given |= below
            sums = (given[one.id], kept, self.wanted(one))
            shares[one.id] = Share(*(cents * CENT for cents in sums))
        return shares, left * CENT

    def part(
        self, children: Sequence[Claim], need: int, weight: int, amount: int
    ) -> tuple[dict[int, int], int]:
        most = {one.id: self.wanted(one) for one in children} | {0: need}
        had = {one.id: self.low(one) for one in children} | {0: 0}
        rates = {one.id: one.weight * most[one.id] for one in children}
        rates[0] = weight * need
        for _ in range(amount - sum(had.values())):
            hungry = [one for one in had if had[one] < most[one]]
            if not hungry:
                break
            turn = min(hungry, key=lambda one: Fraction(2 * had[one] + 1, rates[one]))
            had[turn] += 1
        del had[0]
        return had, amount - sum(had.values())


def divided(claims: Sequence[Claim], total: Decimal | None) -> Division | None:
    try:
        return divide(claims, total, unit=CENT)
    except DoesNotFit:
        return None


@settings(max_examples=examples(150, 3_000))
@given(forests(), st.integers(0, 400))
def test_it_is_what_giving_out_unit_by_unit_comes_to(
    claims: list[Claim], cents: int
) -> None:
    oracle = Oracle(claims)

    found = divided(claims, cents * CENT)

    if not oracle.fits(cents):
        assert found is None
        return
    assert found is not None
    assert (dict(found.shares), found.left) == oracle.shares(cents)


@settings(max_examples=examples(150, 3_000))
@given(forests(), st.decimals(0, 4, places=3), st.integers(0, 30))
def test_money_is_conserved_within_bounds_and_grows_with_the_sum(
    claims: list[Claim], total: Decimal, more: int
) -> None:
    found, larger = divided(claims, total), divided(claims, total + more * CENT)

    if found is None:
        return
    _check_conserved(claims, found, total)
    for one in claims:
        amount = found.shares[one.id].amount
        assert one.floor <= amount
        assert one.cap is None or amount <= one.cap
        if larger is not None:
            assert amount <= larger.shares[one.id].amount


def _check_conserved(claims: Sequence[Claim], found: Division, total: Decimal) -> None:
    below: dict[int | None, Decimal] = {}
    for one in claims:
        below[one.parent] = below.get(one.parent, Decimal(0)) + _of(found, one.id)
    assert below[None] + found.left == total
    for one in claims:
        kept = found.shares[one.id].kept
        assert kept >= 0
        assert below.get(one.id, Decimal(0)) + kept == _of(found, one.id)


def _of(found: Division, number: int) -> Decimal:
    return found.shares[number].amount


def test_of_enough_everybody_gets_their_need_and_the_rest_stays_above() -> None:
    tree = [claim(1, need=5), claim(2, 1, 10), claim(3, 1, "7.505")]

    found = divide(tree, Decimal(30), unit=CENT)

    assert amounts(found) == {1: "30.00", 2: "10.00", 3: "7.51"}
    assert found.shares[1].kept == Decimal("12.49")
    assert found.left == 0


def test_without_a_sum_the_top_gets_what_all_need() -> None:
    tree = [claim(1, need=5), claim(2, 1, 10, floor=12), claim(3, 1, 7, cap=4)]

    found = divide(tree, None, unit=CENT)

    assert amounts(found) == {1: "21.00", 2: "12.00", 3: "4.00"}


def test_of_too_little_a_higher_priority_has_its_need_first() -> None:
    tree = [claim(1), claim(2, 1, 10, weight=4), claim(3, 1, 10, weight=1)]

    assert amounts(divide(tree, Decimal(10), unit=CENT))[2] == "8.00"
    assert amounts(divide(tree, Decimal(15), unit=CENT))[2] == "10.00"


def test_a_currency_without_cents_is_parted_in_whole_units() -> None:
    tree = [claim(1), claim(2, 1, 10), claim(3, 1, 10), claim(4, 1, 10)]

    assert amounts(divide(tree, Decimal(20), unit=Decimal(1))) == {
        1: "20",
        2: "7",
        3: "7",
        4: "6",
    }


@pytest.mark.parametrize(
    ("changed", "total", "told"),
    [
        ({2: {"floor": 9, "cap": 8}}, None, (2, 9, 8, [])),
        ({1: {"cap": 10}, 2: {"floor": 4}, 3: {"floor": 7}}, None, (1, 11, 10, [3, 2])),
        ({2: {"floor": 30}}, 20, (None, 30, 20, [1])),
        ({1: {"cap": 10}}, 20, (1, 20, 10, ())),
    ],
    ids=["its own bounds", "floors below a cap", "floors above the sum", "sum"],
)
def test_what_contradicts_is_named(
    changed: Mapping[int, Mapping[str, int]],
    total: int | None,
    told: tuple[int | None, int, int, Sequence[int]],
) -> None:
    tree = [claim(1), claim(2, 1, 5), claim(3, 1, 5)]
    bounds: dict[int, dict[str, Any]] = {
        number: {name: Decimal(amount) for name, amount in given.items()}
        for number, given in changed.items()
    }
    tree = [replace(one, **bounds.get(one.id, {})) for one in tree]

    with pytest.raises(DoesNotFit) as refused:
        divide(tree, None if total is None else Decimal(total), unit=CENT)

    found = refused.value
    assert (found.claim_id, found.least, found.most, found.below) == told


def test_a_large_tree_with_large_sums_is_exact() -> None:
    children = [claim(n, 1, 10**9 + n, weight=1 + n % 3) for n in range(2, 1_002)]
    total = Decimal(10) ** 12 / 3 // CENT * CENT

    found = divide([claim(1), *children], total, unit=CENT)

    _check_conserved([claim(1), *children], found, total)
