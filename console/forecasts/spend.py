"""What a budget's spend consists of: figures, words and pictures."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from budgets.breakdowns import DayCosts
from console.drawings import Picture
from console.forecasts.figures import ForecastWriter
from lib.money import share
from reports.charts import MOST_GROUPS, bridge_chart, multiples_chart, stacked_chart
from reports.figures import BridgeStep, GroupPoint

DAYS = 30  # that are shown, and as many before them that they are compared with
OTHERS, NOTHING = "all others", "not given"
_MOST_STEPS = 7  # of a bridge, between its ends
_BARS, _SMALL, _COLUMNS = 330, 170, 3  # pixels of the charts, small ones in a row
_AROUND, _LINE = 60, 30
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Breakdown:
    """The spend of the last days by one dimension, and that of as many before."""

    word: str  # "model"
    costs: DayCosts  # as the budget counts, money in the organization's currency
    today: date
    writer: ForecastWriter

    @property
    def days(self) -> Sequence[date]:
        """Return the days that are shown, oldest first."""
        return [self.today - timedelta(ago) for ago in range(DAYS - 1, -1, -1)]

    def totals(self, *, before: bool = False) -> Mapping[str, Decimal]:
        """Return what each name cost in the days, or in as many before them."""
        shift = timedelta(DAYS if before else 0)
        totals: dict[str, Decimal] = defaultdict(lambda: _ZERO)
        for day in self.days:
            for name, cost in self.costs.get(day - shift, {}).items():
                totals[name or NOTHING] += cost
        return totals

    @property
    def groups(self) -> Sequence[str]:
        """Return the names that are told apart, dearest first."""
        totals = self.totals()
        ordered = sorted(totals, key=lambda name: (-totals[name], name))
        more = [OTHERS] if len(ordered) > MOST_GROUPS else []
        return ordered[:MOST_GROUPS] + more


def lead_of(found: Breakdown, name: str) -> str:
    """Say what was spent, and on what the most of it."""
    totals, money = found.totals(), found.writer.money
    total = sum(totals.values(), _ZERO)
    if not total:
        return f"{name} has spent nothing in the last {DAYS} days."
    groups = found.groups
    part = share(totals[groups[0]], total)
    most = f"{groups[0]} is {found.writer.share(part or _ZERO)} of it"
    before = sum(found.totals(before=True).values(), _ZERO)
    return (
        f"{name} has spent {money(total)} in the last {DAYS} days; by {found.word}, "
        f"{most}. In the {DAYS} days before it was {money(before)}."
    )


def pictures_of(found: Breakdown) -> list[Picture]:
    """Draw the days by the groups, each group by itself, and what changed."""
    groups = found.groups
    if not groups:
        return []
    points = list(_points(found, groups))
    rows = list(_rows(points, found, groups))
    small = len(groups) > 1
    return [
        Picture(
            name="co-stacked",
            title=f"Day by day, by {found.word}",
            words=f"Each bar is a day in UTC, in {found.writer.currency}.",
            spec=stacked_chart(points, groups, currency=found.writer.currency),
            height=_BARS,
            columns=("Day", *groups),
            rows=rows,
        ),
        *([_small(found, points, groups, rows)] if small else []),
        _bridge(found),
    ]


def _small(
    found: Breakdown,
    points: Sequence[GroupPoint],
    groups: Sequence[str],
    rows: Sequence[Sequence[str]],
) -> Picture:
    return Picture(
        name="co-each",
        title=f"Each {found.word} by itself",
        words="All on one scale.",
        spec=multiples_chart(points, groups, currency=found.writer.currency),
        height=_SMALL * -(-len(groups) // _COLUMNS),
        columns=("Day", *groups),
        rows=rows,
    )


def _points(found: Breakdown, groups: Sequence[str]) -> Iterator[GroupPoint]:
    for place, day in enumerate(found.days):
        costs: dict[str, Decimal] = dict.fromkeys(groups, _ZERO)
        for name, cost in found.costs.get(day, {}).items():
            shown = name or NOTHING
            costs[shown if shown in costs else OTHERS] += cost
        at = datetime.combine(day, time(), UTC)
        for group, cost in costs.items():
            words = f"{found.writer.day(day)}, {group}: {found.writer.money(cost)}"
            yield GroupPoint(place, at, group, cost, words)


def _rows(
    points: Sequence[GroupPoint], found: Breakdown, groups: Sequence[str]
) -> Iterator[Sequence[str]]:
    for start in range(0, len(points), len(groups)):
        of_day = points[start : start + len(groups)]
        amounts = [found.writer.money(point.cost) for point in of_day]
        yield found.writer.day(of_day[0].at.date()), *amounts


def _bridge(found: Breakdown) -> Picture:
    """Draw how the cost of the days before became that of these."""
    steps = list(_steps(found))
    return Picture(
        name="co-bridge",
        title="What changed",
        words=f"From the {DAYS} days before to the last {DAYS}, by {found.word}.",
        spec=bridge_chart(steps, currency=found.writer.currency),
        height=_AROUND + _LINE * len(steps),
        columns=("Step", "Change", "From", "To"),
        rows=[
            (
                step.name,
                step.label,
                found.writer.money(step.start),
                found.writer.money(step.end),
            )
            for step in steps
        ],
    )


def _steps(found: Breakdown) -> Iterator[BridgeStep]:
    now, before = found.totals(), found.totals(before=True)
    changes = {
        name: now.get(name, _ZERO) - before.get(name, _ZERO) for name in {*now, *before}
    }
    at = sum(before.values(), _ZERO)
    yield _total(found, f"{DAYS} days before", at)
    moved = sorted(
        (name for name in changes if changes[name]),
        key=lambda name: (-abs(changes[name]), name),
    )
    shown = moved[:_MOST_STEPS]
    rest = sum((changes[name] for name in moved[_MOST_STEPS:]), _ZERO)
    for name, change in [(name, changes[name]) for name in shown] + [(OTHERS, rest)]:
        if change:
            yield _step(found, name, at, at + change)
            at += change
    yield _total(found, f"Last {DAYS} days", at)


def _total(found: Breakdown, name: str, amount: Decimal) -> BridgeStep:
    money = found.writer.money(amount)
    return BridgeStep(
        name, _ZERO, amount, is_total=True, words=f"{name}: {money}", label=money
    )


def _step(found: Breakdown, name: str, start: Decimal, end: Decimal) -> BridgeStep:
    sign = "+" if end > start else ""
    change = f"{sign}{found.writer.money(end - start)}"
    return BridgeStep(
        name, start, end, is_total=False, words=f"{name}: {change}", label=change
    )
