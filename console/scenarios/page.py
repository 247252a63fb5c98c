"""Comparing scenarios of a budget: filled in, looked at, saved under a name, shared."""

from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.scopes import Scope
from accounts.tenants import may
from budgets.errors import NoPeriod
from budgets.paths import ways_of
from console.pages import Pages, budget_or_404, budgets_of, search_of
from console.scenarios.comparison import Comparison, comparison_of
from console.scenarios.form import ScenarioSetForm
from forecasts.assumptions import Scenario, read
from forecasts.models import NAME_TAKEN, ScenarioSet
from lib.humanize import locale_of, when


def which_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Answer which budget scenarios are to be of."""
    rows = budgets_of(request).filter(archived_at=None)
    search = search_of(request, rows, Q(owner=request.user))
    context = pages.page(request, title="Compare scenarios", search=search)
    return TemplateResponse(request, "console/scenarios/which.html", context)


def new_set(request: HttpRequest) -> ScenarioSet:
    """Return one that is not saved, of `?budget=ID`.

    Raises:
        Http404: that is not the person's.
    """
    budget = budget_or_404(request, request.GET["budget"])
    return ScenarioSet(organization=budget.organization, budget=budget)


def set_page(request: HttpRequest, pages: Pages, found: ScenarioSet) -> HttpResponse:
    """Answer a comparison, which need not be saved yet; who may not save it reads."""
    may_save = may(request, Scope.APPROVALS_WRITE, found.organization)
    is_sent = request.method == "POST"
    if is_sent and not may_save:
        raise PermissionDenied
    form = ScenarioSetForm(request.POST if is_sent else None, instance=found)
    if is_sent and "preview" not in request.POST and _is_saved(form):
        messages.success(request, f"“{found.name}” is saved.")
        return redirect("admin:forecasts_scenarioset_change", found.pk)
    context = pages.page(
        request,
        title=found.name if found.pk else f"Scenarios of {found.budget.name}",
        found=found,
        budget=found.budget,
        way=ways_of([found.budget])[found.budget_id],
        form=form,
        may_save=may_save,
        is_asking="preview" in request.POST,
        address=f"{settings.SITE_URL}{request.path}",
        others=ScenarioSet.objects.filter(
            organization=found.organization_id, budget=found.budget_id
        ).exclude(pk=found.pk),
        **_compared(request, found, form, may_ask=may_save),
    )
    return TemplateResponse(request, "console/scenarios/set.html", context)


def _is_saved(form: ScenarioSetForm) -> bool:
    """Save what is filled in; False: something in it is wrong, and is told."""
    try:
        with transaction.atomic():
            if form.is_valid():
                form.save()
                return True
    except IntegrityError:  # somebody took the name at this moment
        form.add_error("name", NAME_TAKEN)
    return False


def _compared(
    request: HttpRequest, found: ScenarioSet, form: ScenarioSetForm, *, may_ask: bool
) -> dict[str, Any]:
    """Return what the scenarios come to, as they are filled in where that is right."""
    stored: Any = found.scenarios
    if form.is_bound:
        form.is_valid()
        stored = form.cleaned_data.get("scenarios") or []
    scenarios = [Scenario(one["name"], read(one["assumptions"])) for one in stored]
    try:
        compared: Comparison = comparison_of(
            found.budget,
            scenarios,
            now=timezone.now(),
            locale=locale_of(request),
            may_ask=may_ask and found.budget.archived_at is None,
        )
    except NoPeriod as refusal:
        return {"no_period": str(refusal)}
    zone = ZoneInfo(found.budget.timezone)
    return {"compared": compared, "period": when(compared.window, zone)}
