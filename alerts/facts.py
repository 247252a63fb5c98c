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
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

from accounts.models import Organization
from alerts.anomalies import HOURLY
from alerts.conditions import read_saved
from alerts.models import Alert, NotAnAnomaly, RuleType
from alerts.rules import RECENT, SLIDING
from alerts.types import EffectiveRule, Facts
from budgets.figures import Position
from budgets.models import Budget
from budgets.status import present_positions
from budgets.thresholds import Basis
from forecasts.detectors import WINDOW
from forecasts.history import midnight_of, since_first_spend, spends_between
from forecasts.outlooks import MOST_DAYS
from forecasts.quiet import quiet_of
from forecasts.series import ALL_ALIKE, Quiet
from lib.money import quantize
from lib.periods import DAY, HOUR, Cadence, Calendar, Window, day_of

FINE_FOR = 365 * DAY  # that "not an anomaly" is remembered
_ZERO = Decimal(0)
_MONTH = 28  # days that weekdays and the means of conditions look back
_BAND = {"expected", "lower", "upper"}

Between = Callable[[datetime, datetime], Decimal]


@dataclass(frozen=True, slots=True)
class Needs:
    """What some rules need to know."""

    days: int = 0  # of history
    hours: int = 0  # likewise
    recent: bool = False
    sliding: frozenset[str] = frozenset()  # windows

    @classmethod
    def by(cls, rules: Iterable[EffectiveRule]) -> "Needs":
        chosen = list(rules)
        return cls(
            max(map(_history_for, chosen), default=0),
            WINDOW + 1 if any(map(_is_hourly, chosen)) else 0,
            any(rule.type == RuleType.VELOCITY for rule in chosen),
            frozenset(rule.window for rule in chosen if rule.type == RuleType.SPIKE),
        )


def _is_hourly(rule: EffectiveRule) -> bool:
    return rule.type == RuleType.ANOMALY and rule.window == HOURLY


def _history_for(rule: EffectiveRule) -> int:
    """Return how many days before today *rule* asks for."""
    if rule.type == RuleType.FORECAST or rule.basis is Basis.FORECAST:
        return MOST_DAYS
    if rule.type in (RuleType.SPIKE, RuleType.THRESHOLD) or _is_hourly(rule):
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
    quiet: Quiet  # the holidays; today is step 0
    midnights: tuple[datetime, ...]  # of the days of history, and of today
    hours: tuple[datetime, ...]  # when they began, and the present one did; or none
    spans: Mapping[str, SlidingSpan]  # of the sliding windows
    recent_from: datetime  # begins the clock hour of a day ago
    until: datetime  # ends the clock hour of now

    @classmethod
    def of(cls, now: datetime, zone: ZoneInfo, needs: Needs, holidays: str) -> "Moment":
        """*holidays*: of which place."""
        today = day_of(now, zone)
        days = range(needs.days, -1, -1)
        hours = range(needs.hours, -1, -1) if needs.hours else ()
        return cls(
            now,
            zone,
            needs,
            today,
            quiet_of(holidays, today) if needs.days else ALL_ALIKE,
            tuple(midnight_of(today - timedelta(days=ago), zone) for ago in days),
            tuple(sorted({_hour_at(now - ago * HOUR, zone).start for ago in hours})),
            {name: SlidingSpan.of(name, now, zone) for name in needs.sliding},
            _hour_at(now - RECENT, zone).start,
            _hour_at(now, zone).end,
        )

    def edges(self) -> list[datetime]:
        """Return where time is cut, ascending; all lie between clock hours."""
        edges = {*self.midnights, *self.hours, self.until}
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
    is_asked = needs.days or needs.hours
    fine = fine_of(organization, positions, now) if is_asked else {}
    by_zone: dict[str, list[Budget]] = defaultdict(list)
    for budget in budgets:
        if budget.pk in positions:
            by_zone[budget.timezone].append(budget)
    found = {}
    for name, group in by_zone.items():
        moment = Moment.of(now, ZoneInfo(name), needs, organization.holiday_calendar)
        edges = moment.edges()
        places = [bisect_left(edges, midnight) for midnight in moment.midnights]
        # A day's fixed charges come at once: they are neither a pace nor an anomaly.
        # What slides is held against amounts, and they are part of it.
        spends = spends_between(
            organization.pk,
            [budget.pk for budget in group],
            edges,
            fixed=bool(moment.spans),
        )
        for budget in group:
            sums = [_ZERO, *accumulate(spends.get(budget.pk, [_ZERO] * len(edges)))]
            days = [sums[end] - sums[start] for start, end in pairwise(places)]
            between = _summing(edges, sums)
            known = fine.get(budget.pk, Fine())
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
    fine: "Fine",
) -> Facts:
    """Put the facts of one budget together.

    *days* are those between the moment's midnights; *between* adds up what it spent.
    """
    needs, window = moment.needs, position.window
    midnight, hours = moment.midnights[-1], moment.hours
    by_hour = [between(*hour) for hour in pairwise(hours)]
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
        quiet=moment.quiet,
        recent=between(recent_from, moment.until) if needs.recent else _ZERO,
        recent_from=recent_from if needs.recent else None,
        sliding={name: span.spent(between) for name, span in moment.spans.items()},
        fine=fine.days,
        hours=since_first_spend(budget, hours, by_hour),
        hour_spent=between(hours[-1], moment.until) if hours else _ZERO,
        hour_began_at=hours[-1] if hours else None,
        fine_hours=fine.hours,
    )


def _hour_at(moment: datetime, zone: ZoneInfo) -> Window:
    return Calendar(Cadence.DAILY, zone).hour_at(moment)


def _summing(edges: Sequence[datetime], sums: Sequence[Decimal]) -> Between:
    """Return what adds up between two of *edges*, or from before the first spend."""

    def between(start: datetime, end: datetime) -> Decimal:
        first = max(bisect_right(edges, start) - 1, 0)
        return sums[bisect_right(edges, end) - 1] - sums[first]

    return between


def said_of(alert: Alert) -> NotAnAnomaly | None:
    """Return what was said of the day or hour of *alert*, with its budget: it is usual.

    None: nobody said so.
    """
    rows = NotAnAnomaly.objects.select_related("budget").filter(
        organization=alert.organization_id, budget=alert.budget_id
    )
    if hour := alert.details.get("hour"):
        return rows.filter(hour_at=hour).first()
    day = alert.details.get("day")
    return rows.filter(day=day, hour_at=None).first() if day else None


def usual_until(said: NotAnAnomaly) -> date:
    """Return the day from which it is forgotten."""
    day: date = said.day + FINE_FOR
    return day


class Fine(NamedTuple):
    """What somebody said was usual for a budget, and what was spent in it."""

    days: Mapping[date, Decimal] = MappingProxyType({})
    hours: Mapping[datetime, Decimal] = MappingProxyType({})


def fine_of(
    organization: Organization, budget_ids: Collection[int], now: datetime
) -> dict[int, Fine]:
    """Return the days and hours that somebody called usual, by budget."""
    rows = NotAnAnomaly.objects.filter(
        organization=organization, day__gte=(now - FINE_FOR).date()
    )
    days: dict[int, dict[date, Decimal]] = defaultdict(dict)
    hours: dict[int, dict[datetime, Decimal]] = defaultdict(dict)
    columns = "budget_id", "day", "hour_at", "amount"
    for budget_id, day, hour_at, amount in rows.values_list(*columns):
        if budget_id not in budget_ids:
            continue
        if hour_at is None:
            days[budget_id][day] = amount
        else:
            hours[budget_id][hour_at] = amount
    return {pk: Fine(days[pk], hours[pk]) for pk in {*days, *hours}}
