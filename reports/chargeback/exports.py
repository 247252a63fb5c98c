"""Chargeback as one of the files that leave the house."""

from collections.abc import Iterator
from datetime import date, datetime

from lib.errors import Invalid
from reports.chargeback.allocation import KEYS, AllocationKey
from reports.chargeback.figures import ChargebackFigures, digest_of, only, written
from reports.chargeback.files import Issue, csv_of, paper_of
from reports.chargeback.reading import by_of
from reports.chargeback.services import charged_back, last_statement
from reports.models import ChargebackStatement
from reports.monthly.services import settings_of
from reports.types import ExportFormat, ExportKind, ExportOrder, Option


def issue_of(
    figures: ChargebackFigures,
    last: ChargebackStatement | None,
    locale: str,
    *,
    now: datetime,
) -> Issue:
    """Return as what *figures* are given out: frozen, if *last* says the same."""
    if last is None or last.sha256 != digest_of(written(figures)):
        return Issue(now, locale)
    replaces = last.replaces.revision if last.replaces else 0
    return Issue(last.made_at, locale, last.sha256, last.revision, replaces)


def _csv(order: ExportOrder) -> Iterator[bytes]:
    """Yield a month's costs by whom they are charged to, in cents."""
    shown, _ = _asked(order)
    yield csv_of(shown)


def _pdf(order: ExportOrder) -> Iterator[bytes]:
    """Yield a month's statement: as it was frozen, where its figures are those."""
    shown, issue = _asked(order)
    yield paper_of(shown, issue, unit=order.options["name"])


def _asked(order: ExportOrder) -> tuple[ChargebackFigures, Issue]:
    organization, month = order.organization, _month_of(order)
    by, key = by_of(order.options["by"]), AllocationKey(order.options["key"])
    whole = charged_back(organization, month, by, key)
    last = last_statement(organization, month, by, key)
    locale = settings_of(organization).locale
    issue = issue_of(whole, last, locale, now=order.now)
    name = order.options["name"]
    shown = only(whole, name) if name else whole
    if shown is None:
        detail = f"{whole.month} has none that is called “{name}”."
        raise Invalid.field("name", detail)
    return shown, issue


def _month_of(order: ExportOrder) -> date:
    """Return the month that is asked for: of UTC, as the days of spend are."""
    start, end = order.window.start, order.window.end
    following = (start.month % 12) + 1
    is_month = start.day == end.day == 1 and end.month == following
    if not is_month or (end - start).days > 31:
        raise Invalid.field("month", "Chargeback is of a whole month: name it.")
    return start.date()


CHARGEBACK = ExportKind(
    name="chargeback",
    title="Chargeback",
    formats={
        "csv": ExportFormat("text/csv", _csv),
        "pdf": ExportFormat("application/pdf", _pdf),
    },
    options=(
        Option("by", "department, team, project, or tag:<name>", default="department"),
        Option("key", "By what shared costs are allocated.", tuple(KEYS), "spend"),
        Option("name", "one department, team, project or customer, else all"),
    ),
)
