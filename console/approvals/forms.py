"""The form to ask for money. Fields are called what the services call them, so that
what is refused there finds its place."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.models import User
from approvals.models import RequestKind
from approvals.types import Ask
from budgets.models import Budget
from lib.amounts import AmountField
from lib.periods import start_of

KINDS = {
    RequestKind.RAISE: "More for a while",
    RequestKind.INCREASE: "More for good",
    RequestKind.TRANSFER: "From another budget",
    RequestKind.NEW: "A new budget below",
}
# Which fields only one kind has.
ONLY = {
    "name": RequestKind.NEW,
    "source": RequestKind.TRANSFER,
    "until": RequestKind.RAISE,
}
_MOST_SOURCES = 200  # budgets that a transfer may come from
_DAY = timedelta(days=1)


def _day(**options: Any) -> forms.DateField:
    widget = UnfoldAdminTextInputWidget({"type": "date"})
    return forms.DateField(widget=widget, **options)


class AskForm(forms.Form):
    """What is asked for; which fields there are depends on the kind."""

    amount = AmountField(
        max_digits=30,
        decimal_places=10,
        min_value=Decimal(0),
        widget=UnfoldAdminTextInputWidget(
            {"inputmode": "decimal", "autocomplete": "off"}
        ),
    )
    name = forms.CharField(
        label="Name of the new budget",
        max_length=200,
        widget=UnfoldAdminTextInputWidget({"autocomplete": "off"}),
    )
    source = forms.ModelChoiceField(
        Budget.objects.none(),
        label="Taken from",
        widget=UnfoldAdminSelectWidget,
        help_text="It has that much less in this period, and the other that much more.",
    )
    until = _day(
        label="Last day", help_text="From the next day on the amount is what it was."
    )
    justification = forms.CharField(
        label="Why",
        max_length=4_000,
        widget=UnfoldAdminTextareaWidget({"rows": "4"}),
        help_text="Those who decide read it, in the mail too.",
    )
    needed_by = _day(
        required=False,
        help_text="People are reminded until then. Nothing is approved by silence.",
    )

    _ONLY = {
        "name": {RequestKind.NEW},
        "source": {RequestKind.TRANSFER},
        "until": {RequestKind.RAISE},
    }

    def __init__(
        self,
        data: Any,
        *,
        kind: RequestKind,
        budget: Budget,
        sources: QuerySet[Budget],
    ) -> None:
        super().__init__(data)
        self.kind, self.budget = kind, budget
        source: Any = self.fields["source"]
        source.queryset = sources
        source.choices = [(one.pk, str(one)) for one in _first(sources, kind)]
        for name, only in ONLY.items():
            if kind != only:
                del self.fields[name]
        amount = self.fields["amount"]
        more = "The amount" if kind == RequestKind.NEW else "How much more"
        amount.label = f"{more}, in {budget.currency}"

    def clean_amount(self) -> Decimal:
        amount: Decimal = self.cleaned_data["amount"]
        if not amount:
            raise ValidationError("Must be more than 0.")
        return amount

    def ask(self, requester: User) -> Ask:
        """Return what is asked for, of a form that is valid."""
        said = self.cleaned_data
        is_new = self.kind == RequestKind.NEW
        return Ask(
            kind=self.kind.value,
            amount=said["amount"],
            requester=requester,
            currency=self.budget.currency,
            budget=None if is_new else self.budget,
            parent=self.budget if is_new else None,
            source=said.get("source"),
            name=said.get("name", ""),
            until=self._end(said.get("until")),
            justification=said["justification"],
            needed_by=self._end(said.get("needed_by")),
        )

    def _end(self, day: date | None) -> datetime | None:
        """Return the end of *day* in the budget's time zone."""
        zone = ZoneInfo(self.budget.timezone)
        return None if day is None else start_of(day + _DAY, zone)


def _first(sources: QuerySet[Budget], kind: RequestKind) -> list[Budget]:
    """Return what to offer; nothing where it is not asked."""
    return list(sources[:_MOST_SOURCES]) if kind == RequestKind.TRANSFER else []
