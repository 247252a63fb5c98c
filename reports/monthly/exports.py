"""The monthly report as one of the files that leave the house."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from accounts.audit import current_actor
from budgets.models import Budget
from lib.errors import Invalid
from lib.lookups import row_or_none
from lib.query_params import month_of
from reports.monthly.services import document_now
from reports.types import ExportFormat, ExportKind, ExportOrder, Option


def _pieces(order: ExportOrder) -> Iterator[bytes]:
    """Yield the month's report: the final one where there is one, else a draft."""
    organization = order.organization
    zone = ZoneInfo(organization.timezone)
    first = order.window.start.astimezone(zone)
    if order.window != month_of(f"{first:%Y-%m}", "month", zone=zone):
        raise Invalid.field("month", "A report is of a whole month: name it.")
    document, _ = document_now(
        organization,
        first.date(),
        _budget(order),
        by=current_actor(),
        now=order.now,
        progress=order.tell,
    )
    yield document


def _budget(order: ExportOrder) -> Budget | None:
    uid = order.options["budget"]
    if not uid:
        return None
    rows = Budget.objects.filter(organization=order.organization)
    found = row_or_none(rows.select_related("organization"), uid)
    if found is None:
        raise Invalid.field("budget", "There is no such budget.")
    return found


MONTHLY_REPORT = ExportKind(
    name="monthly-report",
    title="Monthly report",
    formats={"pdf": ExportFormat("application/pdf", _pieces)},
    options=(Option("budget", "the id of the budget it is of, else of all"),),
    local=True,
)
