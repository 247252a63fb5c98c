"""Closing a month: what is left to do, the lock, and what came in since."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from accounts.models import LateRecords, Organization
from accounts.scopes import Scope
from accounts.tenants import may
from console.budgets.tree_page import organization_asked
from console.closing.months import month_asked, months_to_choose
from console.fields import WhyField
from console.pages import Pages, organizations_to_choose
from ledger.months import adjustments_in, unlock_month
from lib.errors import Refusal
from lib.humanize import locale_of, month_words
from lib.money import format_money
from reports.closing.checklist import ChecklistItem
from reports.closing.services import MonthClose, close, close_of

MOST_ADJUSTMENTS = 50  # that the page lists
_TITLES = {
    "unpriced": "Usage without a price",
    "unreconciled": "Differences from providers' bills",
    "uncommented": "Variances without a comment",
    "unmapped": "Spend without an account",
    "late": "Late records",
    "backfills": "Budgets being charged anew",
    "unsettled": "Reservations without usage",
}
_MENDED_ON = {
    "unpriced": ("admin:ledger_costrecord_unpriced", "Set prices"),
    "uncommented": ("admin:reports_report_changelist", "Reports"),
    "unmapped": ("admin:reports_journalsetup_accounts", "Accounts"),
    "late": ("admin:ledger_costrecord_changelist", "Cost records"),
    "backfills": ("admin:budgets_backfill_changelist", "Backfills"),
    "unsettled": ("admin:budgets_reservation_changelist", "Reservations"),
}


class CloseForm(forms.Form):
    """Closes a month; with open items only if somebody says so, and why."""

    action = "close"
    force = forms.BooleanField(required=False, label="Close it with open items")
    reason = WhyField(required=False, help_text="Required with open items.")


class OpenForm(forms.Form):
    """Opens a closed month again."""

    action = "open"
    reason = WhyField(help_text="Kept in the month's history.")


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One thing to look at, as the page shows it."""

    title: str
    item: ChecklistItem
    url: str
    link: str

    @property
    def kind(self) -> str:
        return "OK" if self.item.ok else "WARNING"

    @property
    def word(self) -> str:
        return "Done" if self.item.ok else "Open"


def close_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Show how the close of a month stands; close it, or open it, when told."""
    organization = organization_asked(request)
    if organization is None:
        context = pages.page(request, title="Month close", opts=None)
        return TemplateResponse(request, "console/closing/close.html", context)
    now = timezone.now()
    month = month_asked(request.GET.get("month", ""), now.date())
    may_close = may(request, Scope.ADMIN, organization)
    if request.method == "POST":
        if not may_close:
            raise PermissionDenied
        answered = _changed(request, organization, month, now)
        if answered is not None:
            return answered
    found = close_of(organization, month, now=now)
    context = pages.page(
        request,
        title="Month close",
        opts=None,
        organization=organization,
        organizations=organizations_to_choose(request),
        months=months_to_choose(month, now.date()),
        month=f"{month:%Y-%m}",
        may_close=may_close,
        is_over=month < now.date().replace(day=1),
        moves=organization.late_records == LateRecords.OPEN_MONTH,
        **_shown(request, found),
    )
    return TemplateResponse(request, "console/closing/close.html", context)


def _shown(request: HttpRequest, found: MonthClose) -> dict[str, Any]:
    form_type = OpenForm if found.lock else CloseForm
    is_sent = (
        request.method == "POST" and request.POST.get("action") == form_type.action
    )
    rows = adjustments_in(found.organization, found.month)
    return {
        "found": found,
        "sentence": sentence_of(found, locale_of(request)),
        "lines": [_line(found.organization, item) for item in found.items],
        "left_open": ", ".join(
            _TITLES.get(item["name"], item["name"]).lower()
            for item in (found.lock.open_items if found.lock else [])
        ),
        "form": form_type(request.POST if is_sent else None),
        "adjustments": [
            *rows.select_related("attribution").order_by(
                F("total_cost").desc(nulls_last=True), "pk"
            )[:MOST_ADJUSTMENTS]
        ],
    }


def _line(organization: Organization, item: ChecklistItem) -> CheckLine:
    name, link = _MENDED_ON.get(item.name, ("", ""))
    query = urlencode({"organization": organization.slug})
    url = f"{reverse(name)}?{query}" if name and item.count else ""
    return CheckLine(_TITLES[item.name], item, url, link)


def _changed(
    request: HttpRequest, organization: Organization, month: date, now: datetime
) -> HttpResponse | None:
    """Close or open the month; None: it was refused, and that is said."""
    is_opening = request.POST.get("action") == OpenForm.action
    form = (OpenForm if is_opening else CloseForm)(request.POST)
    if not form.is_valid():
        return None
    given = form.cleaned_data
    try:
        if is_opening:
            unlock_month(organization, month, reason=given["reason"], now=now)
        else:
            force, reason = given["force"], given["reason"]
            close(organization, month, force=force, reason=reason, now=now)
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return None
    what = "open again" if is_opening else "closed"
    messages.success(request, f"{month_words(month)} is {what}.")
    query = urlencode({"organization": organization.slug, "month": f"{month:%Y-%m}"})
    return redirect(f"{reverse('admin:ledger_monthlock_changelist')}?{query}")


def sentence_of(found: MonthClose, locale: str) -> str:
    """Say the answer first."""
    month = month_words(found.month)
    total = format_money(found.sums.total, found.organization.currency, locale)
    if found.lock is None:
        left = len(found.open_items)
        if not left:
            return f"{month} came to {total}, and nothing stands against closing it."
        things = "1 thing is" if left == 1 else f"{left} things are"
        return f"{month} came to {total}; {things} open before it can be closed."
    if found.since.count:
        more = format_money(found.since.cost, found.organization.currency, locale)
        return f"{month} is closed; since then {more} came in, and it is {total} now."
    return f"{month} is closed with {total}."
