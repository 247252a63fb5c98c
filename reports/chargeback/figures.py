"""What a statement says, in the one form that is hashed. Pure."""

import hashlib
from datetime import date
from decimal import Decimal
from typing import NamedTuple

import msgspec

from lib.money import from_units, rounded_to, to_units, wire
from reports.chargeback.allocation import AllocatedLine, Allocation, AllocationKey

_encode = msgspec.json.Encoder(order="deterministic").encode


class StatementLineKept(msgspec.Struct, frozen=True):
    """One unit's line; amounts as texts of ten places."""

    name: str
    direct: str
    allocated: str
    total: str
    weight: str  # by which shared costs were allocated


class ChargebackFigures(msgspec.Struct, frozen=True):
    """A month's chargeback; amounts as texts of ten places, in *currency*."""

    organization: str  # its slug
    organization_name: str
    currency: str
    month: str  # 2025-01
    by: str
    key: str
    total: str
    shared: str
    unallocated: str
    requests: int
    lines: tuple[StatementLineKept, ...]

    @property
    def first_day(self) -> date:
        return date.fromisoformat(f"{self.month}-01")


def figures_of(
    allocation: Allocation,
    *,
    organization: tuple[str, str],
    currency: str,
    month: date,
    by: str,
    key: AllocationKey,
    requests: int,
) -> ChargebackFigures:
    """*organization*: its slug and its name."""
    slug, name = organization
    return ChargebackFigures(
        organization=slug,
        organization_name=name,
        currency=currency,
        month=f"{month:%Y-%m}",
        by=by,
        key=key.value,
        total=wire(allocation.total),
        shared=wire(allocation.shared),
        unallocated=wire(allocation.unallocated),
        requests=requests,
        lines=tuple(map(_kept, allocation.lines)),
    )


def _kept(line: AllocatedLine) -> StatementLineKept:
    return StatementLineKept(
        name=line.name,
        direct=wire(line.direct),
        allocated=wire(line.allocated),
        total=wire(line.total),
        weight=line.weight,
    )


def written(figures: ChargebackFigures) -> str:
    """Return *figures* as they are kept and hashed: the same for the same."""
    return _encode(figures).decode()


def read(text: str) -> ChargebackFigures:
    return msgspec.json.decode(text, type=ChargebackFigures)


def digest_of(text: str) -> str:
    """Return the SHA-256 of kept figures, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


class ChargebackRow(NamedTuple):
    """A line of a file; amounts to the smallest unit of their currency."""

    name: str
    direct: Decimal
    allocated: Decimal
    total: Decimal


class RoundedRows(NamedTuple):
    """Figures as files have them: all but the total add up to it."""

    lines: tuple[ChargebackRow, ...]
    unallocated: Decimal
    rounding: ChargebackRow  # what the others lack of the total
    total: ChargebackRow


def rounded(figures: ChargebackFigures, unit: Decimal) -> RoundedRows:
    """Round each amount to *unit*; a line says what that comes to in each column."""

    def cents(text: str) -> Decimal:
        return rounded_to(Decimal(text), unit)

    lines = tuple(
        ChargebackRow(
            one.name, cents(one.direct), cents(one.allocated), cents(one.total)
        )
        for one in figures.lines
    )
    left = cents(figures.unallocated)
    direct, given, all_in_all = (
        rounded_to(exact, unit) for exact in _columns_of(figures)
    )
    return RoundedRows(
        lines,
        left,
        ChargebackRow(
            "",
            direct - sum(one.direct for one in lines),
            given - sum(one.allocated for one in lines),
            all_in_all - sum((one.total for one in lines), left),
        ),
        ChargebackRow("", direct, given, all_in_all),
    )


def _columns_of(figures: ChargebackFigures) -> tuple[Decimal, Decimal, Decimal]:
    """Return what was direct, what was allocated, and the total, exactly."""
    direct = sum(to_units(Decimal(one.direct)) for one in figures.lines)
    given = sum(to_units(Decimal(one.allocated)) for one in figures.lines)
    return from_units(direct), from_units(given), Decimal(figures.total)


def only(figures: ChargebackFigures, name: str) -> ChargebackFigures | None:
    """Return the statement of one unit; None: the month has no such unit."""
    for line in figures.lines:
        if line.name == name:
            return msgspec.structs.replace(
                figures,
                lines=(line,),
                total=line.total,
                shared=line.allocated,
                unallocated=wire(Decimal(0)),
            )
    return None
