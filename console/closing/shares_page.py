"""Fixed shares and heads, by which shared costs are allocated."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.scopes import Scope
from accounts.tenants import may
from console.budgets.tree_page import organization_asked
from console.closing.chargeback_page import ChargebackAsked
from console.fields import WhyField
from console.pages import Pages
from lib.errors import Refusal
from reports.chargeback.reading import label_of
from reports.chargeback.services import Given, set_shares, shares_of
from reports.models.chargeback import LONGEST_NAME

_HUNDRED = 100


class ShareForm(forms.Form):
    """What is set of one unit."""

    name = forms.CharField(
        required=False, max_length=LONGEST_NAME, widget=UnfoldAdminTextInputWidget()
    )
    percent = forms.DecimalField(
        required=False,
        min_value=0,
        max_value=_HUNDRED,
        decimal_places=6,
        label="Share in percent",
        widget=UnfoldAdminTextInputWidget({"inputmode": "decimal"}),
    )
    heads = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=10_000_000,
        widget=UnfoldAdminTextInputWidget({"inputmode": "numeric"}),
    )

    def given(self) -> Given | None:
        """Return what is set; None: nothing is."""
        of = self.cleaned_data
        percent, heads = of.get("percent"), of.get("heads")
        if not of.get("name") or (percent is None and heads is None):
            return None
        share = None if percent is None else Decimal(percent) / _HUNDRED
        return Given(of["name"], share, heads)


class ReasonForm(forms.Form):
    reason = WhyField(required=False)


ShareForms = forms.formset_factory(ShareForm, extra=3, max_num=5_000)


def shares_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Show what is set of each unit, and change it when told."""
    organization = organization_asked(request)
    if organization is None:
        raise Http404("There is no organization yet.")
    if not may(request, Scope.ADMIN, organization):
        raise PermissionDenied
    asked = ChargebackAsked.of(request, organization)
    back = f"{reverse('admin:reports_chargebackstatement_changelist')}?{asked.query}"
    is_sent = request.method == "POST"
    forms_of = ShareForms(
        request.POST if is_sent else None,
        initial=[] if is_sent else _known(asked),
        prefix="shares",
    )
    why = ReasonForm(request.POST if is_sent else None)
    if is_sent and forms_of.is_valid() and why.is_valid():
        given = [one for form in forms_of if (one := form.given())]
        try:
            reason = why.cleaned_data["reason"]
            set_shares(organization, asked.by, given, reason=reason)
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, "Shares and heads are set.")
            return redirect(back)
    context = pages.page(
        request,
        title=f"Shares and heads by {label_of(asked.by).lower()}",
        opts=None,
        organization=organization,
        asked=asked,
        label=label_of(asked.by),
        forms=forms_of,
        why=why,
        back=back,
    )
    return TemplateResponse(request, "console/closing/shares.html", context)


def _known(asked: ChargebackAsked) -> list[dict[str, Any]]:
    """Return what is set, and the names of those that were used in the month."""
    rows = {row.name: row for row in shares_of(asked.organization, asked.by)}
    used = [line.name for line in asked.figures().lines]
    known = []
    for name in sorted({*rows, *used}):
        row = rows.get(name)
        share = None if row is None or row.share is None else row.share * _HUNDRED
        known.append(
            {
                "name": name,
                "percent": None if share is None else f"{share.normalize():f}",
                "heads": None if row is None else row.heads,
            }
        )
    return known
