"""The form to ask for money. Fields are called what the services call them, so that
what is refused there finds its place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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

from accounts.models import Organization, User
from approvals.models import BudgetRequest, RequestKind
from approvals.types import Ask
from budgets.models import Budget
from lib.amounts import AmountField
from lib.periods import day_of, start_of

KINDS = {
    RequestKind.RAISE: "More for a while",
    RequestKind.INCREASE: "More for good",
    RequestKind.TRANSFER: "From another budget",
    RequestKind.NEW: "A new budget below",
    RequestKind.ROLLOVER_EXCEPTION: "What was left over",
    RequestKind.RULE_EXCEPTION: "Past a rule",
}
# Which fields only some kinds have; but for a rule exception all have an amount.
ONLY = {
    "name": {RequestKind.NEW},
    "source": {RequestKind.TRANSFER},
    "rule": {RequestKind.RULE_EXCEPTION},
    "amount": set(KINDS) - {RequestKind.RULE_EXCEPTION},
    "until": {RequestKind.RAISE, RequestKind.RULE_EXCEPTION},
}
_MOST_SOURCES = 200  # budgets that a transfer may come from
_DAY = timedelta(days=1)
_MOMENT = timedelta(microseconds=1)
_BACK = {
    RequestKind.RAISE: "From the next day on the amount is what it was.",
    RequestKind.RULE_EXCEPTION: "From the next day on the rule holds again.",
}


@dataclass(frozen=True, slots=True)
class Place:
    """What is asked about: a budget, or the top of an organization's tree."""

    name: str
    currency: str
    timezone: str
    budget: Budget | None

    @classmethod
    def of(cls, budget: Budget | None, organization: Organization) -> "Place":
        where = organization if budget is None else budget
        return cls(where.name, where.currency, where.timezone, budget)


@dataclass(frozen=True, slots=True)
class RuleChoice:
    """A rule that is not to hold for a while."""

    uid: str
    summary: str
    budget: Budget  # whose rule it is: those who decide about that one decide

    def __str__(self) -> str:
        return f"{self.budget.name}: {self.summary}"


def _day(**options: Any) -> forms.DateField:
    widget = UnfoldAdminTextInputWidget({"type": "date"})
    return forms.DateField(widget=widget, **options)


class AskForm(forms.Form):
    """What is asked for; which fields there are depends on the kind."""

    name = forms.CharField(
        label="Name of the new budget",
        max_length=200,
        widget=UnfoldAdminTextInputWidget({"autocomplete": "off"}),
    )
    rule = forms.ChoiceField(
        label="The rule that is not to hold", widget=UnfoldAdminSelectWidget
    )
    amount = AmountField(
        max_digits=30,
        decimal_places=10,
        min_value=Decimal(0),
        widget=UnfoldAdminTextInputWidget(
            {"inputmode": "decimal", "autocomplete": "off"}
        ),
    )
    source = forms.ModelChoiceField(
        Budget.objects.none(),
        label="Taken from",
        widget=UnfoldAdminSelectWidget,
        help_text="It has that much less in this period, and the other that much more.",
    )
    until = _day(label="Last day")
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

    def __init__(
        self,
        data: Any,
        *,
        kind: RequestKind,
        place: Place,
        sources: QuerySet[Budget],
        rules: Sequence[RuleChoice] = (),
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data, initial=dict(initial or {}))
        self.kind, self.place, self.rules = kind, place, rules
        source: Any = self.fields["source"]
        source.queryset = sources
        source.choices = [(one.pk, str(one)) for one in _first(sources, kind)]
        rule: Any = self.fields["rule"]
        rule.choices = [(one.uid, str(one)) for one in rules]
        self.fields["until"].help_text = _BACK.get(kind, "")
        amount = self.fields["amount"]
        more = "The amount" if kind == RequestKind.NEW else "How much more"
        amount.label = f"{more}, in {place.currency}"
        if kind == RequestKind.ROLLOVER_EXCEPTION:
            amount.help_text = "Of what the last period left; for this period alone."
        for name, kinds in ONLY.items():
            if kind not in kinds:
                del self.fields[name]

    @property
    def own_fields(self) -> list[forms.BoundField]:
        """Return the fields that come before the reason."""
        return [self[name] for name in ONLY if name in self.fields]

    def clean_amount(self) -> Decimal:
        amount: Decimal = self.cleaned_data["amount"]
        if not amount:
            raise ValidationError("Must be more than 0.")
        return amount

    def ask(self, requester: User) -> Ask:
        """Return what is asked for, of a form that is valid."""
        is_new, budget = self.kind == RequestKind.NEW, self.place.budget
        ask = Ask(
            kind=self.kind.value,
            amount=Decimal(0),
            requester=requester,
            currency=self.place.currency,
            budget=None if is_new else budget,
            parent=budget if is_new else None,
        )
        chosen = self._rule()
        if chosen is not None and budget is not None and chosen.budget != budget:
            ask.budget, ask.scope = chosen.budget, budget.scope
            ask.currency = chosen.budget.currency
        return self.changed(ask)

    def changed(self, ask: Ask) -> Ask:
        """Return *ask* as the form has it, what it doesn't ask about left as it is."""
        said = dict(self.cleaned_data)
        if (chosen := self._rule()) is not None:
            said["rule_words"] = chosen.summary
        for name in {"until", "needed_by"} & said.keys():
            said[name] = self._end(said[name])
        return replace(ask, **said)

    def _rule(self) -> RuleChoice | None:
        wanted = self.cleaned_data.get("rule")
        return next((one for one in self.rules if one.uid == wanted), None)

    def _end(self, day: date | None) -> datetime | None:
        """Return the end of *day* in the budget's time zone."""
        zone = ZoneInfo(self.place.timezone)
        return None if day is None else start_of(day + _DAY, zone)


def initial_of(request: BudgetRequest, place: Place) -> dict[str, Any]:
    """Return what the form of *request* begins with."""
    zone = ZoneInfo(place.timezone)

    def last(end: datetime | None) -> date | None:
        return day_of(end - _MOMENT, zone) if end else None

    return {
        "name": request.name,
        "rule": request.rule,
        "amount": request.amount,
        "source": request.source_id,
        "until": last(request.until),
        "justification": request.justification,
        "needed_by": last(request.needed_by),
    }


def _first(sources: QuerySet[Budget], kind: RequestKind) -> list[Budget]:
    """Return what to offer; nothing where it is not asked."""
    return list(sources[:_MOST_SOURCES]) if kind == RequestKind.TRANSFER else []
