"""The months of an organization: which are posted, and which have changed since."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from accounts.models import Organization
from console.budgets.tree_page import organization_asked
from console.journals.accounts_page import accounts_url, has_setup, last_month
from console.pages import Pages, organizations_to_choose
from ledger.analytics import DAY, lines_of
from ledger.closed_months import month_after
from ledger.costs import CostQuery
from lib.money import rounded_to
from reports.journals.amounts import ZERO, unit_of
from reports.journals.setups import setup_of
from reports.journals.spend import window_of
from reports.models import Journal

_MONTHS = 13  # that are listed: those of a year, and the present one


class MonthRow(NamedTuple):
    """One month of the list."""

    month: date
    url: str
    spent: Decimal
    postings: int
    posted: Decimal
    state: str  # of the component `status`
    word: str


def month_url(organization: Organization, month: date) -> str:
    asked = urlencode({"organization": organization.slug, "month": f"{month:%Y-%m}"})
    return f"{reverse('admin:reports_journal_month')}?{asked}"


def months_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Answer the last months, the newest first."""
    organization = organization_asked(request)
    context = pages.page(
        request,
        title="Journals",
        opts=None,
        organization=organization,
        organizations=organizations_to_choose(request),
        rows=list(_rows_of(organization)) if organization else [],
        accounts=accounts_url(organization) if organization else "",
        has_setup=has_setup(organization) if organization else False,
    )
    return TemplateResponse(request, "console/journals/months.html", context)


def _rows_of(organization: Organization) -> Iterator[MonthRow]:
    """Yield the months; three queries."""
    last = last_month(organization)
    months = [month_after(last)]
    while len(months) < _MONTHS:
        months.append((months[-1] - DAY).replace(day=1))
    windows = [window_of(organization, month) for month in months]
    spent = {
        months[line.bucket]: line.sums.cost
        for line in lines_of(CostQuery(organization), (), windows)
    }
    rows = Journal.objects.filter(organization=organization, month__in=months)
    posted = {
        row["month"]: (row["count"], row["amount"])
        for row in rows.order_by()
        .values("month")
        .annotate(count=Count("pk"), amount=Sum("amount"))
    }
    unit = unit_of(organization.currency, setup_of(organization).decimals)
    now = timezone.now()
    for month, window in zip(months, windows, strict=True):
        cost = spent.get(month, ZERO)
        count, amount = posted.get(month, (0, ZERO))
        is_same = rounded_to(cost, unit) == amount
        state, word = _state(
            is_posted=bool(count), is_same=is_same, is_over=now >= window.end
        )
        url = month_url(organization, month)
        yield MonthRow(month, url, cost, count, amount, state, word)


def _state(*, is_posted: bool, is_same: bool, is_over: bool) -> tuple[str, str]:
    if is_posted:
        return ("OK", "Posted") if is_same else ("WARNING", "Changed since")
    if is_same:
        return "NONE", "Nothing spent"
    return ("WARNING", "To be posted") if is_over else ("NONE", "Not over")
