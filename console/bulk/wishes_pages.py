"""Asking for a copy of budgets, and for an edit of several of them."""

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.models import Membership, Organization
from accounts.tenants import person
from budgets.models import Budget
from bulk.models import BulkChange, BulkKind, BulkSource
from bulk.named import NamedBudgets
from bulk.services import ask
from bulk.wishes import named_anew
from console.bulk.forms import CopyForm, EditForm
from console.bulk.pages import organization_managed, require_managed
from console.pages import Pages, budget_or_404, organizations_to_choose
from lib.humanize import locale_of

MOST_EDITED = 1_000


def copy_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Ask from when on, and by how much more, a budget is made anew."""
    given = request.POST if request.method == "POST" else request.GET
    budget = budget_or_404(request, given.get("budget", ""))
    organization = budget.organization
    require_managed(request, organization)
    form = CopyForm(initial={"first_day": _next_year(organization)})
    if request.method == "POST":
        form = CopyForm(request.POST)
        if form.is_valid():
            return _go(_ask_copy(request, budget, form))
    first = _next_year(organization)
    context = pages.page(
        request,
        title=f"Copy {budget.name}",
        opts=None,
        budget=budget,
        form=form,
        count=budget.get_descendants(include_self=True)
        .filter(archived_at=None, template_of=None)
        .count(),
        example=named_anew(budget.name, first.year),
    )
    status = 400 if form.errors else 200
    return TemplateResponse(request, "console/bulk/copy.html", context, status=status)


def _next_year(organization: Organization) -> date:
    """Return the first day of the fiscal year after the present one."""
    today = timezone.now().astimezone(ZoneInfo(organization.timezone)).date()
    first = date(today.year, organization.fiscal_year_start_month, 1)
    return first if first > today else first.replace(year=first.year + 1)


def _ask_copy(request: HttpRequest, budget: Budget, form: CopyForm) -> BulkChange:
    given = form.cleaned_data
    return ask(
        budget.organization,
        BulkKind.BUDGETS,
        BulkSource.COPY,
        f"{budget.name} from {given['first_day']:%B %Y} on",
        person=person(request),
        locale=locale_of(request),
        now=timezone.now(),
        asked={
            "budget": str(budget.uid),
            "first_day": given["first_day"].isoformat(),
            "percent": f"{given['percent']:f}",
            "ends": given["ends"],
        },
    )


def edit_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Choose budgets, and what they are given."""
    organization = organization_managed(request)
    form, chosen, problem = EditForm(), set[str](), ""
    if request.method == "POST" and organization is not None:
        form = EditForm(request.POST)
        chosen = {*request.POST.getlist("budgets")[:MOST_EDITED]}
        if not chosen:
            problem = "Tick the budgets that are to be changed."
        elif form.is_valid():
            change = _ask_edit(request, organization, form, sorted(chosen))
            return _go(change)
    context = pages.page(
        request,
        title="Change several budgets",
        opts=None,
        organization=organization,
        organizations=organizations_to_choose(request),
        form=form,
        problem=problem,
        **_choices(organization, chosen),
    )
    status = 400 if form.errors or problem else 200
    return TemplateResponse(request, "console/bulk/edit.html", context, status=status)


def _choices(organization: Organization | None, chosen: set[str]) -> dict[str, Any]:
    if organization is None:
        return {"rows": []}
    named = NamedBudgets(organization)
    rows = [
        {
            "budget": row,
            "way": named.way_of(row),
            "is_chosen": str(row.uid) in chosen,
        }
        for row in named.rows.values()
        if row.template_of_id is None
    ]
    members = Membership.objects.filter(organization=organization)
    return {"rows": rows, "people": list(members.values_list("user__email", flat=True))}


def _ask_edit(
    request: HttpRequest, organization: Organization, form: EditForm, uids: list[str]
) -> BulkChange:
    cells, percent = form.asked()
    return ask(
        organization,
        BulkKind.BUDGETS,
        BulkSource.EDIT,
        f"{len(uids):,} budgets changed together",
        person=person(request),
        locale=locale_of(request),
        now=timezone.now(),
        asked={"budgets": uids, "cells": cells, "percent": percent},
    )


def _go(change: BulkChange) -> HttpResponse:
    return redirect("admin:bulk_bulkchange_page", change.pk)
