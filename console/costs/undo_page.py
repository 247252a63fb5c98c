"""Taking a repricing back: first what that moves."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from accounts.access import visible_to
from accounts.scopes import Scope
from accounts.tenants import may, person
from console.costs.links import unpriced_url
from console.costs.reprice_page import moves_of
from console.fields import WhyField
from console.pages import Pages, row_or_404
from intake.repricing import body_of
from intake.undoing import preview_undo, undo_at_once
from ledger.models import Repricing
from lib.errors import Refusal


class TakeBackForm(forms.Form):
    reason = WhyField(help_text="Kept with what takes it back.")


def undo_page(request: HttpRequest, pages: Pages, repricing_id: int) -> HttpResponse:
    """Show what taking a repricing back would move, and do it when told."""
    rows = Repricing.objects.select_related("organization")
    repricing = row_or_404(visible_to(person(request), rows), repricing_id, "repricing")
    if not may(request, Scope.ADMIN, repricing.organization):
        raise PermissionDenied
    form, refusal = TakeBackForm(request.POST or None), ""
    if request.method == "POST" and form.is_valid():
        try:
            return _undone(request, repricing, form.cleaned_data["reason"])
        except Refusal as refused:
            refusal = str(refused)
    context = pages.page(
        request,
        title="Take a repricing back",
        opts=None,
        repricing=repricing,
        organization=repricing.organization,
        form=form,
        **_previewed(repricing, refusal),
    )
    return TemplateResponse(request, "console/costs/undo.html", context)


def _previewed(repricing: Repricing, refusal: str) -> Mapping[str, Any]:
    try:
        moves = body_of(preview_undo(repricing))
    except Refusal as refused:
        return {"refusal": refusal or str(refused)}
    return {
        "refusal": refusal,
        "moves": moves,
        "moved": Decimal(moves["difference"]),
        "rows": moves_of(repricing.organization, moves["budgets"]),
    }


def _undone(request: HttpRequest, repricing: Repricing, reason: str) -> HttpResponse:
    outcome = undo_at_once(repricing, reason=reason)
    count = outcome.records
    words = f"{count:,} record{'' if count == 1 else 's'} cost what they did before"
    messages.success(request, f"{words}; budgets are charged.")
    return redirect(unpriced_url(repricing.organization))
