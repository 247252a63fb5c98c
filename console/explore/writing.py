"""What a question comes to, written out for one reader, with the way on from it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal

from accounts.columns import NONE
from accounts.models import Organization
from console.costs.records_top import Chip
from console.drawings import Picture
from ledger.addresses import records_address
from ledger.analytics import TAG
from ledger.models import DIMENSIONS
from lib.humanize import date_words
from lib.money import format_money, format_percent, share
from lib.periods import DAY
from reports.charts import stacked_chart
from reports.figures import GroupPoint
from reports.spending.questions import LONGEST, SPANS, SpendQuestion
from reports.spending.tables import (
    OTHERS,
    SpendCourse,
    SpendLine,
    SpendTable,
    words_of,
)

MOST_LINES = 200  # of a table; files have all
NOT_GIVEN = "not given"
WORDS = {
    "model": "model",
    "model_version": "model version",
    "provider": "provider",
    "department": "department",
    "team": "team",
    "project": "project",
    "environment": "environment",
    "user": "person",
    "tag": "tag",
}
MEASURED = {"cost": "Cost", "requests": "Calls", "tokens": "Tokens"}
_HEIGHT = 330  # pixels


@dataclass(frozen=True, slots=True)
class Door:
    """What is shown in a cell, and where it leads; "" to nowhere."""

    shown: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class ExploreRow:
    """One row of the table."""

    names: Sequence[Door]
    cells: Sequence[Door]
    total: Door
    part: str  # of all
    before: str
    change: str
    note: str  # what has no price


@dataclass(frozen=True, slots=True)
class ExploreWriter:
    """Writes the answers to one question."""

    question: SpendQuestion
    organization: Organization
    locale: str

    @property
    def unit(self) -> str:
        """What amounts are in: a currency, or what is counted."""
        measure = self.question.measure
        return str(self.organization.currency) if measure == "cost" else measure

    def amount(self, value: Decimal) -> str:
        return format_money(value, self.unit, self.locale)

    def signed(self, value: Decimal) -> str:
        return f"+{self.amount(value)}" if value > 0 else self.amount(value)

    def address(self, question: SpendQuestion) -> str:
        return f"?organization={self.organization.slug}&{question.query()}"

    # -- Words

    def lead(self, table: SpendTable) -> str:
        """Say the answer first."""
        asked, total = self.question, table.measured(table.total.now)
        when = _when(asked)
        if not total and not table.lines:
            return f"Nothing was used {when}."
        verb = "spent" if asked.measure == "cost" else "used"
        text = f"{self.organization.name} {verb} {self.amount(total)} {when}"
        if table.lines:
            text += self._greatest(table, total)
        if not asked.compare:
            return f"{text}."
        return f"{text}. {self._compared(table, total)}"

    def _greatest(self, table: SpendTable, total: Decimal) -> str:
        first = table.lines[0]
        part = share(table.measured(first.now), total)
        name = " / ".join(one or NOT_GIVEN for one in first.names)
        if not part or len(table.lines) == 1:
            return ""
        return f"; {name} is {format_percent(part, self.locale)} of it"

    def _compared(self, table: SpendTable, total: Decimal) -> str:
        before = table.measured(table.total.before)
        window = self.question.before
        period = f"{date_words(window.start)} to {date_words(window.end - DAY)}"
        if not before:
            return f"Before, {period}, it was nothing."
        part = share(abs(total - before), before)
        percent = f" ({format_percent(part, self.locale)})" if part else ""
        than = "more" if total > before else "less"
        moved = self.amount(abs(total - before))
        return f"That is {moved}{percent} {than} than from {period}."

    # -- The table

    def columns(self, table: SpendTable) -> list[str]:
        return [name or NOT_GIVEN for name in table.columns]

    def rows(self, table: SpendTable) -> list[ExploreRow]:
        total = table.measured(table.total.now)
        return [self._row(table, one, total) for one in table.lines[:MOST_LINES]]

    def _row(self, table: SpendTable, line: SpendLine, whole: Decimal) -> ExploreRow:
        now, before = table.measured(line.now), table.measured(line.before)
        part = share(now, whole)
        return ExploreRow(
            names=list(self._names(line)),
            cells=[self._cell(line, name) for name in table.columns],
            total=Door(self.amount(now), self._behind(line)),
            part=format_percent(part, self.locale) if part else "",
            before=self.amount(before) if self.question.compare else "",
            change=self.signed(now - before) if self.question.compare else "",
            note=_unpriced(line),
        )

    def total(self, table: SpendTable) -> ExploreRow:
        """Write what all rows come to."""
        line = table.total
        now, before = table.measured(line.now), table.measured(line.before)
        return ExploreRow(
            names=(),
            cells=[self._cell(line, name) for name in table.columns],
            total=Door(self.amount(now), self._behind(line)),
            part="",
            before=self.amount(before) if self.question.compare else "",
            change=self.signed(now - before) if self.question.compare else "",
            note=_unpriced(line),
        )

    def _names(self, line: SpendLine) -> Iterator[Door]:
        """Yield the names of a row: each leads to what is within it."""
        for dimension, name in zip(self.question.by, line.names, strict=True):
            is_tag = dimension == TAG and not name
            url = (
                "" if is_tag else self.address(self.question.narrowed(dimension, name))
            )
            yield Door(name or NOT_GIVEN, url)

    def _cell(self, line: SpendLine, column: str) -> Door:
        value = line.cells.get(column, Decimal(0))
        across = self.question.across
        if not value:
            return Door(NONE)
        if across in LONGEST or column == OTHERS:
            return Door(self.amount(value))
        return Door(self.amount(value), self._behind(line, (across, column)))

    def _behind(self, line: SpendLine, *also: tuple[str, str]) -> str:
        """Return the records behind a number, or what they are by something else.

        A list of records is narrowed by one value of a dimension, and by no tag.
        """
        named = [*zip(self.question.by, line.names, strict=False), *also]
        values = {name: list(one) for name, one in self.question.values.items()}
        values |= {name: [value] for name, value in named}
        is_listed = not self.question.tags and all(
            name in DIMENSIONS and len(each) == 1 and each[0]
            for name, each in values.items()
        )
        if is_listed:
            narrowed = {name: each[0] for name, each in values.items()}
            slug, window = self.organization.slug, self.question.window
            return records_address(slug, window, **narrowed)
        asked = self.question
        for name, value in named:
            if name == TAG and not value:
                return ""
            asked = asked.narrowed(name, value)
        return self.address(asked) if named else ""

    # -- What narrows it

    def chips(self) -> list[Chip]:
        asked = self.question
        return [
            Chip(
                f"{WORDS[name]} {value or NOT_GIVEN}",
                self.address(asked.without(name, value)),
            )
            for name, value in asked.filters
        ]

    # -- The picture

    def picture(self, course: SpendCourse) -> Picture:
        groups = [name or NOT_GIVEN for name in course.groups]
        by = WORDS[self.question.by[0]]
        return Picture(
            name="co-course",
            title=f"{MEASURED[self.question.measure]} by {by}",
            words=f"Each bar is {_A[course.interval]} in UTC, in {self.unit}.",
            spec=stacked_chart(
                list(self._points(course)),
                groups,
                currency=self.unit,
                interval=course.interval,
            ),
            height=_HEIGHT,
            columns=(course.interval.capitalize(), *groups),
            rows=[
                (
                    words_of(bucket, course.interval),
                    *(self.amount(amounts[name]) for name in course.groups),
                )
                for bucket, amounts in zip(course.buckets, course.amounts, strict=True)
            ],
        )

    def _points(self, course: SpendCourse) -> Iterator[GroupPoint]:
        parts = zip(course.buckets, course.amounts, strict=True)
        for place, (bucket, amounts) in enumerate(parts):
            when = words_of(bucket, course.interval)
            for name in course.groups:
                shown = name or NOT_GIVEN
                words = f"{when}, {shown}: {self.amount(amounts[name])}"
                at = bucket.start.astimezone(UTC)
                yield GroupPoint(place, at, shown, amounts[name], words)


_A = {"hour": "an hour", "day": "a day", "week": "a week", "month": "a month"}


def _when(asked: SpendQuestion) -> str:
    if asked.span == "days":
        first, last = date_words(asked.first), date_words(asked.last)
        return f"on {first}" if first == last else f"from {first} to {last}"
    words = SPANS[asked.span].lower()
    return f"in the {words}" if asked.span.isdigit() else words


def _unpriced(line: SpendLine) -> str:
    count = line.now.unpriced
    return f"{count:,} without a price" if count else ""
