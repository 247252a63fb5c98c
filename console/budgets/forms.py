"""The forms around a budget. Fields are called what the services call them, so that
what a service refuses finds its place."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from unfold.widgets import (
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.models import Organization, User, validate_zone
from budgets.models import Budget, Enforcement, Priority, RolloverMode
from budgets.scopes import DIMENSION_OF, READ_AS, BudgetScope
from budgets.services import BudgetPlan, plan_of
from budgets.tree import Leaf
from console.budgets.templates import add_fields, check_tag, said_of
from console.fields import (
    Offer,
    PercentField,
    TagsField,
    ValuesField,
    WhyField,
)
from lib.amounts import AmountField
from lib.money import COUNTED
from lib.periods import Cadence, day_of, start_of

_DAY = timedelta(days=1)
_MOMENT = timedelta(microseconds=1)
_HUNDRED = Decimal(100)
CADENCES = {
    Cadence.DAILY: "Every day",
    Cadence.WEEKLY: "Every week, from Monday",
    Cadence.MONTHLY: "Every month",
    Cadence.QUARTERLY: "Every quarter of the fiscal year",
    Cadence.ANNUAL: "Every fiscal year",
    Cadence.CUSTOM: "Once, from the first day to the last",
}
_USUAL = ("USD", "EUR", "GBP", "CHF", "JPY", "CNY", "INR", "CAD", "AUD", "SEK")
CURRENCIES = (*_USUAL, *COUNTED)
SCOPE_FIELDS = tuple(f"scope.{name}" for name in DIMENSION_OF)


def _text(**attributes: str) -> UnfoldAdminTextInputWidget:
    return UnfoldAdminTextInputWidget(attributes)


def _choose_from(
    field: Any,
    rows: QuerySet[Any],
    labels: Sequence[tuple[int, str]],
    *,
    must: bool = False,
) -> None:
    """Offer *rows* in a field of choices, called by *labels* if there are any; where
    one *must* be chosen, only those that have a label."""
    field.queryset = rows
    field.required = field.required or must
    if labels or must:
        nothing = [] if must else [("", field.empty_label or "")]
        field.choices = [*nothing, *labels]


def _day() -> forms.DateField:
    return forms.DateField(required=False, widget=_text(type="date"))


class BudgetForm(forms.Form):
    """Everything a budget is, in five sections."""

    name = forms.CharField(max_length=200, widget=_text(autocomplete="off"))
    owner = forms.ModelChoiceField(
        User.objects.none(),
        required=False,
        empty_label="Nobody",
        widget=UnfoldAdminSelectWidget,
        help_text="Who answers for it.",
    )
    note = forms.CharField(
        required=False, widget=UnfoldAdminTextareaWidget({"rows": "2"})
    )
    parent = forms.ModelChoiceField(
        Budget.objects.none(),
        required=False,
        empty_label="None: a tree of its own",
        widget=UnfoldAdminSelectWidget,
        help_text="The budget above it, which is charged for all that this one is.",
    )
    amount = AmountField(
        max_digits=30,
        decimal_places=10,
        widget=_text(inputmode="decimal", autocomplete="off"),
        help_text="What may be spent in one period. A new amount holds from the "
        "present one on; those that are over keep what they had.",
    )
    reason = WhyField(required=False, help_text="Kept with a new amount or limit.")
    currency = forms.CharField(
        max_length=8,
        widget=_text(list="co-currencies"),
        help_text="Or what it counts in place of money: tokens, or requests.",
    )
    period = forms.ChoiceField(
        choices=[(one.value, label) for one, label in CADENCES.items()],
        widget=UnfoldAdminSelectWidget,
    )
    timezone = forms.CharField(
        label="Time zone",
        widget=_text(list="co-zones", autocomplete="off"),
        help_text="Days and periods begin at midnight there.",
    )
    start_date = _day()
    end_date = _day()
    warning_threshold = PercentField(widget=_text(inputmode="decimal"))
    critical_threshold = PercentField(widget=_text(inputmode="decimal"))
    enforcement = forms.ChoiceField(
        choices=Enforcement.choices,
        widget=UnfoldAdminRadioSelectWidget,
        label="At the limit",
    )
    priority = forms.ChoiceField(
        choices=Priority.choices,
        widget=UnfoldAdminSelectWidget,
        help_text="Whose needs come first where amounts are recommended and there is "
        "not enough for all.",
    )
    rollover_mode = forms.ChoiceField(
        choices=RolloverMode.choices,
        widget=UnfoldAdminSelectWidget,
        label="Into the next period goes",
    )
    rollover_cap = PercentField(
        required=False,
        max_digits=7,
        widget=_text(inputmode="decimal"),
        label="At most, in percent of its amount",
        help_text="Empty: no cap.",
    )

    def __init__(
        self,
        data: Any = None,
        *,
        organization: Organization,
        budget: Budget | None = None,
        parents: Sequence[tuple[int, str]] = (),
        may_top: bool = True,
        offers: Mapping[str, Sequence[Offer]] | None = None,
        first: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(
            data, initial={**_initial(organization, budget), **(first or {})}
        )
        self.organization, self.budget = organization, budget
        owners: QuerySet[User] = User.objects.filter(
            memberships__organization=organization
        )
        if budget is not None and budget.owner_id is not None:
            owners = owners | User.objects.filter(pk=budget.owner_id)
        self._choose("owner", owners.distinct())
        if budget is None:
            rows = Budget.objects.filter(organization=organization).active()
            self._choose("parent", rows, parents, must=not may_top)
        else:
            self._keep(budget)
        for name, dimension in DIMENSION_OF.items():
            field = ValuesField(
                required=False, label=name.title(), help_text=READ_AS.get(name, "")
            )
            field.widget.offers = (offers or {}).get(dimension, ())
            self.fields[f"scope.{name}"] = field
        self.fields["scope.tags"] = TagsField(
            required=False,
            label="Tags",
            widget=UnfoldAdminTextareaWidget({"rows": "2", "aria-label": "Tags"}),
            help_text="One a line, all of which must be there: name, or name=value.",
        )
        add_fields(self, budget)
        self.fields["warning_threshold"].label = "Warning, in percent"
        self.fields["critical_threshold"].label = "Critical, in percent"
        self.fields["start_date"].label = "First day"
        self.fields["end_date"].label = "Last day"
        self.fields["start_date"].help_text = "Empty: the present period's first."
        self.fields["end_date"].help_text = "Empty: none."

    def _keep(self, budget: Budget) -> None:
        """Take away what is not changed here: moving is a form of its own, and what is
        counted in place of money stays."""
        del self.fields["parent"]
        if budget.currency in COUNTED:
            self.fields["currency"].disabled = True
            self.fields["currency"].help_text = "What it counts stays."

    def _choose(
        self,
        name: str,
        rows: QuerySet[Any],
        labels: Sequence[tuple[int, str]] = (),
        *,
        must: bool = False,
    ) -> None:
        _choose_from(self.fields[name], rows, labels, must=must)

    def clean_currency(self) -> str:
        said = str(self.cleaned_data["currency"]).strip()
        return said.lower() if said.lower() in COUNTED else said.upper()

    def clean_timezone(self) -> str:
        zone = str(self.cleaned_data["timezone"]).strip()
        validate_zone(zone)
        return zone

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        check_tag(self)
        first, last = cleaned.get("start_date"), cleaned.get("end_date")
        if first and last and last < first:
            self.add_error("end_date", "Must not be before the first day.")
        for day in (first, last):
            if day is not None and not 2000 <= day.year < 2200:
                raise ValidationError("Days are of the years 2000 to 2199.")
        return cleaned

    @property
    def scope(self) -> dict[str, Any]:
        """Return the scope as far as it is filled in; see budgets.scopes."""
        scope = {
            name.removeprefix("scope."): self.cleaned_data.get(name) or []
            for name in SCOPE_FIELDS
        }
        return scope | {"tags": self.cleaned_data.get("scope.tags") or {}}

    @property
    def why(self) -> str:
        return str(self.cleaned_data["reason"])

    def plan(self) -> BudgetPlan:
        """Return what is asked for. What the form does not show stays as it was."""
        said = self.cleaned_data
        budget = self.budget
        plan = plan_of(budget) if budget else BudgetPlan(name="", amount=Decimal(0))
        for name in (
            *("name", "owner", "note", "amount", "currency", "timezone"),
            *("warning_threshold", "critical_threshold", "enforcement"),
            *("priority", "rollover_mode", "rollover_cap"),
        ):
            setattr(plan, name, said[name])
        if budget is None:
            plan.parent = said["parent"]
        plan.period = Cadence(said["period"])
        plan.scope = self.scope
        plan.template_for_each, plan.template_most = said_of(said, budget)
        plan.starts_at, plan.ends_at = self.instants()
        return plan

    def instants(self) -> tuple[datetime | None, datetime | None]:
        """Return when it starts and ends: bare days of its zone; the end exclusive.

        A day that is left as it was stands for the instant it was made from.
        """
        said, zone = self.cleaned_data, ZoneInfo(self.cleaned_data["timezone"])
        first: date | None = said.get("start_date")
        last: date | None = said.get("end_date")
        before = self.initial
        kept = self.budget if self.budget and zone.key == self.budget.timezone else None
        if kept and first == before["start_date"]:
            starts_at: datetime | None = kept.starts_at
        else:
            starts_at = start_of(first, zone) if first else None
        if kept and last == before["end_date"]:
            ends_at = kept.ends_at
        else:
            ends_at = start_of(last + _DAY, zone) if last else None
        return starts_at, ends_at


def _initial(organization: Organization, budget: Budget | None) -> dict[str, Any]:
    if budget is None:
        return {
            "currency": organization.currency,
            "timezone": organization.timezone,
            "period": Cadence.MONTHLY.value,
            "warning_threshold": Decimal("0.80"),
            "critical_threshold": Decimal("0.95"),
            "enforcement": Enforcement.SOFT,
            "priority": Priority.NORMAL,
            "rollover_mode": RolloverMode.NONE,
        }
    zone = ZoneInfo(budget.timezone)
    ends_at = budget.ends_at
    return {
        **{
            name: getattr(budget, name)
            for name in (
                *("name", "note", "currency", "timezone", "period", "enforcement"),
                *("warning_threshold", "critical_threshold"),
                *("priority", "rollover_mode", "rollover_cap"),
            )
        },
        "owner": budget.owner_id,
        "amount": budget.amount,
        "start_date": day_of(budget.starts_at, zone),
        "end_date": ends_at and day_of(ends_at - _MOMENT, zone),
        **{
            f"scope.{name}": budget.scope.get(name, {} if name == "tags" else [])
            for name in (*DIMENSION_OF, "tags")
        },
    }


def begun_below(above: Leaf | None) -> dict[str, Any]:
    """Return what the form of a budget below *above* begins with."""
    if above is None:
        return {}
    counts = {"currency": above.currency} if above.currency in COUNTED else {}
    return {"parent": above.id, **counts}


def scope_words(stored: Mapping[str, Any]) -> str:
    """Say a scope in words: "team ml; projects a, b"; "everything"."""
    scope = BudgetScope.of(stored)
    if scope.is_everything:
        return "everything"
    parts = [
        f"{name if len(values) > 1 else one} {', '.join(values)}"
        for name, one in DIMENSION_OF.items()
        if (values := stored.get(name))
    ]
    if scope.tags:
        tags = ", ".join(f"{k}={v}" if v else k for k, v in scope.tags)
        parts.append(f"tags {tags}")
    return "; ".join(parts)


class MoveForm(forms.Form):
    """Where a budget is to go, and why."""

    parent = forms.ModelChoiceField(
        Budget.objects.none(),
        required=False,
        label="Move to",
        empty_label="None: a tree of its own",
        widget=UnfoldAdminSelectWidget,
    )
    reason = WhyField(help_text="It stands in the history of the budget.")

    def __init__(
        self,
        data: Any = None,
        *,
        budget: Budget,
        parents: Sequence[tuple[int, str]],
        may_top: bool,
    ) -> None:
        super().__init__(data, initial={"parent": budget.parent_id})
        rows = Budget.objects.filter(organization=budget.organization_id)
        _choose_from(self.fields["parent"], rows, parents, must=not may_top)
