"""The page of one run: what it has spent of its cap, its calls and its usage."""

from collections.abc import Callable
from decimal import Decimal

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString

from budgets.models import Reservation, Run
from console.controls.reservation_page import state_of
from console.pages import Pages, row_or_404
from console.templatetags.console import status
from ledger.models import CostRecord
from lib.humanize import locale_of
from lib.money import format_money, format_percent

MOST = 100  # calls, and records, shown
_NEARLY = Decimal("0.8")  # of the cap


def run_page(request: HttpRequest, pages: Pages, asked: str) -> HttpResponse:
    """Answer the page of one run. Two queries for what it was spent on."""
    rows = pages.get_queryset(request).select_related("organization")
    run: Run = row_or_404(rows, asked, "run")
    locale, currency = locale_of(request), run.organization.currency

    def money(amount: Decimal) -> str:
        return format_money(amount, currency, locale)

    mine = {"organization": run.organization_id, "run_id": run.run_id}
    calls = list(Reservation.objects.filter(**mine).order_by("-pk")[: MOST + 1])
    records = CostRecord.objects.filter(**mine).select_related("attribution")
    used = list(records.order_by("-timestamp", "-pk")[: MOST + 1])
    context = pages.page(
        request,
        title=f"Run {run.run_id}",
        way=[(run.pk, run.run_id)],
        run=run,
        currency=currency,
        state=standing_of(run),
        sentence=sentence_of(run, money, locale),
        width=float(min(max(run.used_share or 0, 0), 1) * 100),
        figures=[
            ("Spent", money(run.spent)),
            ("Reserved", money(run.reserved)),
            ("Cap", "none" if run.cap is None else money(run.cap)),
            ("Requests", f"{run.requests:,}"),
        ],
        calls=[(row, state_of(row)) for row in calls[:MOST]],
        records=used[:MOST],
        most=MOST,
        more_calls=len(calls) > MOST,
        more_records=len(used) > MOST,
    )
    return TemplateResponse(request, "console/controls/run.html", context)


def standing_of(run: Run) -> SafeString:
    """Return where a run stands, in a word."""
    left, used = run.left, run.used_share
    if left is None:
        return status("NONE", "No cap")
    if left < 0:
        return status("EXCEEDED", "Past its cap")
    if left == 0:
        return status("CRITICAL", "Used up")
    if used is not None and used >= _NEARLY:
        return status("WARNING", "Nearly used up")
    return status("OK", "Goes on")


def sentence_of(run: Run, money: Callable[[Decimal], str], locale: str) -> str:
    """Say what a run has spent, and what that leaves."""
    spent = f"It has spent {money(run.spent)}"
    aside = f", and {money(run.reserved)} is set aside" if run.reserved else ""
    left = run.left
    if run.cap is None or left is None:
        return f"{spent}{aside}. Nobody gave it a cap."
    share = format_percent(run.used_share, locale)
    of_cap = f"{spent} of its cap of {money(run.cap)}{aside}: {share}."
    if left < 0:
        return f"{of_cap} It is {money(-left)} past the cap: its calls are refused."
    if left == 0:
        return f"{of_cap} Nothing is left: its calls are refused."
    return f"{of_cap} {money(left)} is left."
