"""Asking for the report of a month."""

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget

from accounts.access import organizations_of
from accounts.models import Organization
from accounts.scopes import Scope
from accounts.tenants import may, person
from budgets.models import Budget
from budgets.paths import ways_of, words_of_way
from console.pages import Pages, budget_or_404
from lib.errors import Refusal
from lib.humanize import month_words
from reports.monthly.services import ask_for

MOST_MONTHS = 24  # offered; the API takes any
MOST_CHOICES = 500  # budgets


class ReportAskForm(forms.Form):
    """Which month, and of what."""

    month = forms.ChoiceField(widget=UnfoldAdminSelectWidget)
    about = forms.ChoiceField(
        label="Of",
        widget=UnfoldAdminSelectWidget,
        help_text="A budget's report tells of it and of all below it.",
    )


def ask_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Offer months and budgets; have a worker make what is chosen."""
    mine = [
        one
        for one in organizations_of(person(request))
        if may(request, Scope.BUDGETS_WRITE, one)
    ]
    if not mine:
        raise PermissionDenied
    form = _form(request, mine)
    refusal = ""
    if request.method == "POST" and form.is_valid():
        organization, budget = _about(request, mine, form.cleaned_data["about"])
        month = date.fromisoformat(form.cleaned_data["month"])
        try:
            report = ask_for(
                organization,
                month,
                budget,
                by=person(request).email,
                now=timezone.now(),
            )
        except Refusal as refused:
            refusal = str(refused)
        else:
            return redirect("admin:reports_report_change", report.pk)
    context = pages.page(request, title="A monthly report", form=form, refusal=refusal)
    return TemplateResponse(request, "console/reports/ask.html", context)


def _form(request: HttpRequest, mine: list[Organization]) -> ReportAskForm:
    today = timezone.now().astimezone(ZoneInfo(mine[0].timezone)).date()
    months = [_months_before(today, count) for count in range(MOST_MONTHS)]
    asked = str(request.GET.get("budget", ""))
    initial = {"month": months[1].isoformat(), "about": f"budget-{asked}"}
    form = ReportAskForm(request.POST or None, initial=initial)
    fields: dict[str, Any] = form.fields
    fields["month"].choices = [(one.isoformat(), month_words(one)) for one in months]
    fields["about"].choices = list(_choices(mine))
    return form


def _choices(mine: list[Organization]) -> list[tuple[str, str]]:
    rows = Budget.objects.filter(organization__in=mine, template_of=None)
    budgets = list(rows.order_by("tree_id", "lft")[:MOST_CHOICES])
    ways = ways_of(budgets)
    wholes = [(f"organization-{one.pk}", f"{one.name}, all budgets") for one in mine]
    return wholes + [
        (f"budget-{one.pk}", words_of_way(ways[one.pk])) for one in budgets
    ]


def _about(
    request: HttpRequest, mine: list[Organization], chosen: str
) -> tuple[Organization, Budget | None]:
    kind, _, pk = chosen.partition("-")
    if kind == "budget":
        budget = budget_or_404(request, pk)
        return budget.organization, budget
    (organization,) = (one for one in mine if str(one.pk) == pk)
    return organization, None


def _months_before(day: date, count: int) -> date:
    months = day.year * 12 + day.month - 1 - count
    return date(months // 12, months % 12 + 1, 1)
