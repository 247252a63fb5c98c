"""Asking for money: which budget, how much, and what it would mean, before anybody is
asked."""

from contextlib import suppress
from datetime import date, datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.scopes import Scope
from accounts.tenants import may, person, tell_refusal
from approvals import asks
from approvals.impact import impact_of
from approvals.models import BudgetRequest, How, RequestKind
from approvals.policies import who_would_approve
from approvals.services import ask_for, draft
from approvals.types import Ask, By
from approvals.wording import US, impact_words
from budgets.models import Budget
from budgets.owners import path_of
from budgets.paths import ways_of, words_of_way
from console.approvals.chain import stages_of_chain
from console.approvals.forms import KINDS, AskForm, Place, RuleChoice
from console.approvals.picture import bars_of
from console.controls.budget_page import effective
from console.controls.budgets import path_to
from console.mailed_link_page import visit_of
from console.pages import Pages, budget_or_404, budgets_of, search_of
from controls.wording import summary_of
from lib.amounts import read_amount
from lib.errors import Refusal
from lib.humanize import locale_of

_LONGEST_WHY = 1_000  # characters of an address that are filled in


def ask_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Answer the form for `?budget=`, or first which budget it is about."""
    if not may(request, Scope.APPROVALS_WRITE, None):
        raise PermissionDenied
    if "budget" not in request.GET:
        return _which(request, pages)
    budget = budget_or_404(request, request.GET["budget"])
    if not may(request, Scope.APPROVALS_WRITE, budget.organization):
        raise PermissionDenied
    return _form(request, pages, budget)


def _which(request: HttpRequest, pages: Pages) -> HttpResponse:
    rows = budgets_of(request).filter(archived_at=None)
    search = search_of(request, rows, Q(owner=person(request)))
    context = pages.page(request, title="Ask for money", search=search)
    return TemplateResponse(request, "console/approvals/which.html", context)


def _form(request: HttpRequest, pages: Pages, budget: Budget) -> HttpResponse:
    kind = _kind_of(request)
    form = AskForm(
        request.POST if request.method == "POST" else None,
        kind=kind,
        place=Place.of(budget, budget.organization),
        sources=sources_of(budget),
        rules=rules_above(budget) if kind == RequestKind.RULE_EXCEPTION else (),
        initial=_offered(request),
    )
    now = timezone.now()
    preview: dict[str, Any] = {}
    if request.method == "POST" and form.is_valid():
        ask = form.ask(person(request))
        try:
            if "preview" not in request.POST:
                return _asked(request, budget, ask, now)
            preview = _preview(request, budget, ask, now)
        except Refusal as refusal:
            tell_refusal(form, refusal)
    context = pages.page(
        request,
        title="Ask for money",
        budget=budget,
        path=words_of_way(ways_of([budget])[budget.pk]),
        form=form,
        kinds=[(one.value, words, one == kind) for one, words in KINDS.items()],
        **preview,
    )
    return TemplateResponse(request, "console/approvals/ask.html", context)


def _kind_of(request: HttpRequest) -> RequestKind:
    kind = request.GET.get("kind", "")
    known = {one.value for one in KINDS}
    return RequestKind(kind) if kind in known else RequestKind.RAISE


def sources_of(budget: Budget | None) -> QuerySet[Budget]:
    """Return what a transfer to *budget* may come from: others of its tree."""
    if budget is None:
        return Budget.objects.none()
    rows: QuerySet[Budget] = Budget.objects.filter(
        organization=budget.organization_id,
        tree_id=budget.tree_id,
        archived_at=None,
        currency=budget.currency,
    )
    return rows.exclude(pk=budget.pk).order_by("lft")


def rules_above(budget: Budget) -> list[RuleChoice]:
    """Return the rules that what *budget* is charged for may be excepted from: its own,
    and those from above. Two queries."""
    path = path_to(budget)
    by_id = {one.pk: one for one in path}
    rules, _ = effective(path)
    return [
        RuleChoice(
            rule.uid,
            summary_of(rule).removesuffix("."),
            by_id[rule.budget_id],
        )
        for rule in rules
    ]


def _offered(request: HttpRequest) -> dict[str, Any]:
    """Return what the address fills in, as far as it can be read; see `Wish.path`."""
    said = request.GET
    found: dict[str, Any] = {}
    with suppress(ValueError):
        found["amount"] = read_amount(said.get("amount", ""), US)
    with suppress(ValueError):
        found["until"] = date.fromisoformat(said.get("until", ""))
    if why := said.get("why", "")[:_LONGEST_WHY]:
        found["justification"] = why
    return found


def _asked(
    request: HttpRequest, budget: Budget, ask: Ask, now: datetime
) -> HttpResponse:
    by = By.someone(person(request), How.SESSION, visit_of(request))
    if "draft" in request.POST:
        made = draft(budget.organization, ask, by=by, now=now)
        messages.success(request, "It is kept as a draft: nobody is asked yet.")
    else:
        made = ask_for(budget.organization, ask, by=by, now=now)
        messages.success(request, "Those who decide are asked.")
    return redirect("admin:approvals_budgetrequest_change", made.pk)


def _preview(
    request: HttpRequest, budget: Budget, ask: Ask, now: datetime
) -> dict[str, Any]:
    """Return what it would mean and who would decide. Keeps nothing.

    Raises:
        Refusal: it can't be asked for, or nobody could decide it.
    """
    wanted, locale = BudgetRequest(organization=budget.organization), locale_of(request)
    asks.apply(wanted, ask, now=now)
    impact = impact_of(wanted, now)
    chain = who_would_approve(
        budget.organization,
        wanted.place,
        wanted.amount,
        wanted.currency,
        now=now,
        requester=ask.requester,
    )
    return {
        "impact": impact,
        "impact_line": impact_words(impact, locale),
        "bars": bars_of(impact, locale),
        "conflicts": impact.conflicts,
        "stages": stages_of_chain(chain, path_of(wanted.place or budget)),
    }
