"""The forms of an approval policy: itself, its levels, and trying it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import QuerySet
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.models import User
from accounts.scopes import Role
from approvals.models import ApproverKind
from approvals.types import LevelPlan, PolicyPlan
from budgets.models import Budget
from lib.amounts import AmountField

ANY, ALL = "1", "all"
_COUNTED = 10  # how many at most may be asked for by choosing
_ABOVE = 3  # levels above the budget whose owners are offered
_LONGEST_NAME = 200
ROLE_WORDS = {
    Role.FINANCE_ADMIN: "Finance admins",
    Role.BUDGET_OWNER: "Budget owners",
    Role.APPROVER: "Approvers",
    Role.VIEWER: "Viewers",
}


def approver_words(words: str) -> str:
    """Write whom a level names, as people read it: "Owner of the budget above"."""
    kind, _, rest = words.partition(":")
    if kind == "role":
        return ROLE_WORDS[Role(rest)]
    if words == ApproverKind.BUDGET_OWNER:
        return "The budget's owner"
    if kind == ApproverKind.ANCESTOR_OWNER:
        above = "above" if rest == "1" else f"{rest} levels above"
        return f"Owner of the budget {above}"
    return words


def _is_group(words: str) -> bool:
    return "@" not in words


_OFFERED = (
    ApproverKind.BUDGET_OWNER.value,
    *(f"{ApproverKind.ANCESTOR_OWNER.value}:{above}" for above in range(1, _ABOVE + 1)),
    *(f"role:{role.value}" for role in ROLE_WORDS),
)


def _text(**attributes: str) -> UnfoldAdminTextInputWidget:
    return UnfoldAdminTextInputWidget(attributes)


def _amount(**options: Any) -> AmountField:
    widget = _text(inputmode="decimal", autocomplete="off")
    return AmountField(
        max_digits=30, decimal_places=10, min_value=Decimal(0), widget=widget, **options
    )


class AddressesField(forms.CharField):
    """Mail addresses, one a line or with commas between them."""

    def __init__(self, **options: Any) -> None:
        widget = UnfoldAdminTextareaWidget({"rows": "2", "spellcheck": "false"})
        super().__init__(required=False, widget=widget, **options)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        found = [one.lower() for one in str(value or "").replace(",", " ").split()]
        for one in found:
            try:
                validate_email(one)
            except ValidationError as error:
                raise ValidationError(f"“{one}” is no mail address.") from error
        return list(dict.fromkeys(found))


class PolicyForm(forms.Form):
    """A policy without its levels, which are forms of their own."""

    name = forms.CharField(max_length=_LONGEST_NAME, widget=_text(autocomplete="off"))
    budget = forms.ModelChoiceField(
        Budget.objects.none(),
        required=False,
        label="For which budgets",
        empty_label="All that have no policy of their own",
        widget=UnfoldAdminSelectWidget,
        help_text="A budget, and what is below it.",
    )
    currency = forms.CharField(
        max_length=3,
        widget=_text(autocomplete="off", spellcheck="false"),
        help_text="What its amounts are in; requests in others are converted.",
    )
    self_approval_below = _amount(
        label="People may approve their own requests of less than",
        required=False,
        help_text="Empty: nobody approves what they asked for.",
    )

    def __init__(
        self,
        data: Any,
        *,
        plan: PolicyPlan,
        budgets: QuerySet[Budget],
        offers: Sequence[tuple[int, str]],
    ) -> None:
        said = {name: getattr(plan, name) for name in self.base_fields}
        super().__init__(data, initial=said)
        if data is not None and "budget" not in data:  # it stays where it is
            del self.fields["budget"]
            return
        budget: Any = self.fields["budget"]
        budget.queryset = budgets
        there = plan.budget
        if there is not None and there.pk not in {pk for pk, _ in offers}:
            offers = [(there.pk, there.name), *offers]
        budget.choices = [("", budget.empty_label), *offers]

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).strip().upper()


class LevelForm(forms.Form):
    """One level: who, how many of them, from which amount on."""

    name = forms.CharField(max_length=_LONGEST_NAME, widget=_text(autocomplete="off"))
    groups = forms.MultipleChoiceField(
        label="Who decides", required=False, widget=forms.CheckboxSelectMultiple
    )
    people = AddressesField(
        label="And these people",
        help_text="Mail addresses, one a line. They need no account.",
    )
    required = forms.ChoiceField(
        label="How many of them", widget=UnfoldAdminSelectWidget
    )
    min_amount = _amount(label="From this amount on", help_text="0: of every request.")
    parallel = forms.BooleanField(
        label="At the same time as the level before", required=False
    )
    removed = forms.BooleanField(label="Remove this level", required=False)

    def __init__(
        self, data: Any = None, *, prefix: str, level: LevelPlan | None = None
    ) -> None:
        super().__init__(data, prefix=prefix, initial=_initial_of(level))
        groups: Any = self.fields["groups"]
        there = [one for one in level.approvers if _is_group(one)] if level else []
        offered = dict.fromkeys([*_OFFERED, *there])
        groups.choices = [(one, approver_words(one)) for one in offered]
        required: Any = self.fields["required"]
        required.choices = _how_many(level)

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        if not said.get("groups") and "people" in said and not said["people"]:
            self.add_error("groups", "Tick somebody, or write an address below.")
        return said

    @property
    def is_removed(self) -> bool:
        """Tell whether it is to go, however it is filled in."""
        self.is_valid()
        return self.is_bound and bool(self.cleaned_data.get("removed"))

    @property
    def plan(self) -> LevelPlan:
        """Return the level, of a form that is valid."""
        said = self.cleaned_data
        return LevelPlan(
            name=said["name"],
            approvers=[*said["groups"], *said["people"]],
            required=None if said["required"] == ALL else int(said["required"]),
            min_amount=said["min_amount"],
            parallel=said["parallel"],
        )


def _initial_of(level: LevelPlan | None) -> dict[str, Any]:
    if level is None:
        return {"required": ANY, "min_amount": Decimal(0)}
    return {
        "name": level.name,
        "groups": [one for one in level.approvers if _is_group(one)],
        "people": [one for one in level.approvers if not _is_group(one)],
        "required": ALL if level.required is None else str(level.required),
        "min_amount": level.min_amount,
        "parallel": level.parallel,
    }


def _how_many(level: LevelPlan | None) -> list[tuple[str, str]]:
    most = max(_COUNTED, (level.required if level else None) or 1)
    some = [(str(count), f"{count} of them") for count in range(2, most + 1)]
    return [(ANY, "Any one of them"), *some, (ALL, "All of them")]


class TryForm(forms.Form):
    """What somebody would ask for: who would have to approve it?"""

    amount = _amount(required=False)
    budget = forms.ModelChoiceField(
        Budget.objects.none(),
        required=False,
        label="For",
        empty_label="No budget in particular",
        widget=UnfoldAdminSelectWidget,
    )
    requester = forms.EmailField(
        label="Asked by",
        required=False,
        max_length=320,
        widget=_text(autocomplete="off", spellcheck="false"),
        help_text="Nobody decides about their own request. Empty: anybody.",
    )

    def __init__(
        self,
        data: Any = None,
        *,
        budgets: QuerySet[Budget],
        people: QuerySet[User],
        offers: Sequence[tuple[int, str]],
        prefix: str | None = None,
    ) -> None:
        super().__init__(data, prefix=prefix)
        self.people = people
        budget: Any = self.fields["budget"]
        budget.queryset = budgets
        budget.choices = [("", budget.empty_label), *offers]

    def clean_requester(self) -> User | None:
        address = str(self.cleaned_data["requester"] or "").strip()
        if not address:
            return None
        person = self.people.filter(email__iexact=address).first()
        if person is None:
            raise ValidationError("There is no such person in the organization.")
        return person
