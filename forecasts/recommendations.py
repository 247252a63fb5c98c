"""What each budget of a tree should get of a sum: exact at every level. Pure.

An amount is parted, level by level, into what a budget keeps for itself and the amounts
of those below it: that always adds up. Where there is enough, everybody gets what they
need and the rest stays, unallocated, with the one above. Where there is not, all fill
up together, each in proportion to what it needs times the weight of its priority,
until it has that: nobody gets less than its floor, or more than its cap.

The smallest units of money go, one after the other, to whoever has the least of their
proportion (Webster's method, begun at the floors). Rounding by largest remainders would
take a cent away from one where the sum grows.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from lib.money import units_up

_STEPS = 2**64  # that the common level is looked for in; only the speed depends on it


@dataclass(frozen=True, slots=True)
class Claim:
    """What one budget of a tree needs; amounts in one currency for all."""

    id: int
    parent: int | None  # its amount is part of that one's; of none, of the sum itself
    need: Decimal  # for what those below it are not charged for
    weight: int = 1  # at least 1
    floor: Decimal = Decimal(0)
    cap: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """What one budget gets."""

    amount: Decimal
    kept: Decimal  # of it, what those below it do not get
    wanted: Decimal  # that it would get of enough money: its needs within its bounds


@dataclass(frozen=True, slots=True)
class Division:
    """A sum, as it is parted; *left* is what nobody gets."""

    shares: Mapping[int, Share]
    left: Decimal


class DoesNotFit(Exception):
    """Floors, caps and sum contradict each other: *least* is more than *most*.

    *claim_id* is the one whose bounds do; None: the sum. *below* are those whose floors
    make up the least; empty: its own does.
    """

    def __init__(
        self,
        claim_id: int | None,
        least: Decimal,
        most: Decimal,
        below: Sequence[int] = (),
    ) -> None:
        super().__init__(f"{claim_id}: at least {least}, at most {most}")
        self.claim_id = claim_id
        self.least = least
        self.most = most
        self.below = below


def divide(
    claims: Iterable[Claim], total: Decimal | None, *, unit: Decimal
) -> Division:
    """Part *total* among *claims*; None: as much as they want. Amounts are whole units.

    What of *total* is no whole unit stays with the one at the top. Where there are
    several, what they don't need is left; one alone gets all. Of equal claims the
    first is rounded up.

    Raises:
        DoesNotFit: it can't be done.
    """
    forest = _Forest(claims, unit)
    whole, rest = forest.wanted, Decimal(0)
    if total is not None:
        whole, rest = int(total // unit), total % unit
    shares, left = forest.shares(whole, rest)
    return Division(shares, left)


class _Part(NamedTuple):
    """One of those that share an amount; in units."""

    low: int
    high: int
    weight: int


@dataclass(slots=True)
class _Node:
    claim: Claim
    children: list["_Node"] = field(default_factory=list)
    need: int = 0
    low: int = 0  # that it and those below it must get
    cap: int | None = None
    wanted: int = 0

    @property
    def part(self) -> _Part:
        return _Part(self.low, self.wanted, self.claim.weight)


class _Forest:
    """The claims by who is below whom, with what each must and wants to get."""

    def __init__(self, claims: Iterable[Claim], unit: Decimal) -> None:
        self.unit = unit
        nodes = {claim.id: _Node(claim) for claim in claims}
        self.roots: list[_Node] = []
        for node in nodes.values():
            above = nodes.get(node.claim.parent or 0)
            (self.roots if above is None else above.children).append(node)
        self.order = list(self.roots)  # each before those below it
        for node in self.order:
            self.order += node.children
        for node in reversed(self.order):
            self._bind(node)
        self.wanted = sum(root.wanted for root in self.roots)

    def shares(self, whole: int, rest: Decimal) -> tuple[dict[int, Share], Decimal]:
        """Part so many units and *rest*, which is less than one."""
        self._check(whole, rest)
        is_alone = len(self.roots) == 1
        amounts, left = _parted(self.roots, _Part(0, 0, 1), whole)
        if is_alone:
            amounts, left = [amounts[0] + left], 0
        given = {
            root.claim.id: amount
            for root, amount in zip(self.roots, amounts, strict=True)
        }
        shares = {}
        for node in self.order:
            amount = given[node.claim.id]
            own = _Part(0, node.need, node.claim.weight)
            amounts, kept = _parted(node.children, own, amount)
            for child, part in zip(node.children, amounts, strict=True):
                given[child.claim.id] = part
            extra = rest if is_alone and node is self.roots[0] else Decimal(0)
            shares[node.claim.id] = Share(
                amount * self.unit + extra,
                kept * self.unit + extra,
                node.wanted * self.unit,
            )
        return shares, left * self.unit + (Decimal(0) if is_alone else rest)

    def _bind(self, node: _Node) -> None:
        """Find what *node* must and wants to get; those below it are done."""
        claim, unit = node.claim, self.unit
        below = sum(child.low for child in node.children)
        node.need = units_up(claim.need, unit)
        node.low = max(units_up(claim.floor, unit), below)
        wanted = node.need + sum(child.wanted for child in node.children)
        node.wanted = max(wanted, node.low)
        if claim.cap is None:
            return
        node.cap = int(claim.cap // unit)
        if node.low > node.cap:
            is_own = units_up(claim.floor, unit) > node.cap
            least = claim.floor if is_own else below * unit
            names = [] if is_own else _bound(node.children)
            raise DoesNotFit(claim.id, least, claim.cap, names)
        node.wanted = min(node.wanted, node.cap)

    def _check(self, whole: int, rest: Decimal) -> None:
        low = sum(root.low for root in self.roots)
        total = whole * self.unit + rest
        if low > whole:
            raise DoesNotFit(None, low * self.unit, total, _bound(self.roots))
        top = self.roots[0].claim if len(self.roots) == 1 else None
        if top is not None and top.cap is not None and total > top.cap:
            raise DoesNotFit(top.id, total, top.cap)


def _bound(nodes: Iterable[_Node]) -> list[int]:
    """Return who of *nodes* must get something, those who must get most first."""
    found = [node for node in nodes if node.low]
    found.sort(key=lambda node: -node.low)
    return [node.claim.id for node in found]


def _parted(nodes: Sequence[_Node], own: _Part, amount: int) -> tuple[list[int], int]:
    """Part *amount*, which is enough for all floors; return what is kept last."""
    parts = [*(node.part for node in nodes), own]
    if sum(part.high for part in parts) <= amount:
        given = [part.high for part in parts[:-1]]
        return given, amount - sum(given)
    *given, kept = _filled(parts, amount)
    return given, kept


def _filled(parts: Sequence[_Part], amount: int) -> list[int]:
    """Give *amount* out unit by unit: the next one always to whoever's next half unit
    is the smallest part of what it wants by its weight.

    The level up to which all are filled is found first, so that few units are given
    out one by one.
    """
    rates = [part.weight * part.high for part in parts]

    def up_to(level: int) -> list[int]:
        return [
            min(max((2 * level * rate + _STEPS) // (2 * _STEPS), part.low), part.high)
            for part, rate in zip(parts, rates, strict=True)
        ]

    low, high = 0, _STEPS  # there all have what they want
    while high - low > 1:
        middle = (low + high) // 2
        if sum(up_to(middle)) <= amount:
            low = middle
        else:
            high = middle
    given = up_to(low)
    for place in _next(given, parts, rates, amount - sum(given)):
        given[place] += 1
    return given


def _next(
    given: Sequence[int], parts: Sequence[_Part], rates: Sequence[int], count: int
) -> Iterator[int]:
    """Yield who gets each of the next *count* units."""
    waiting = [
        (Fraction(2 * had + 1, 2 * rate), place, had + 1)
        for place, (had, part, rate) in enumerate(zip(given, parts, rates, strict=True))
        if had < part.high
    ]
    heapify(waiting)
    for _ in range(count):
        _, place, had = heappop(waiting)
        yield place
        if had < parts[place].high:
            turn = Fraction(2 * had + 1, 2 * rates[place])
            heappush(waiting, (turn, place, had + 1))
