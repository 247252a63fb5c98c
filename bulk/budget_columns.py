"""The columns of a sheet of budgets, and the cells of one."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from budgets.models import Budget, Enforcement, Priority, RolloverMode
from budgets.scopes import DIMENSION_OF
from bulk.columns import BulkColumn
from bulk.forms import (
    AmountCells,
    DayCells,
    ListCells,
    PairsCells,
    ShareCells,
    TextCells,
    WordCells,
)
from bulk.types import Cell
from lib.periods import DAY, Cadence, day_of, start_of


def _scope(name: str) -> BulkColumn:
    words = f"whose spend counts: {name}"
    return BulkColumn(name, ListCells(), words, path=f"scope.{name}", emptied=[])


COLUMNS = (
    BulkColumn("id", TextCells(), "of a budget that is there"),
    BulkColumn("name", TextCells(), "how it is called"),
    BulkColumn("parent", TextCells(), "above it: its names from the top down, or id"),
    BulkColumn("like", TextCells(), "whose other settings and rules a new one takes"),
    BulkColumn("amount", AmountCells(), "of each period", is_money=True),
    BulkColumn("currency", TextCells(), "such as USD; or tokens, or requests"),
    BulkColumn("period", WordCells([one.value for one in Cadence]), "how long one is"),
    BulkColumn("timezone", TextCells(), "in which days begin, such as Europe/Berlin"),
    BulkColumn("start_date", DayCells(), "its first day"),
    BulkColumn("end_date", DayCells(), "its last day", emptied=None),
    BulkColumn("owner", TextCells(), "a mail address", emptied=None),
    BulkColumn("enforcement", WordCells(tuple(Enforcement.values)), "hard stops calls"),
    BulkColumn("priority", WordCells(tuple(Priority.values)), "for scarce money"),
    BulkColumn("warning_threshold", ShareCells(), "from when on it is a warning"),
    BulkColumn("critical_threshold", ShareCells(), "from when on it is critical"),
    BulkColumn(
        "rollover",
        WordCells(tuple(RolloverMode.values)),
        "what goes into the next period",
        path="rollover.mode",
    ),
    BulkColumn(
        "rollover_cap",
        ShareCells(),
        "at most this share",
        path="rollover.cap",
        emptied=None,
    ),
    *map(_scope, DIMENSION_OF),
    BulkColumn("tags", PairsCells(), "whose use counts", path="scope.tags", emptied={}),
    BulkColumn("note", TextCells(), "for people", emptied=""),
)


def cells_of_budget(budget: Budget, above: str) -> dict[str, Cell]:
    """Return the cells of *budget*, which is below what *above* names ("": at the top),
    so that a line of them changes nothing. No query: its owner is at hand."""
    zone, forms = ZoneInfo(budget.timezone), _FORMS
    scope = {
        name: forms[name].write(budget.scope.get(name))
        for name in (*DIMENSION_OF, "tags")
    }
    cap = budget.rollover_cap
    return {
        "name": budget.name,
        "parent": above or None,
        "amount": budget.amount,
        "currency": budget.currency,
        "period": str(budget.period),
        "timezone": budget.timezone,
        "start_date": _first_day(budget.starts_at, zone),
        "end_date": _last_day(budget.ends_at, zone),
        "owner": budget.owner.email if budget.owner else None,
        "enforcement": str(budget.enforcement),
        "priority": str(budget.priority),
        "warning_threshold": ShareCells().write(budget.warning_threshold),
        "critical_threshold": ShareCells().write(budget.critical_threshold),
        "rollover": str(budget.rollover_mode),
        "rollover_cap": ShareCells().write(cap),
        **scope,
        "note": budget.note or None,
    }


_FORMS = {column.name: column.form for column in COLUMNS}


def _first_day(moment: datetime, zone: ZoneInfo) -> date | str:
    day = day_of(moment, zone)
    return day if start_of(day, zone) == moment else moment.isoformat()


def _last_day(moment: datetime | None, zone: ZoneInfo) -> date | str | None:
    if moment is None:
        return None
    day = day_of(moment, zone)
    return day - DAY if start_of(day, zone) == moment else moment.isoformat()
