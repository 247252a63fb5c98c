"""Reading what rules evaluate budgets by: few queries, however many budgets.

Time is cut once for all budgets of a zone (days, and the edges of the windows that are
asked for), and the database adds up each budget's hours by these cuts.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import accumulate, pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from accounts.models import Organization
from alerts.conditions import read_saved
from alerts.models import NotAnAnomaly, RuleType
from alerts.rules import RECENT, SLIDING
from alerts.types import EffectiveRule, Facts
from budgets.figures import Position
from budgets.models import Budget
from budgets.status import present_positions
from budgets.thresholds import Basis
from forecasts.detectors import WINDOW
from forecasts.history import midnight_of, since_first_spend, spends_between
from forecasts.outlooks import MOST_DAYS
from lib.money import quantize
from lib.periods import DAY, Cadence, Calendar, Window, day_of

FINE_FOR = 365 * DAY  # that "not an anomaly" is remembered
_ZERO = Decimal(0)
_MONTH = 28  # days that weekdays and the means of conditions look back
_BAND = {"expected", "lower", "upper"}

Between = Callable[[datetime, datetime], Decimal]


@dataclass(frozen=True, slots=True)
class Needs:
    """What some rules need to know."""

    days: int = 0  # of history
    recent: bool = False
    sliding: frozenset[str] = frozenset()  # windows

    @classmethod
    def by(cls, rules: Iterable[EffectiveRule]) -> "Needs":
        chosen = list(rules)
        return cls(
            max(map(_history_for, chosen), default=0),
            any(rule.type == RuleType.VELOCITY for rule in chosen),
            frozenset(rule.window for rule in chosen if rule.window in SLIDING),
        )


def _history_for(rule: EffectiveRule) -> int:
    """Return how many days before today *rule* asks for."""
    if rule.type == RuleType.FORECAST or rule.basis is Basis.FORECAST:
        return MOST_DAYS
    if rule.type in (RuleType.SPIKE, RuleType.THRESHOLD):
        return 0
    if rule.type != RuleType.ANOMALY:
        return _MONTH
    asked = read_saved(rule.condition, rule.type).names if rule.condition else _BAND
    by_mean = not asked & _BAND
    return (_MONTH if by_mean else WINDOW) + 1


class SlidingSpan(NamedTuple):
    """One sliding window up to now, as clock hours have it."""

    first: Window  # the hour it begins in
    share: Decimal  # of that hour: what lies inside
    last: Window  # the hour of now
    is_hour: bool

    @classmethod
    def of(cls, name: str, now: datetime, zone: ZoneInfo) -> "SlidingSpan":
        start = now - SLIDING[name]
        first = _hour_at(start, zone)
        share = Decimal((first.end - start) / (first.end - first.start))
        return cls(first, share, _hour_at(now, zone), name == "hourly")

    def spent(self, between: Between) -> Decimal:
        first, last = self.first, self.last
        begun, rest = between(first.start, first.end), between(first.end, last.end)
        inside = quantize(begun * self.share) + rest
        if not self.is_hour:
            return inside
        over, going_on = between(first.start, last.start), between(last.start, last.end)
        return max(inside, over, going_on)


@dataclass(frozen=True, slots=True)
class Moment:
    """*now* on the clocks of one zone, and what is looked back at from there."""

    now: datetime
    zone: ZoneInfo
    needs: Needs
    today: date
    midnights: tuple[datetime, ...]  # of the days of history, and of today
    spans: Mapping[str, SlidingSpan]  # of the sliding windows
    recent_from: datetime  # begins the clock hour of a day ago
    until: datetime  # ends the clock hour of now

    @classmethod
    def of(cls, now: datetime, zone: ZoneInfo, needs: Needs) -> "Moment":
        today = day_of(now, zone)
        days = range(needs.days, -1, -1)
        return cls(
            now,
            zone,
            needs,
            today,
            tuple(midnight_of(today - timedelta(days=ago), zone) for ago in days),
            {name: SlidingSpan.of(name, now, zone) for name in needs.sliding},
            _hour_at(now - RECENT, zone).start,
            _hour_at(now, zone).end,
        )

    def edges(self) -> list[datetime]:
        """Return where time is cut, ascending; all lie between clock hours."""
        edges = {*self.midnights, self.until}
        if self.needs.recent:
            edges.add(self.recent_from)
        for span in self.spans.values():
            edges |= {span.first.start, span.first.end, span.last.start}
        return sorted(edges)


def facts_of(
    organization: Organization,
    budgets: Sequence[Budget],
    needs: Needs,
    *,
    now: datetime,
) -> dict[int, Facts]:
    """Return the facts of *budgets* by id; those without a period at *now* have none.

    Two queries, one more where history is asked for, and one for each zone.
    """
    positions = present_positions(organization, budgets, now)
    fine = fine_days(organization, positions, now) if needs.days else {}
    by_zone: dict[str, list[Budget]] = defaultdict(list)
    for budget in budgets:
        if budget.pk in positions:
            by_zone[budget.timezone].append(budget)
    found = {}
    for name, group in by_zone.items():
        moment = Moment.of(now, ZoneInfo(name), needs)
        edges = moment.edges()
        places = [bisect_left(edges, midnight) for midnight in moment.midnights]
        spends = spends_between(organization.pk, [budget.pk for budget in group], edges)
        for budget in group:
            sums = [_ZERO, *accumulate(spends.get(budget.pk, [_ZERO] * len(edges)))]
            days = [sums[end] - sums[start] for start, end in pairwise(places)]
            between = _summing(edges, sums)
            known = fine.get(budget.pk, {})
            found[budget.pk] = assemble(
                budget, moment, positions[budget.pk], days, between, known
            )
    return found


def assemble(
    budget: Budget,
    moment: Moment,
    position: Position,
    days: Sequence[Decimal],
    between: Between,
    fine: Mapping[date, Decimal],
) -> Facts:
    """Put the facts of one budget together.

    *days* are those between the moment's midnights; *between* adds up what it spent.
    """
    needs, window = moment.needs, position.window
    midnight = moment.midnights[-1]
    recent_from = max(moment.recent_from, window.start)
    return Facts(
        now=moment.now,
        name=budget.name,
        currency=budget.currency,
        zone=moment.zone,
        window=window,
        limit=position.limit,
        spent=position.spent,
        reserved=position.reserved,
        today=moment.today,
        today_began_at=midnight,
        today_spent=between(midnight, moment.until),
        days=since_first_spend(budget, moment.midnights, days),
        recent=between(recent_from, moment.until) if needs.recent else _ZERO,
        recent_from=recent_from if needs.recent else None,
        sliding={name: span.spent(between) for name, span in moment.spans.items()},
        fine=fine,
    )


def _hour_at(moment: datetime, zone: ZoneInfo) -> Window:
    return Calendar(Cadence.DAILY, zone).hour_at(moment)


def _summing(edges: Sequence[datetime], sums: Sequence[Decimal]) -> Between:
    """Return what adds up between two of *edges*, or from before the first spend."""

    def between(start: datetime, end: datetime) -> Decimal:
        first = max(bisect_right(edges, start) - 1, 0)
        return sums[bisect_right(edges, end) - 1] - sums[first]

    return between


def fine_days(
    organization: Organization, budget_ids: Collection[int], now: datetime
) -> dict[int, dict[date, Decimal]]:
    """Return the days of which somebody said that they were fine, by budget."""
    rows = NotAnAnomaly.objects.filter(
        organization=organization, day__gte=(now - FINE_FOR).date()
    )
    found: dict[int, dict[date, Decimal]] = defaultdict(dict)
    for budget_id, day, amount in rows.values_list("budget_id", "day", "amount"):
        if budget_id in budget_ids:
            found[budget_id][day] = amount
    return found
