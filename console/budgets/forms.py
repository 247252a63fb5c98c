"""The forms around a budget. Fields are called what the services call them, so that
what a service refuses finds its place."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.utils.safestring import mark_safe
from unfold.widgets import (
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.models import Organization, User, validate_zone
from budgets.models import Budget, Enforcement, RolloverMode
from budgets.scopes import DIMENSION_OF, READ_AS, BudgetScope
from budgets.services import BudgetPlan, plan_of
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
SCOPE_FIELDS = tuple(f"scope.{name}" for name in DIMENSION_OF)


class Offer(NamedTuple):
    """A value that usage has, and what it cost lately, written out."""

    value: str
    cost: str


class TemplateWidget(forms.Widget):
    """One that is drawn by a template of the project."""

    def _render(self, template_name: str, context: Any, renderer: Any = None) -> Any:
        # Django's renderer of forms knows only the templates of installed apps.
        return mark_safe(render_to_string(template_name, context))  # noqa: S308 - a template escapes


class ValuesWidget(TemplateWidget):
    """Offers values to tick, and takes any others, one a line."""

    template_name = "console/budgets/values.html"
    offers: Sequence[Offer] = ()

    def get_context(
        self, name: str, value: Any, attrs: dict[str, Any] | None
    ) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        chosen = list(value or ())
        offered = {offer.value for offer in self.offers}
        return context | {
            "offers": self.offers,
            "chosen": set(chosen),
            "others": "\n".join(one for one in chosen if one not in offered),
            "count": len(chosen),
        }

    def value_from_datadict(
        self, data: Mapping[str, Any], files: Any, name: str
    ) -> list[str]:
        ticked = data.getlist(name)  # type: ignore[attr-defined]  # a QueryDict
        typed = [line.strip() for line in data.get(f"{name}.others", "").splitlines()]
        return list(dict.fromkeys(filter(None, [*ticked, *typed])))

    def id_for_label(self, id_: str) -> str:
        return ""  # many fields: the legend names them


class ValuesField(forms.Field):
    widget = ValuesWidget

    def has_changed(self, initial: Any, data: Any) -> bool:
        return sorted(initial or ()) != sorted(data or ())


class TagsField(forms.CharField):
    """Tags, one a line: a name, or name=value."""

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return "\n".join(f"{k}={v}" if v else k for k, v in value.items())
        return value

    def to_python(self, value: Any) -> Any:
        tags = {}
        for line in str(value or "").splitlines():
            name, _, wanted = line.partition("=")
            if name.strip():
                tags[name.strip()] = wanted.strip()
        return tags

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool((initial or {}) != self.to_python(data))


class PercentField(forms.DecimalField):
    """Percent for people, a share inside."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            **{"max_digits": 5, "decimal_places": 2, "min_value": 0} | options
        )

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, Decimal):
            return f"{(value * _HUNDRED).normalize():f}"
        return value

    def clean(self, value: Any) -> Decimal | None:
        percent = super().clean(value)
        return None if percent is None else percent / _HUNDRED


def _text(**attributes: str) -> UnfoldAdminTextInputWidget:
    return UnfoldAdminTextInputWidget(attributes)


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
    amount = forms.DecimalField(
        max_digits=30,
        decimal_places=10,
        widget=_text(inputmode="decimal", autocomplete="off"),
        help_text="What may be spent in one period. A new amount holds from the "
        "present one on; those that are over keep what they had.",
    )
    reason = forms.CharField(
        required=False,
        max_length=500,
        widget=_text(autocomplete="off"),
        label="Why this amount",
        help_text="Kept with a new amount.",
    )
    currency = forms.CharField(max_length=3, widget=_text(list="co-currencies"))
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
            self._choose("parent", rows, parents)
        else:
            del self.fields["parent"]  # moving is a form of its own
        for name, dimension in DIMENSION_OF.items():
            field = ValuesField(
                required=False, label=name.title(), help_text=READ_AS.get(name, "")
            )
            field.widget.offers = (offers or {}).get(dimension, ())
            self.fields[f"scope.{name}"] = field
        self.fields["scope.tags"] = TagsField(
            required=False,
            label="Tags",
            widget=UnfoldAdminTextareaWidget({"rows": "2"}),
            help_text="One a line, all of which must be there: name, or name=value.",
        )
        self.fields["warning_threshold"].label = "Warning, in percent"
        self.fields["critical_threshold"].label = "Critical, in percent"
        self.fields["start_date"].label = "First day"
        self.fields["end_date"].label = "Last day"
        self.fields["start_date"].help_text = "Empty: the present period's first."
        self.fields["end_date"].help_text = "Empty: none."

    def _choose(
        self, name: str, rows: QuerySet[Any], labels: Sequence[tuple[int, str]] = ()
    ) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - as declared
        field.queryset = rows
        if labels:
            field.choices = [("", field.empty_label or ""), *labels]

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).strip().upper()

    def clean_timezone(self) -> str:
        zone = str(self.cleaned_data["timezone"]).strip()
        validate_zone(zone)
        return zone

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
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
            *("rollover_mode", "rollover_cap"),
        ):
            setattr(plan, name, said[name])
        if budget is None:
            plan.parent = said["parent"]
        plan.period = Cadence(said["period"])
        plan.scope = self.scope
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
                *("rollover_mode", "rollover_cap"),
            )
        },
        "owner": budget.owner_id,
        "amount": f"{budget.amount.normalize():f}",
        "start_date": day_of(budget.starts_at, zone),
        "end_date": ends_at and day_of(ends_at - _MOMENT, zone),
        **{
            f"scope.{name}": budget.scope.get(name, {} if name == "tags" else [])
            for name in (*DIMENSION_OF, "tags")
        },
    }


def scope_words(stored: Mapping[str, Any]) -> str:
    """Say a scope in words: "teams ml; projects a, b"; "everything"."""
    scope = BudgetScope.of(stored)
    if scope.is_everything:
        return "everything"
    parts = [
        f"{name} {', '.join(stored[name])}" for name in DIMENSION_OF if stored.get(name)
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
    reason = forms.CharField(
        max_length=100,
        widget=_text(),
        help_text="It stands in the history of the budget.",
    )

    def __init__(
        self, data: Any = None, *, budget: Budget, parents: Sequence[tuple[int, str]]
    ) -> None:
        super().__init__(data, initial={"parent": budget.parent_id})
        field = self.fields["parent"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - as declared
        field.queryset = Budget.objects.filter(organization=budget.organization_id)
        field.choices = [("", field.empty_label or ""), *parents]
