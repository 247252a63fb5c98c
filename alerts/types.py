"""Plain values that alerts are made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypedDict
from zoneinfo import ZoneInfo

from budgets.thresholds import Basis
from forecasts.series import ALL_ALIKE, Quiet
from lib.money import format_money, wire
from lib.periods import Window

_MICROSECONDS = 3_600_000_000  # in an hour
_MICROSECOND = timedelta(microseconds=1)
Slot = tuple[str, str]  # type; share or window, "" for the others


class Origin(StrEnum):
    """Where a rule that watches a budget is written down."""

    RULE = "rule"  # an AlertRule
    BUDGET = "budget"  # Budget.alerts
    WARNING = "warning"  # Budget.warning_threshold
    CRITICAL = "critical"  # Budget.critical_threshold
    EXCEEDED = "exceeded"  # the limit itself


@dataclass(frozen=True, slots=True)
class EffectiveRule:
    """One rule as it watches a budget; `budget_id` is the budget that it comes from."""

    type: str
    key: str  # of the alerts it raises
    budget_id: int
    origin: Origin
    severity: str
    threshold: Decimal | None = None
    condition: str = ""
    sensitivity: str = ""
    window: str = ""
    channels: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    message: str = ""
    cooldown_s: int = 0
    rule_id: int | None = None
    enabled: bool = True
    basis: Basis = Basis.SPENT  # of a threshold: what is held against the share
    probability: Decimal | None = None  # of a forecast that is: from which it tells

    @property
    def slot(self) -> Slot:
        if self.type == "threshold":
            return self.type, self.key
        return self.type, self.window

    @property
    def is_timed(self) -> bool:
        """Tell whether it takes the clock to evaluate it, and not amounts alone."""
        return self.type != "threshold" or self.basis is Basis.FORECAST

    def is_inherited_by(self, budget_id: int) -> bool:
        return self.budget_id != budget_id


@dataclass(frozen=True, slots=True)
class Finding:
    """That a rule's condition holds for one budget in one of its periods.

    `threshold` and `value` are shares, probabilities, amounts or amounts an hour, as
    the type has it; all numbers have at most ten places.
    """

    rule_id: int | None  # None: a threshold that the budget itself brings along
    key: str  # "threshold:0.8", "threshold:committed:0.8", "velocity:<rule uid>"
    type: str  # a RuleType
    severity: str
    threshold: Decimal | None  # None: a condition without a single right side
    value: Decimal
    spent: Decimal
    limit: Decimal
    period_starts_at: datetime
    period_ends_at: datetime
    message: str  # the rule's own words, else details["sentence"]
    # "sentence", "formula", "numbers", "band" {"lower", "upper", "expected"}, "drivers"
    # [{"dimension", "name", "amount", "share"}]; amounts are strings of ten places.
    details: dict[str, Any] = field(default_factory=dict)
    channels: tuple[str, ...] = ()  # types or names; empty: the usual ones
    recipients: tuple[str, ...] = ()  # mail addresses; empty: the usual ones
    cooldown_s: int = 0
    basis: Basis = Basis.SPENT  # of a threshold


class NotedDriver(TypedDict):
    """One model, project or user that moved a budget, as an alert's details keep it."""

    dimension: str
    name: str
    amount: str  # organization's currency, ten places
    share: str | None  # of what all cost; None: of nothing


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules evaluate a budget by, at one moment. Amounts are in its currency."""

    now: datetime
    name: str
    currency: str
    zone: ZoneInfo
    window: Window  # the period that contains `now`
    limit: Decimal
    spent: Decimal  # in the period
    today: date  # of the budget's zone
    today_began_at: datetime
    reserved: Decimal = Decimal(0)  # in the period; known of the present alone
    today_spent: Decimal = Decimal(0)
    # Of the days that are over, oldest first, from the first with spend to yesterday.
    days: tuple[Decimal, ...] = ()
    quiet: Quiet = ALL_ALIKE  # the holidays; today is step 0
    # What was spent in this period since `recent_from`, at least a day ago or at the
    # period's start.
    recent: Decimal = Decimal(0)
    recent_from: datetime | None = None  # None: the rates are not asked for
    # By a spike rule's window, up to now; of the clock hour that a window begins in
    # the share that lies in it. An hour is also the clock hour that is just over.
    sliding: Mapping[str, Decimal] = field(default_factory=dict)
    # Days of which somebody said that they were fine, and what was spent on them.
    fine: Mapping[date, Decimal] = field(default_factory=dict)
    # The same of clock hours, by when they began.
    hours: tuple[Decimal, ...] = ()
    hour_spent: Decimal = Decimal(0)  # in the present one
    hour_began_at: datetime | None = None  # None: hours are not asked for
    fine_hours: Mapping[datetime, Decimal] = field(default_factory=dict)

    def money(self, amount: Decimal) -> str:
        """Write *amount* for people."""
        return format_money(amount, self.currency)


@dataclass(frozen=True, slots=True)
class Match:
    """That a rule's condition holds, and why."""

    value: Decimal
    threshold: Decimal | None
    sentence: str
    details: dict[str, Any] = field(default_factory=dict)


def hours_in(took: timedelta) -> Decimal:
    """Return how many hours *took* is, to the microsecond."""
    return Decimal(took // _MICROSECOND) / _MICROSECONDS


def step_of(details: Mapping[str, Any]) -> str | None:
    """Return which day or hour a match is about, ISO 8601; None: about none."""
    step: str | None = details.get("hour") or details.get("day")
    return step


def details_of(
    formula: str,
    numbers: Mapping[str, Decimal],
    band: tuple[Decimal, Decimal, Decimal] | None = None,
) -> dict[str, Any]:
    """Return what a match keeps beside its sentence; *band*: lower, expected, upper."""
    told: dict[str, Any] = {
        "formula": formula,
        "numbers": {name: wire(number) for name, number in numbers.items()},
    }
    if band is not None:
        names = "lower", "expected", "upper"
        told["band"] = dict(zip(names, map(wire, band), strict=True))
    return told
