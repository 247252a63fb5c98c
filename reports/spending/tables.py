"""The answer to a question: rows of names, their sums, and what they were before."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from zoneinfo import ZoneInfo

from accounts.models import Organization
from ledger.analytics import Sums, combinations, lines_of
from ledger.models import Attribution
from lib.humanize import clock, date_words
from lib.periods import Window
from reports.charts import MOST_GROUPS
from reports.spending.questions import LONGEST, SpendQuestion

MOST_COLUMNS = 12  # of a dimension; the others stand in one
OTHERS = "all others"
MOST_AT_ONCE = 50_000  # days, or hours, of attributions that a page waits for
_HOURS = 24  # of a day
Names = tuple[str, ...]
_ZERO = Decimal(0)
_UTC = ZoneInfo("UTC")


@dataclass(slots=True)
class SpendLine:
    """One row: what the combination of *names* came to, "" where one was not given."""

    names: Names
    now: Sums = field(default_factory=Sums)
    before: Sums = field(default_factory=Sums)
    cells: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))


@dataclass(frozen=True, slots=True)
class SpendTable:
    """All rows, the greatest first, and what they add up to.

    A record with several tags is in the row of each, and in *total* once.
    """

    question: SpendQuestion
    columns: Sequence[str]  # names of what goes across, in their order
    lines: Sequence[SpendLine]
    total: SpendLine

    def measured(self, sums: Sums) -> Decimal:
        return measured(sums, self.question.measure)


def measured(sums: Sums, measure: str) -> Decimal:
    """Return what is asked for of *sums*: a cost, or a count."""
    if measure == "requests":
        return Decimal(sums.requests)
    if measure == "tokens":
        return Decimal(sums.input_tokens + sums.output_tokens)
    return sums.cost


def is_long(question: SpendQuestion, organization: Organization) -> bool:
    """Tell whether so much may have to be added up that a page should not wait for it.

    One query, of what it may be about.
    """
    ids = question.costs(organization).attribution_ids()
    if ids is None:
        rows = Attribution.objects.filter(organization=organization)
        count = rows[:MOST_AT_ONCE].count()
    else:
        count = len(ids)
    days = question.days * (_HOURS if question.interval == "hour" else 1)
    return count * (2 * days if question.compare else days) > MOST_AT_ONCE


def table_of(question: SpendQuestion, organization: Organization) -> SpendTable:
    """Return the rows of *question*. One statement, and that of its filters.

    Of days that are whole by daily spend; of hours, by the cost records.
    """
    by_time = question.across in LONGEST
    buckets = question.buckets(question.across) if by_time else [question.window]
    names = [words_of(one, question.across) for one in buckets] if by_time else []
    asked = [*buckets, question.before] if question.compare else buckets
    is_split = bool(question.across) and not by_time
    groups = (*question.by, question.across) if is_split else question.by
    lines: dict[Names, SpendLine] = {}
    total = SpendLine(())
    for found in lines_of(question.costs(organization), groups, asked):
        is_now = found.bucket < len(buckets)
        (total.now if is_now else total.before).add(found.sums)
        value = measured(found.sums, question.measure)
        if by_time and is_now:
            total.cells[names[found.bucket]] += value
        for combination in combinations(found.group):
            row = combination[: len(question.by)]
            line = lines.setdefault(row, SpendLine(row))
            (line.now if is_now else line.before).add(found.sums)
            if not is_now:
                continue
            if by_time:
                line.cells[names[found.bucket]] += value
            elif is_split:
                line.cells[combination[-1]] += value
                total.cells[combination[-1]] += value
    return _arranged(question, names, lines, total, is_split=is_split)


def _arranged(
    question: SpendQuestion,
    names: Sequence[str],
    lines: Mapping[Names, SpendLine],
    total: SpendLine,
    *,
    is_split: bool,
) -> SpendTable:
    """Put rows and columns in order: the greatest first, time as it goes."""
    columns = list(names)
    if is_split:
        ordered = sorted(total.cells, key=lambda name: (-total.cells[name], name))
        columns, rest = ordered[:MOST_COLUMNS], ordered[MOST_COLUMNS:]
        if rest:
            columns.append(OTHERS)
            for line in (*lines.values(), total):
                others = [line.cells.pop(name, _ZERO) for name in rest]
                line.cells[OTHERS] = sum(others, _ZERO)

    def rank(line: SpendLine) -> tuple[Decimal, Decimal, Names]:
        amounts = (measured(one, question.measure) for one in (line.now, line.before))
        now, before = amounts
        return -now, -before, line.names

    return SpendTable(question, columns, sorted(lines.values(), key=rank), total)


def words_of(bucket: Window, interval: str) -> str:
    """Name one interval by its beginning: "9 Nov 2026", "9 Nov 2026, 14:00"."""
    if interval == "hour":
        return clock(bucket.start, _UTC)
    if interval == "month":
        return f"{bucket.start:%b %Y}"
    day = date_words(bucket.start)
    return f"from {day}" if interval == "week" else day


@dataclass(frozen=True, slots=True)
class SpendCourse:
    """What the greatest names came to in each interval, in their order."""

    interval: str
    buckets: Sequence[Window]
    groups: Sequence[str]  # the greatest first; OTHERS last, if there are any
    amounts: Sequence[Mapping[str, Decimal]]  # of each bucket, by group

    @property
    def any(self) -> bool:
        return any(one for amounts in self.amounts for one in amounts.values())


def course_of(question: SpendQuestion, organization: Organization) -> SpendCourse:
    """Return how the first dimension of *question* went. One statement, as above."""
    interval = question.interval
    buckets = question.buckets(interval)
    found: list[dict[str, Decimal]] = [defaultdict(Decimal) for _ in buckets]
    totals: dict[str, Decimal] = defaultdict(Decimal)
    groups = question.by[:1]
    for line in lines_of(question.costs(organization), groups, buckets):
        value = measured(line.sums, question.measure)
        for (name,) in combinations(line.group):
            found[line.bucket][name] += value
            totals[name] += value
    ordered = sorted(totals, key=lambda name: (-totals[name], name))
    shown = ordered[:MOST_GROUPS]
    more = [OTHERS] if len(ordered) > len(shown) else []
    amounts = [dict(_folded(one, shown, has_others=bool(more))) for one in found]
    return SpendCourse(interval, buckets, [*shown, *more], amounts)


def _folded(
    amounts: Mapping[str, Decimal], shown: Sequence[str], *, has_others: bool
) -> Iterator[tuple[str, Decimal]]:
    for name in shown:
        yield name, amounts.get(name, _ZERO)
    if has_others:
        rest = (one for name, one in amounts.items() if name not in shown)
        yield OTHERS, sum(rest, _ZERO)
