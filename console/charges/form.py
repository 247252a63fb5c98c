"""The form of a fixed charge: a new one, or one in the place of another."""

from typing import Any

from django import forms
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.tenants import ServiceForm
from console.fields import TagsField, WhyField
from intake.fixed_charges import correct_charge, keep_charge
from ledger.models import FixedCharge
from lib.lookups import row_or_none

COPIED = (
    *("name", "kind", "provider", "amount", "currency", "interval", "start_date"),
    *("last_day", "department", "team", "project", "environment", "user", "tags"),
    "covers",
)


class CoveredModelsField(forms.CharField):
    """Texts, one a line."""

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        lines = map(str.strip, str(value or "").splitlines())
        return list(dict.fromkeys(filter(None, lines)))


class FixedChargeForm(ServiceForm):
    """Keeps a charge; with *instead*, what is booked of that one is taken off."""

    currency = forms.CharField(
        max_length=3, required=False, help_text="Empty: the organization's."
    )
    tags = TagsField(
        required=False,
        help_text="One a line, as “contract=c-1”.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )
    covers = CoveredModelsField(
        required=False,
        label="Pays for usage of",
        help_text="Models, one a line, “gpt-4*” too: from now on their usage by these "
        "dimensions counts nothing while this runs, its price by list beside it.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )
    reason = WhyField(help_text="Kept beside the money: a contract, an invoice.")
    instead = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = FixedCharge
        fields = ("organization", *COPIED, "reason")

    def serve(self) -> FixedCharge:
        given: dict[str, Any] = {**self.cleaned_data}
        instead, organization = given.pop("instead"), given.pop("organization")
        if not given["currency"]:
            del given["currency"]
        rows = FixedCharge.objects.filter(organization=organization)
        old = row_or_none(rows, instead) if instead else None
        if old is not None:
            return correct_charge(old, now=timezone.now(), **given)
        return keep_charge(organization, **given)
