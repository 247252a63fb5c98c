"""Sharing out what belongs to nobody, so that it adds up exactly. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from lib.money import from_units, to_units


class AllocationKey(StrEnum):
    """By what shared costs are allocated."""

    SPEND = "spend"  # what each cost directly
    REQUESTS = "requests"
    HEADS = "heads"  # persons given, else persons seen
    FIXED = "fixed"  # shares somebody set
    NONE = "none"  # not at all


KEYS = tuple(AllocationKey)


@dataclass(frozen=True, slots=True)
class Unit:
    """One department, team, project or customer, and what it used in a month."""

    name: str
    direct: Decimal = Decimal(0)  # organization's currency
    requests: int = 0
    persons: int = 0  # different users seen
    share: Decimal | None = None  # that somebody set: 0 to 1
    heads: int | None = None  # that somebody gave


@dataclass(frozen=True, slots=True)
class AllocatedLine:
    """What one unit is charged."""

    name: str
    direct: Decimal
    allocated: Decimal
    weight: str = ""  # by which shared costs were allocated, as it was counted

    @property
    def total(self) -> Decimal:
        return self.direct + self.allocated


@dataclass(frozen=True, slots=True)
class Allocation:
    """A month shared out: lines and what is left add up to the month, exactly."""

    lines: tuple[AllocatedLine, ...]  # dearest first
    shared: Decimal  # what belonged to nobody
    unallocated: Decimal  # what of it nobody could be given

    @property
    def total(self) -> Decimal:
        return sum((line.total for line in self.lines), self.unallocated)


def allocate(units: Iterable[Unit], shared: Decimal, key: AllocationKey) -> Allocation:
    """Share *shared* out among *units* by *key*, to ten places.

    What is set in fixed shares that don't come to 1 stays unallocated, and so does all
    of it where nobody has any weight.
    """
    known = sorted(units, key=lambda unit: unit.name)
    weights = {unit.name: _weight(unit, key) for unit in known}
    whole = Fraction(1) if key is AllocationKey.FIXED else sum(weights.values())
    parts = parted(to_units(shared), weights, Fraction(whole))
    lines = [
        AllocatedLine(
            unit.name,
            unit.direct,
            from_units(parts[unit.name]),
            _written(weights[unit.name]),
        )
        for unit in known
        if unit.direct or unit.requests or parts[unit.name]
    ]
    lines.sort(key=lambda line: (-line.total, line.name))
    left = to_units(shared) - sum(parts.values())
    return Allocation(tuple(lines), shared, from_units(left))


def parted(
    units: int, weights: Mapping[str, Fraction], whole: Fraction
) -> dict[str, int]:
    """Part *units* by *weights*, of which *whole* would have all, by the largest
    remainder; of equal ones the first name. Of less than 0 each has less than 0."""
    if not whole:
        return dict.fromkeys(weights, 0)
    sign, units = (-1, -units) if units < 0 else (1, units)
    exact = {name: units * weight / whole for name, weight in weights.items()}
    parts = {name: int(share) for name, share in exact.items()}
    left = round(sum(exact.values())) - sum(parts.values())
    ranked = sorted(exact, key=lambda name: (parts[name] - exact[name], name))
    for name in ranked[:left]:
        parts[name] += 1
    return {name: sign * part for name, part in parts.items()}


def _weight(unit: Unit, key: AllocationKey) -> Fraction:
    match key:
        case AllocationKey.SPEND:
            weight: Decimal | int = unit.direct
        case AllocationKey.REQUESTS:
            weight = unit.requests
        case AllocationKey.HEADS:
            weight = unit.persons if unit.heads is None else unit.heads
        case AllocationKey.FIXED:
            weight = unit.share or 0
        case AllocationKey.NONE:
            weight = 0
    return max(Fraction(weight), Fraction(0))


def _written(weight: Fraction) -> str:
    """Return a weight as it is kept: a number without zeros at its end."""
    number = Decimal(weight.numerator) / Decimal(weight.denominator)
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
