"""What people ask for without a sheet, as the lines of one: copies and edits."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from accounts.models import Organization
from budgets.models import Budget
from bulk.forms import EMPTY
from bulk.named import BETWEEN, NamedBudgets
from bulk.types import BulkLine, Cell
from lib.errors import Invalid
from lib.money import rounded_to, smallest_unit
from lib.periods import DAY, day_of

MOST_PERCENT = Decimal(10_000)  # of growth
_HUNDRED = Decimal(100)
_YEAR = re.compile(r"(?<!\d)(20\d\d)(?!\d)")
EDITABLE = (
    *("amount", "owner", "enforcement", "priority", "warning_threshold"),
    *("critical_threshold", "rollover", "rollover_cap", "start_date", "end_date"),
    *("parent", "note"),
)


def grown(amount: Decimal, percent: Decimal, currency: str) -> Decimal:
    """Return *amount* and *percent* of it more, in whole smallest units."""
    more = amount * (_HUNDRED + percent) / _HUNDRED
    return rounded_to(more, smallest_unit(currency))


def named_anew(name: str, year: int) -> str:
    """Return the name of a copy for *year*: that stands where the year before stood."""
    before = str(year - 1)
    if before in _YEAR.findall(name):
        return _YEAR.sub(
            lambda one: str(year) if one.group() == before else one.group(), name
        )
    return f"{name} {year}"


def lines_of_copy(
    organization: Organization, asked: Mapping[str, Any], *, now: datetime
) -> list[BulkLine]:
    """Return lines that make a budget and all in use below it anew, from a day on.

    *asked*: `budget` (its uid), `first_day`, `percent` of growth, `ends` (whether the
    present ones end the day before). What templates made they make anew themselves.

    Raises:
        Invalid: there is no such budget.
    """
    named = NamedBudgets(organization)
    top = named.named(str(asked["budget"]), "budget")
    first = date.fromisoformat(asked["first_day"])
    copies = list(_copies(named, top, first, Decimal(asked["percent"])))
    ends = list(_ends(named, top, first)) if asked["ends"] else []
    return [BulkLine(place, cells) for place, cells in enumerate([*ends, *copies], 1)]


def _below(named: NamedBudgets, top: Budget) -> Iterator[Budget]:
    for row in named.rows.values():
        is_below = row.tree_id == top.tree_id and top.lft <= row.lft < top.rght
        if is_below and row.template_of_id is None:
            yield row


def _copies(
    named: NamedBudgets, top: Budget, first: date, percent: Decimal
) -> Iterator[dict[str, Cell]]:
    ways: dict[int, str] = {}
    for row in _below(named, top):
        is_top = row.pk == top.pk
        above = named.ways.get(row.parent_id or 0, "") if is_top else ""
        above = above or ways.get(row.parent_id or 0, "")
        name = named_anew(row.name, first.year) if is_top else row.name
        ways[row.pk] = f"{above}{BETWEEN}{name}" if above else name
        yield {
            "name": name,
            "parent": above or None,
            "like": str(row.uid),
            "amount": grown(row.amount, percent, row.currency),
            "start_date": first,
            "end_date": _end_of_copy(row, first),
        }


def _end_of_copy(row: Budget, first: date) -> Cell:
    """Return the last day of a copy that begins on *first* and lasts as long as *row*;
    without an end it has none either."""
    if row.ends_at is None:
        return EMPTY
    zone = ZoneInfo(row.timezone)
    begun, ended = day_of(row.starts_at, zone), day_of(row.ends_at, zone)
    years = first.year - begun.year
    if (first.month, first.day) == (begun.month, begun.day):
        return _years_later(ended, years) - DAY
    return first + (ended - begun) - DAY


def _years_later(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # the 29th of February
        return day.replace(year=day.year + years, month=3, day=1)


def _ends(named: NamedBudgets, top: Budget, first: date) -> Iterator[dict[str, Cell]]:
    """Yield lines that end the present ones the day before, the lowest first."""
    for row in reversed(list(_below(named, top))):
        zone = ZoneInfo(row.timezone)
        ends_later = row.ends_at is None or day_of(row.ends_at, zone) > first
        if ends_later and day_of(row.starts_at, zone) < first:
            yield {"id": str(row.uid), "end_date": first - DAY}


def lines_of_edit(
    organization: Organization, asked: Mapping[str, Any]
) -> list[BulkLine]:
    """Return lines that change the same in several budgets.

    *asked*: `budgets` (uids), `cells` (of the columns EDITABLE, as texts) and `percent`
    (by which the amounts grow).

    Raises:
        Invalid: there is no such budget, or nothing to be changed.
    """
    named = NamedBudgets(organization)
    cells, percent = dict(asked.get("cells") or {}), asked.get("percent")
    if unknown := sorted(cells.keys() - set(EDITABLE)):
        raise Invalid.field("cells", f"{unknown[0]} can't be edited for several.")
    if not cells and percent is None:
        raise Invalid("Say what is to be changed.")
    rows: Sequence[Budget] = [
        named.named(str(uid), "budgets") for uid in asked["budgets"]
    ]
    return [
        BulkLine(place, {"id": str(row.uid), **cells, **_grown_cell(row, percent)})
        for place, row in enumerate(rows, 1)
    ]


def _grown_cell(row: Budget, percent: Any) -> dict[str, Cell]:
    if percent is None:
        return {}
    return {"amount": grown(row.amount, Decimal(percent), row.currency)}
