"""Templates for people: what they are for, in words, and what they would make."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from budgets.models import Budget, Enforcement
from budgets.services import BudgetPlan
from budgets.templates import FOR_EACH, LONGEST_TAG, MOST_MADE, TAG, USUAL_MOST
from console.asking import Consequence, Consequences

_NAMED = 3  # values named at once
_OF_A_TAG = "tag"
_WORDS = {"api_key": "API key"}
FIELDS = ("template.for_each", "template.tag", "template.most")


def each_words(for_each: str) -> str:
    """Say what a template is for: "each user", "each value of the tag customer"."""
    if for_each.startswith(TAG):
        return f"each value of the tag {for_each.removeprefix(TAG)}"
    return f"each {_WORDS.get(for_each, for_each)}"


def few_of(names: Sequence[str]) -> str:
    """Name some of many: "ann, ben and 5 more"."""
    named, more = names[:_NAMED], len(names) - _NAMED
    return ", ".join(named) + (f" and {more:,} more" if more > 0 else "")


def budgets_words(count: int) -> str:
    return "1 budget" if count == 1 else f"{count:,} budgets"


def made_of(budget: Budget) -> dict[str, Any]:
    """Return what a budget's page says of a template: what it makes, or that it was
    made. One query, or none."""
    if budget.is_template:
        return {
            "each": each_words(budget.template_for_each),
            "made": budget.made_in_use,
            "is_full": budget.made_in_use >= (budget.template_most or 0),
        }
    return {"maker": budget.parent if budget.template_of_id else None}


# -- In the form


def add_fields(form: forms.Form, budget: Budget | None) -> None:
    """Add what says that a budget makes others: as it is made, and how many later."""
    if budget is None:
        chosen = [(each, f"A budget for {each_words(each)}") for each in FOR_EACH]
        form.fields["template.for_each"] = forms.ChoiceField(
            required=False,
            label="What it is",
            choices=[
                ("", "One budget"),
                *chosen,
                (_OF_A_TAG, "A budget for each value of a tag"),
            ],
            widget=UnfoldAdminSelectWidget,
            help_text="A budget for each opens one below it by itself when somebody or "
            "something new is met, with the amount and all else that is said here.",
        )
        form.fields["template.tag"] = forms.CharField(
            required=False,
            max_length=LONGEST_TAG,
            label="Of which tag",
            widget=UnfoldAdminTextInputWidget({"autocomplete": "off"}),
            help_text="Its name, as usage has it.",
        )
    elif not budget.is_template:
        return
    form.fields["template.most"] = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MOST_MADE,
        label="At most",
        initial=budget.template_most if budget else USUAL_MOST,
        widget=UnfoldAdminTextInputWidget({"inputmode": "numeric"}),
        help_text="Budgets in use. Further values get none then; where the limit is "
        "hard, their calls are blocked.",
    )


def check_tag(form: forms.Form) -> None:
    if form.cleaned_data.get("template.for_each") == _OF_A_TAG and not (
        form.cleaned_data.get("template.tag")
    ):
        form.add_error("template.tag", ValidationError("Which tag?"))


def said_of(
    cleaned: Mapping[str, Any], budget: Budget | None
) -> tuple[str, int | None]:
    """Return what a form says a budget makes budgets for, and how many."""
    if budget is not None:
        most = cleaned.get("template.most") or budget.template_most
        return budget.template_for_each, most if budget.is_template else None
    for_each = str(cleaned.get("template.for_each") or "")
    if for_each == _OF_A_TAG:
        for_each = f"{TAG}{cleaned.get('template.tag') or ''}"
    return for_each, cleaned.get("template.most") if for_each else None


# -- What it would mean


@dataclass(frozen=True, slots=True)
class MetValues:
    """The values that a template finds met already, dearest first."""

    costs: Sequence[tuple[str, Decimal]]  # of the present period

    def beyond(self, amount: Decimal) -> list[str]:
        """Return the values that have spent *amount* by now."""
        return [value for value, cost in self.costs if cost >= amount]


def consequences_of_new(plan: BudgetPlan, met: MetValues, shown: str) -> Consequences:
    """Return what a new template does to calls; *shown* is its amount. A soft one does
    nothing to them."""
    if not plan.template_for_each or plan.enforcement != Enforcement.HARD:
        return Consequences()
    told = [
        Consequence(
            "refused later",
            f"From now on calls of {each_words(plan.template_for_each)} are refused "
            f"once they would pass {shown} a period.",
        )
    ]
    if beyond := met.beyond(plan.amount):
        have, are = ("has", "is") if len(beyond) == 1 else ("have", "are")
        told.append(
            Consequence(
                "refused",
                f"Of {len(met.costs):,} met so far {len(beyond):,} {have} spent "
                f"that already and {are} refused at once: {few_of(beyond)}.",
            )
        )
    return Consequences(told=told)
