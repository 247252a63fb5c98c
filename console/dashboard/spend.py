"""What was spent of late: day by day, and what moved since the week before."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from console.dashboard.desk import WEEK, Desk
from ledger.analytics import lines_of
from ledger.costs import CostQuery
from ledger.movements import Movement
from ledger.movers import Movers, movers_of
from lib.humanize import date_words
from lib.money import format_percent, quantize, share, smallest_unit
from lib.periods import DAY, Window

_DAYS = 14  # whole ones that are drawn, and today
MOST_MOVERS = 6
NOT_GIVEN = "not given"
# What movers are told by, and what the page calls it.
MOVED_BY = {
    "team": "team",
    "project": "project",
    "model": "model",
    "user": "person",
}
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class DayBar:
    """What one day in UTC cost, as a bar."""

    words: str
    height: float  # in percent of the dearest day
    cost: Decimal
    url: str
    is_today: bool


@dataclass(frozen=True, slots=True)
class LateSpend:
    """What the last days cost, oldest first; today is the last."""

    bars: Sequence[DayBar]

    @property
    def today(self) -> DayBar:
        return self.bars[-1]

    @property
    def yesterday(self) -> DayBar:
        return self.bars[-2]

    @property
    def any(self) -> bool:
        return any(bar.cost for bar in self.bars)


def late_spend_of(desk: Desk, question: CostQuery) -> LateSpend:
    """Return what each of the last days cost. One statement, of daily spend."""
    first = desk.today.start - _DAYS * DAY
    days = [
        Window(first + place * DAY, first + (place + 1) * DAY)
        for place in range(_DAYS + 1)
    ]
    costs = dict.fromkeys(range(len(days)), _ZERO)
    for line in lines_of(question, (), days):
        costs[line.bucket] += line.sums.cost
    dearest = max(*costs.values(), _ZERO)
    return LateSpend(
        [_bar(desk, day, costs[place], dearest) for place, day in enumerate(days)]
    )


def _bar(desk: Desk, day: Window, cost: Decimal, dearest: Decimal) -> DayBar:
    is_today = day == desk.today
    name = "today so far" if is_today else date_words(day.start)
    return DayBar(
        words=f"{name}: {desk.money(cost)}",
        height=round(float(100 * cost / dearest), 1) if dearest and cost > 0 else 0,
        cost=cost,
        url=desk.records(day),
        is_today=is_today,
    )


@dataclass(frozen=True, slots=True)
class MoverLine:
    """One name whose cost moved: what it was, what it is, and why."""

    name: str
    now: str
    before: str
    change: str
    why: str
    url: str  # of the records it had lately


@dataclass(frozen=True, slots=True)
class MoversPart:
    """What changed since the week before."""

    by: str  # a key of MOVED_BY
    word: str
    lead: str
    lines: Sequence[MoverLine]
    more: int  # names that moved, and are not told


def movers_part(desk: Desk, question: CostQuery, by: str) -> MoversPart:
    """Return what moved, by a dimension of MOVED_BY. One statement, of daily spend."""
    found = movers_of(question, by, before=desk.week_before, now=desk.week)
    moved = sorted(
        ((name, one) for name, one in found.by_name.items() if one.change),
        key=lambda item: (-abs(item[1].change), item[0]),
    )
    shown = moved[:MOST_MOVERS]
    return MoversPart(
        by=by,
        word=MOVED_BY[by],
        lead=_lead(desk, found),
        lines=[_line(desk, by, name, one) for name, one in shown],
        more=len(moved) - len(shown),
    )


def _line(desk: Desk, by: str, name: str, moved: Movement) -> MoverLine:
    narrowed = {by: name} if name else {}
    return MoverLine(
        name=name or NOT_GIVEN,
        now=desk.money(moved.now),
        before=desk.money(moved.before),
        change=signed(desk, moved.change),
        why=_why(desk, moved),
        url=desk.records(desk.week, **narrowed) if name else "",
    )


def _lead(desk: Desk, found: Movers) -> str:
    """Say what the week cost beside the one before, and why."""
    moved, days = found.whole, WEEK.days
    if not moved.now and not moved.before:
        return f"Nothing was spent in the last {2 * days} days."
    spent = f"The last {days} days cost {desk.money(moved.now)}"
    if not moved.change:
        return f"{spent}, as much as the {days} before."
    part = share(abs(moved.change), moved.before)
    percent = f" ({format_percent(part, desk.locale)})" if part else ""
    than = "more" if moved.change > 0 else "less"
    difference = f"{desk.money(abs(moved.change))}{percent} {than}"
    if not moved.before:
        return f"{spent}; in the {days} before nothing was spent."
    return f"{spent}, {difference} than the {days} before: {_why(desk, moved)}."


def _why(desk: Desk, moved: Movement) -> str:
    """Name the parts of a movement that can be seen, the greatest first."""
    if not moved.before:
        return "new"
    if not moved.now:
        return "no longer used"
    parts = sorted(_parts(desk, moved), key=lambda part: -abs(part[1]))
    return ", ".join(f"{name} {signed(desk, amount)}" for name, amount in parts)


def _parts(desk: Desk, moved: Movement) -> Iterator[tuple[str, Decimal]]:
    least = smallest_unit(desk.organization.currency) / 2
    parts = {"volume": moved.volume, "price": moved.price, "mix": moved.mix}
    seen = {name: one for name, one in parts.items() if abs(one) >= least}
    yield from (seen or {"volume": moved.volume}).items()


def signed(desk: Desk, amount: Decimal) -> str:
    """Write a change with its sign: "+$3.00"."""
    sign = "+" if amount > 0 else ""
    return f"{sign}{desk.money(quantize(amount))}"
