"""Charging what had no price at the one that is known by now: first what it moves."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts.models import Organization
from accounts.scopes import Scope
from accounts.tenants import may
from budgets.models import Budget
from console.costs.links import unpriced_url
from console.fields import WhyField
from console.pages import Pages, organization_or_404
from intake.repricing import MOST_AT_ONCE, body_of, preview, reprice_at_once
from ledger.repricing import Selection
from lib.errors import Refusal
from lib.humanize import stretch
from lib.periods import Window


class RepriceForm(forms.Form):
    reason = WhyField(
        help_text="Kept with the repricing, which everybody who reads costs can see.",
    )


def reprice_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Show what repricing a model's usage would move, and do it when told: what has no
    price, or with `?all=1` whatever costs something else by now."""
    organization = organization_or_404(request, request.GET.get("organization", ""))
    if not may(request, Scope.ADMIN, organization):
        raise PermissionDenied
    selection = Selection(
        provider=request.GET.get("provider", "")[:200],
        model=request.GET.get("model", "")[:200],
        only_unpriced="all" not in request.GET,
    )
    form = RepriceForm(
        request.POST or None, initial={"reason": f"Price of {selection.model} set"}
    )
    refusal = ""
    if request.method == "POST" and form.is_valid():
        try:
            return _repriced(request, organization, selection, form)
        except Refusal as refused:
            refusal = str(refused)
    context = pages.page(
        request,
        title="Reprice",
        opts=None,
        organization=organization,
        selection=selection,
        form=form,
        unpriced=unpriced_url(organization),
        **_previewed(organization, selection, refusal),
    )
    return TemplateResponse(request, "console/costs/reprice.html", context)


def _previewed(
    organization: Organization, selection: Selection, refusal: str
) -> Mapping[str, Any]:
    try:
        outcome = preview(organization, selection, most=MOST_AT_ONCE)
    except Refusal as refused:
        return {"refusal": refusal or str(refused)}
    moves = body_of(outcome)
    return {
        "refusal": refusal,
        "moves": moves,
        "moved": Decimal(moves["difference"]),
        "rows": moves_of(organization, moves["budgets"]),
    }


class Move(NamedTuple):
    """What repricing adds to one period of a budget."""

    name: str
    url: str
    currency: str
    period: str
    old: Decimal
    new: Decimal
    difference: Decimal


def moves_of(
    organization: Organization, moved: Iterable[Mapping[str, Any]]
) -> list[Move]:
    """Write out the periods that are moved. One query."""
    found = list(moved)
    uids = {one["budget"] for one in found}
    budgets = Budget.objects.filter(organization=organization, uid__in=uids)
    by_uid = {str(budget.uid): budget for budget in budgets}
    return [
        Move(
            one["name"],
            reverse("admin:budgets_budget_page", args=[by_uid[one["budget"]].pk]),
            one["currency"],
            stretch(
                Window(one["period_start"], one["period_end"]),
                ZoneInfo(by_uid[one["budget"]].timezone),
            ),
            *(Decimal(one[name]) for name in ("old", "new", "difference")),
        )
        for one in found
    ]


def _repriced(
    request: HttpRequest,
    organization: Organization,
    selection: Selection,
    form: RepriceForm,
) -> HttpResponse:
    reason = form.cleaned_data["reason"]
    outcome = reprice_at_once(organization, selection, reason=reason)
    count = outcome.records
    words = f"{count:,} record{'' if count == 1 else 's'} of {selection.model} repriced"
    messages.success(request, f"{words}; budgets are charged.")
    return redirect(unpriced_url(organization))
