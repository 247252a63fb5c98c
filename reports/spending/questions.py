"""A question to the ledger as an address has it: by what, across what, and when."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.http import QueryDict

from accounts.models import Organization
from ledger.analytics import GROUPS, TAG, intervals_in
from ledger.costs import LONGEST_VALUE, CostQuery
from ledger.models import DIMENSIONS
from lib.errors import Invalid
from lib.periods import DAY, Window
from lib.query_params import day_of_text

MOST_BY = 3  # dimensions whose combinations are rows
MOST_FILTERS = 50  # values in all
LONGEST_QUERY = 4_000  # characters of a question that is kept
SPANS = {
    "today": "Today",
    "7": "Last 7 days",
    "30": "Last 30 days",
    "90": "Last 90 days",
    "month": "This month",
    "last": "Last month",
    "year": "This year",
    "days": "Chosen days",
}
USUAL_SPAN = "30"
MEASURES = ("cost", "requests", "tokens")
# Intervals, and how many days may at most be told by them.
LONGEST = {"hour": 3, "day": 93, "week": 750, "month": 3_700}
FILTERS = (*DIMENSIONS, "model_version")
_UTC = ZoneInfo("UTC")
_FIRST, _LAST = date(2000, 1, 1), date(2100, 1, 1)


@dataclass(frozen=True, slots=True)
class SpendQuestion:
    """What somebody wants to know of an organization's spend; days are in UTC.

    Several values of one dimension are alternatives, "" is what names none; every
    dimension and every tag has to hold.
    """

    first: date
    last: date  # included
    span: str = USUAL_SPAN
    by: tuple[str, ...] = ("model",)
    across: str = ""  # a dimension, an interval, or "": no columns
    measure: str = "cost"
    compare: bool = False
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tags: tuple[str, ...] = ()

    @property
    def window(self) -> Window:
        return Window(_midnight(self.first), _midnight(self.last + DAY))

    @property
    def before(self) -> Window:
        """Return the time it is compared with: as many days, right before it; of a
        month, the same days of the month before."""
        if self.span in {"month", "last"}:
            end = self.first
            start = (end - DAY).replace(day=1)
            length = self.last - self.first + DAY
            if self.span == "month":
                end = min(start + length, end)
            return Window(_midnight(start), _midnight(end))
        length = self.window.end - self.window.start
        return Window(self.window.start - length, self.window.start)

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def interval(self) -> str:
        """Return what its chart goes by."""
        if self.across in LONGEST:
            return self.across
        return next(
            (name for name, most in LONGEST.items() if self.days <= most), "month"
        )

    def buckets(self, interval: str) -> list[Window]:
        """Return the intervals of its time; the first and the last may be cut."""
        window = self.window
        return [
            Window(max(one.start, window.start), min(one.end, window.end))
            for one in intervals_in(window, interval, _UTC)
        ]

    def costs(self, organization: Organization) -> CostQuery:
        return CostQuery(
            organization, values=self.values, tags=[[tag] for tag in self.tags]
        )

    # -- As an address

    def query(self) -> str:
        """Return the query of an address that asks this."""
        query = QueryDict(mutable=True)
        for name, value in self._said():
            query.appendlist(name, value)
        return query.urlencode()

    def _said(self) -> Iterator[tuple[str, str]]:
        for name in self.by:
            yield "by", name
        yield "across", self.across
        yield "span", self.span
        if self.span == "days":
            yield "start", self.first.isoformat()
            yield "end", self.last.isoformat()
        yield "measure", self.measure
        if self.compare:
            yield "compare", "1"
        for name, values in self.values.items():
            for value in values:
                yield name, value
        for tag in self.tags:
            yield TAG, tag

    def narrowed(self, dimension: str, value: str) -> "SpendQuestion":
        """Return the question about one value, by whatever comes next."""
        rest = tuple(one for one in self.by if one != dimension)
        named = {*self.values, dimension}
        following = (one for one in (*_DEEPER, *DIMENSIONS) if one not in named)
        by = rest or (next(following, "model"),)
        across = "" if self.across == dimension else self.across
        if dimension == TAG:
            tags = (*self.tags, value) if value else self.tags
            return replace(self, by=by, across=across, tags=tags)
        values = {**self.values, dimension: (value,)}
        return replace(self, by=by, across=across, values=values)

    def without(self, dimension: str, value: str) -> "SpendQuestion":
        """Return the question without one of its filters."""
        if dimension == TAG:
            return replace(self, tags=tuple(one for one in self.tags if one != value))
        left = {
            name: kept
            for name, values in self.values.items()
            if (kept := _left(name, values, dimension, value))
        }
        return replace(self, values=left)

    @property
    def filters(self) -> list[tuple[str, str]]:
        """Return what narrows it: dimension and value."""
        found = [(name, one) for name, values in self.values.items() for one in values]
        return found + [(TAG, tag) for tag in self.tags]


_DEEPER = ("team", "project", "model", "user")  # what one looks at next


def _left(
    name: str, values: Iterable[str], dimension: str, value: str
) -> tuple[str, ...]:
    return tuple(one for one in values if (name, one) != (dimension, value))


def question_of(query: QueryDict, today: date) -> SpendQuestion:
    """Read a question; what is left out is as usual.

    Raises:
        Invalid: a name that is unknown, days that are none or too many for what they
            are told by, or far too many filters.
    """
    span = _known(query, "span", SPANS, USUAL_SPAN)
    first, last = _days(query, span, today)
    found = SpendQuestion(
        first=first,
        last=last,
        span=span,
        by=_by(query.getlist("by")),
        across=_known(query, "across", (*GROUPS, *LONGEST), ""),
        measure=_known(query, "measure", MEASURES, "cost"),
        compare=bool(query.get("compare")),
        values=_values(query),
        tags=tuple(dict.fromkeys(one for one in query.getlist(TAG) if one)),
    )
    _check(found)
    return found


def _check(found: SpendQuestion) -> None:
    if len(found.filters) > MOST_FILTERS:
        raise Invalid.field("filter", f"Narrow it by at most {MOST_FILTERS} values.")
    if any(len(value) > LONGEST_VALUE for _, value in found.filters):
        detail = f"A value has at most {LONGEST_VALUE} characters."
        raise Invalid.field("filter", detail)
    if found.across in found.by:
        detail = f"“{found.across}” is in the rows already: choose something else."
        raise Invalid.field("across", detail)
    most = LONGEST.get(found.across)
    if most is not None and found.days > most:
        detail = (
            f"Columns by the {found.across} have room for {most} days, not "
            f"{found.days}: choose fewer days, or longer stretches."
        )
        raise Invalid.field("across", detail)
    if found.days > LONGEST["month"]:
        raise Invalid.field("end", f"Choose at most {LONGEST['month']:,} days.")


def _known(query: QueryDict, name: str, known: Iterable[str], usual: str) -> str:
    value = query.get(name) or usual
    words = list(known)
    if value != usual and value not in words:
        detail = f"“{value[:40]}” is unknown; there are {', '.join(words)}."
        raise Invalid.field(name, detail)
    return value


def _by(names: Sequence[str]) -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(name for name in names if name)) or ("model",)
    if unknown := [name for name in wanted if name not in GROUPS]:
        detail = f"“{unknown[0][:40]}” is unknown; there are {', '.join(GROUPS)}."
        raise Invalid.field("by", detail)
    if len(wanted) > MOST_BY:
        raise Invalid.field("by", f"Rows are of at most {MOST_BY} dimensions.")
    return wanted


def _values(query: QueryDict) -> dict[str, tuple[str, ...]]:
    return {
        name: tuple(dict.fromkeys(query.getlist(name)))
        for name in FILTERS
        if name in query
    }


def _days(query: QueryDict, span: str, today: date) -> tuple[date, date]:
    """Return the first and the last day."""
    month = today.replace(day=1)
    if span == "days":
        return _chosen(query)
    known = {
        "today": (today, today),
        "month": (month, today),
        "last": ((month - DAY).replace(day=1), month - DAY),
        "year": (today.replace(month=1, day=1), today),
    }
    if span in known:
        return known[span]
    return today - timedelta(int(span) - 1), today


def _chosen(query: QueryDict) -> tuple[date, date]:
    first = day_of_text(query.get("start", ""), "start")
    last = day_of_text(query.get("end", ""), "end")
    for name, day in (("start", first), ("end", last)):
        if not _FIRST <= day < _LAST:
            raise Invalid.field(name, "Must lie between the years 2000 and 2099.")
    if last < first:
        raise Invalid.field("end", "Must not be before the first day.")
    return first, last


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
