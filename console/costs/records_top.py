"""What a list of cost records is of: chips to take away, how many, how much."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import Count, Q, Sum
from django.http import HttpRequest, QueryDict

from accounts.access import visible_to
from accounts.tenants import person
from budgets.models import Budget
from console.pages import budgets_of, row_of
from ledger.lists import USUAL, WHEN, moment_of
from ledger.models import DIMENSIONS, Attribution, CostRecord
from lib.humanize import clock, stretch
from lib.periods import Window, start_of

MOST_SUMMED = 50_000  # records; beyond them a list says "more than"
_CONTENTS = Q(requests__gt=0)  # corrections of a price are no records of their own
_CALLED = {"q": "usage id"}
_NARROWING = {"budget", "attribution", "since", "until", "q", *DIMENSIONS}
_PRICED = {"no": "unpriced so far", "reported": "cost named by the sender"}


class Chip(NamedTuple):
    """One thing a list is narrowed by, and the address of the list without it."""

    words: str
    without: str


@dataclass(frozen=True, slots=True)
class RecordsTop:
    """What stands above a list of cost records."""

    chips: list[Chip]
    budget: Budget | None
    period: str  # "1 to 30 November 2026", "last 7 days"
    records: int | None  # None: the list is all that there is
    cost: Decimal | None
    is_cut: bool  # there are more than were added up
    currency: str


def top_of(request: HttpRequest, changelist: Any) -> RecordsTop:
    """Return it; adds up a list that is narrowed to something. At most four queries."""
    asked = request.GET
    budget = row_of(budgets_of(request), asked["budget"]) if "budget" in asked else None
    period = _period(asked.get("since"), asked.get("until"), budget)
    chips = list(_chips(asked, changelist, budget, period))
    if asked.get("attribution"):
        chips.append(_attribution_chip(request, changelist))
    is_narrowed = bool(set(asked) & _NARROWING)
    records, cost = _summed(changelist) if is_narrowed else (None, None)
    first = next(iter(changelist.result_list), None)
    return RecordsTop(
        chips=chips,
        budget=budget,
        period=period or _lately(asked),
        records=records and min(records, MOST_SUMMED),
        cost=cost,
        is_cut=bool(records and records > MOST_SUMMED),
        currency=first.organization.currency if first else "",
    )


def _summed(changelist: Any) -> tuple[int, Decimal | None]:
    """Return how many usages are listed and what they cost. Two queries."""
    rows = CostRecord.objects.filter(
        pk__in=changelist.queryset.order_by().values("pk")[: MOST_SUMMED + 1]
    )
    found = rows.aggregate(
        records=Count("pk", filter=_CONTENTS), cost=Sum("total_cost")
    )
    return found["records"], found["cost"]


def _chips(
    asked: QueryDict, changelist: Any, budget: Budget | None, period: str
) -> Iterator[Chip]:
    for words, *names in _narrowings(asked, budget, period):
        if words:
            yield Chip(words, changelist.get_query_string(remove=names))


def _attribution_chip(request: HttpRequest, changelist: Any) -> Chip:
    mine = visible_to(person(request), Attribution.objects.all())
    found = row_of(mine, request.GET["attribution"])
    words = str(found) if found else "an attribution that is not there"
    return Chip(words, changelist.get_query_string(remove=["attribution"]))


def _narrowings(
    asked: QueryDict, budget: Budget | None, period: str
) -> Iterator[tuple[str, ...]]:
    """Yield what a list is narrowed by, "" where it is not, and the names of that."""
    if "budget" in asked:
        yield f"charged to {budget.name if budget else 'none you see'}", "budget"
    when = "" if period else asked.get("when", "")
    yield period, "since", "until"
    yield "" if when == USUAL else WHEN.get(when, "").lower(), "when"
    yield _PRICED.get(asked.get("priced", ""), ""), "priced"
    for name in (*DIMENSIONS, "q"):
        value = asked.get(name)
        yield f"{_CALLED.get(name, name)} {value}" if value else "", name


def _period(since: str | None, until: str | None, budget: Budget | None) -> str:
    """Say a stretch of time in days where it is whole ones; "" where none is asked."""
    start, end = moment_of(since), moment_of(until)
    zone = ZoneInfo(budget.timezone if budget else "UTC")
    if start and end and start < end:
        window = Window(start, end)
        if all(_is_midnight(one, zone) for one in (start, end)):
            return stretch(window, zone)
        return f"{clock(start, zone)} to {clock(end, zone)}"
    if start:
        return f"from {clock(start, zone)}"
    return f"until {clock(end, zone)}" if end else ""


def _lately(asked: QueryDict) -> str:
    """Say how far back a list looks that asks for no dates; a search, at all times."""
    when = asked.get("when") or ("all" if "q" in asked else USUAL)
    return "" if when == "all" else WHEN.get(when, "").lower()


def _is_midnight(moment: datetime, zone: ZoneInfo) -> bool:
    return start_of(moment.astimezone(zone).date(), zone) == moment.astimezone(UTC)
