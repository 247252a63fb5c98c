"""The columns of a sheet of budgets, and the cells of one."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from budgets.models import Budget, Enforcement, Priority, RolloverMode
from budgets.scopes import DIMENSION_OF
from bulk.columns import Column
from bulk.forms import (
    AmountForm,
    DayForm,
    ListForm,
    PairsForm,
    ShareForm,
    TextForm,
    WordForm,
)
from bulk.types import Cell
from lib.periods import DAY, Cadence, day_of, start_of


def _scope(name: str) -> Column:
    words = f"whose spend counts: {name}"
    return Column(name, ListForm(), words, path=f"scope.{name}", emptied=[])


COLUMNS = (
    Column("id", TextForm(), "of a budget that is there"),
    Column("name", TextForm(), "how it is called"),
    Column("parent", TextForm(), "above it: its names from the top down, or id"),
    Column("like", TextForm(), "whose other settings and rules a new one takes"),
    Column("amount", AmountForm(), "of each period", is_money=True),
    Column("currency", TextForm(), "such as USD; or tokens, or requests"),
    Column("period", WordForm([one.value for one in Cadence]), "how long one is"),
    Column("timezone", TextForm(), "in which days begin, such as Europe/Berlin"),
    Column("start_date", DayForm(), "its first day"),
    Column("end_date", DayForm(), "its last day", emptied=None),
    Column("owner", TextForm(), "a mail address", emptied=None),
    Column("enforcement", WordForm(tuple(Enforcement.values)), "hard refuses calls"),
    Column("priority", WordForm(tuple(Priority.values)), "when there is too little"),
    Column("warning_threshold", ShareForm(), "from when on it is a warning"),
    Column("critical_threshold", ShareForm(), "from when on it is critical"),
    Column(
        "rollover",
        WordForm(tuple(RolloverMode.values)),
        "what goes into the next period",
        path="rollover.mode",
    ),
    Column(
        "rollover_cap",
        ShareForm(),
        "at most this share",
        path="rollover.cap",
        emptied=None,
    ),
    *map(_scope, DIMENSION_OF),
    Column("tags", PairsForm(), "whose spend counts", path="scope.tags", emptied={}),
    Column("note", TextForm(), "for people", emptied=""),
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
        "warning_threshold": ShareForm().write(budget.warning_threshold),
        "critical_threshold": ShareForm().write(budget.critical_threshold),
        "rollover": str(budget.rollover_mode),
        "rollover_cap": ShareForm().write(cap),
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
