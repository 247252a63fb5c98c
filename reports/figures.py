"""The figures that charts are drawn of."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class CostPoint:
    """What was spent, or is expected to be: by a moment, or on the day that begins
    with it. Where the one becomes the other it may be both."""

    at: datetime  # in the zone that it is drawn in
    spent: Decimal | None
    expected: Decimal | None
    lower: Decimal | None
    upper: Decimal | None
    words: str


@dataclass(frozen=True, slots=True)
class Words:
    """What is written into a chart of days, beside its limit."""

    spent: str  # for the legend
    expected: str
    today: str
    currency: str


@dataclass(frozen=True, slots=True)
class Limit:
    """What may be spent."""

    amount: Decimal
    words: str  # "limit $500.00"


@dataclass(frozen=True, slots=True)
class GroupPoint:
    """What one group (a model, a project) cost on one day."""

    place: int  # of the day
    at: datetime  # where it begins, in the zone that it is drawn in
    group: str
    cost: Decimal
    words: str


@dataclass(frozen=True, slots=True)
class UnitPoint:
    """What one of something cost in a stretch of time."""

    place: int  # of the stretch
    at: datetime  # where it begins, in the zone that it is drawn in
    each: Decimal | None  # None: there was none
    words: str


@dataclass(frozen=True, slots=True)
class HeatCell:
    """What one hour of a weekday costs."""

    day: str  # "Mon"
    hour: str  # "09"
    cost: Decimal
    words: str


@dataclass(frozen=True, slots=True)
class BridgeStep:
    """One step of a bridge; amounts count from nothing, as the bridge stands there."""

    name: str
    start: Decimal
    end: Decimal
    is_total: bool  # it stands on the ground
    words: str
    label: str  # beside its bar


@dataclass(frozen=True, slots=True)
class Range:
    """Where something is expected to lie, and where it came to lie."""

    name: str
    middle: Decimal
    lower: Decimal
    upper: Decimal
    outcome: Decimal | None
    words: str
    limit: Decimal | None = None  # of its own


@dataclass(frozen=True, slots=True)
class PlanPoint:
    """A stretch of time beside its plan. What is spent, and what it is expected to come
    to as a whole, with how sure that is."""

    name: str  # "Oct", "17"
    budgeted: Decimal | None
    spent: Decimal | None
    expected: Decimal | None
    lower: Decimal | None
    upper: Decimal | None
    words: str


@dataclass(frozen=True, slots=True)
class PlanWords:
    """What is written into a chart that stands beside a plan."""

    budgeted: str  # for the legend
    spent: str
    expected: str
    currency: str


@dataclass(frozen=True, slots=True)
class Deviation:
    """By how much something is over what was budgeted, or, less than nothing, below."""

    name: str
    amount: Decimal
    label: str  # beside its bar
    words: str
