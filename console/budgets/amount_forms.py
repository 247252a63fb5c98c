"""The forms that change what a budget may spend over time: each asks first, and why.

Fields are called what the services call them, so that what is refused there finds its
place.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from babel.dates import get_month_names
from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.models import User
from accounts.permissions import Action
from accounts.versions import Seen, check_row
from budgets.carrying import preview_rollover, undo_rollover
from budgets.grants import give_grant
from budgets.models import Budget
from budgets.permissions import (
    budgets_for,
    require,
    require_raise,
    require_transfer,
)
from budgets.phasing import (
    by_amounts,
    by_percents,
    gives_more,
    phases_of,
    seasons_of,
    set_phasing,
    year_of,
)
from budgets.temporary import raise_amount, transfer_amount
from console.asking import Consequence, Consequences
from console.fields import WhyField
from lib.amounts import AmountField
from lib.errors import Invalid
from lib.money import format_money
from lib.periods import end_of

ZERO = Decimal(0)
_MOST_TARGETS = 200  # budgets that a transfer may go to


class ChangeForm(forms.Form):
    """A change of what *budget* may spend, as it is filled in and asked about."""

    title: ClassVar[str]
    lead: ClassVar[str]  # {} is the budget's name
    about: ClassVar[str]
    verb: ClassVar[str]  # on the button

    def __init__(
        self, data: Any, *, budget: Budget, actor: User, now: datetime, locale: str
    ) -> None:
        super().__init__(data)
        self.budget, self.actor, self.now, self.locale = budget, actor, now, locale
        self.fields["reason"] = WhyField(help_text="It stands beside the amount.")
        if "amount" in self.fields:
            self.fields["amount"].label = f"How much, in {budget.currency}"

    @property
    def why(self) -> str:
        return str(self.cleaned_data["reason"])

    def money(self, amount: Decimal) -> str:
        return format_money(amount, self.budget.currency, self.locale)

    def asked(self) -> Consequences:
        """Return what follows from what is filled in.

        Raises:
            Refusal: it can't be done, or not by who asks.
        """
        return Consequences(told=list(self.told()), needs_reason=True)

    def told(self) -> Iterator[Consequence]:
        raise NotImplementedError

    def carry_out(self, seen: Seen | None) -> None:
        """Do it.

        Raises:
            Refusal: nothing is done.
        """
        raise NotImplementedError


def amount_field() -> AmountField:
    return AmountField(
        max_digits=30,
        decimal_places=10,
        min_value=Decimal(0),
        widget=UnfoldAdminTextInputWidget(
            {"inputmode": "decimal", "autocomplete": "off"}
        ),
    )


class TransferForm(ChangeForm):
    """Money for another budget, in the present period."""

    title, verb = "Transfer", "Transfer"
    lead = "Give money of {} to another budget"
    about = "It holds for the present period of both; what is planned stays."

    to = forms.ModelChoiceField(
        Budget.objects.none(), label="To", widget=UnfoldAdminSelectWidget
    )
    amount = amount_field()

    def __init__(self, data: Any, **given: Any) -> None:
        super().__init__(data, **given)
        rows = budgets_for(self.actor, Action.CHANGE).filter(
            organization=self.budget.organization_id,
            archived_at=None,
            currency=self.budget.currency,
            template_for_each="",
        )
        field: Any = self.fields["to"]
        field.queryset = rows.exclude(pk=self.budget.pk).order_by("tree_id", "lft")
        found = [(one.pk, one.name) for one in field.queryset[:_MOST_TARGETS]]
        field.choices = [("", "Choose a budget"), *found]

    def told(self) -> Iterator[Consequence]:
        to, amount = self.cleaned_data["to"], self.cleaned_data["amount"]
        require_transfer(self.actor, self.budget, to)
        words = f"{self.money(amount)} of {self.budget.name} goes to {to.name} now."
        yield Consequence(f"transfer {amount.normalize()} to {to.pk}", words)
        yield Consequence(
            "until its end",
            f"{self.budget.name} may spend that much less until its period ends, and "
            f"{to.name} that much more until its own does. What is left then is not "
            "carried over.",
        )

    def carry_out(self, seen: Seen | None) -> None:
        check_row(self.budget, seen)
        to, amount = self.cleaned_data["to"], self.cleaned_data["amount"]
        require_transfer(self.actor, self.budget, to)
        transfer_amount(self.budget, to, amount, now=self.now, reason=self.why)


class RaiseForm(ChangeForm):
    """More for a while."""

    title, verb = "Raise for a while", "Raise it"
    lead = "Let {} spend more for a while"
    about = "It ends by itself; what is left of it then is not carried over."

    amount = amount_field()
    until = forms.DateField(
        label="Last day", widget=UnfoldAdminTextInputWidget({"type": "date"})
    )

    def told(self) -> Iterator[Consequence]:
        amount, last = self.cleaned_data["amount"], self.cleaned_data["until"]
        require_raise(self.actor, self.budget)
        yield Consequence(
            f"raise {amount.normalize()} until {last}",
            f"{self.budget.name} may spend {self.money(amount)} more, in each of its "
            f"periods from now until the end of {last.day} {last:%b %Y}.",
        )

    def carry_out(self, seen: Seen | None) -> None:
        check_row(self.budget, seen)
        require_raise(self.actor, self.budget)
        last: date = self.cleaned_data["until"]
        until = end_of(last, ZoneInfo(self.budget.timezone))
        self.give(self.cleaned_data["amount"], until)

    def give(self, amount: Decimal, until: datetime) -> None:
        raise_amount(self.budget, amount, until=until, now=self.now, reason=self.why)


class GrantForm(RaiseForm):
    """Money that is spent once."""

    title, verb = "Grant", "Grant it"
    lead = "Let {} spend an amount once, until a day"
    about = (
        "It is used after what a period has of its own, and the grant that ends first "
        "before others. What a period leaves of it goes on to the next."
    )

    def told(self) -> Iterator[Consequence]:
        amount, last = self.cleaned_data["amount"], self.cleaned_data["until"]
        require_raise(self.actor, self.budget)
        yield Consequence(
            f"grant {amount.normalize()} until {last}",
            f"{self.budget.name} may spend {self.money(amount)} more, once, in any of "
            f"its periods from now until the end of {last.day} {last:%b %Y}.",
        )
        yield Consequence("expires", "What is left of it then expires.")

    def give(self, amount: Decimal, until: datetime) -> None:
        give_grant(self.budget, amount, until=until, now=self.now, reason=self.why)


class PhaseForm(ChangeForm):
    """What each month or quarter has."""

    title, verb = "Seasonal amounts", "Phase it"
    lead = "Phase {} over the fiscal year"
    about = (
        "It holds from the present period on and comes back every year; periods that "
        "are over keep what they had."
    )

    kind = forms.ChoiceField(label="Filled in are", widget=UnfoldAdminSelectWidget)

    def __init__(self, data: Any, **given: Any) -> None:
        super().__init__(data, **given)
        budget, year = self.budget, year_of(self.budget) or ZERO
        kind: Any = self.fields["kind"]
        kind.choices = [
            ("amounts", f"amounts in {budget.currency}"),
            (
                "percents",
                f"percent of {self.money(budget.amount * seasons_of(budget))}",
            ),
            ("none", "nothing: all have the planned amount"),
        ]
        phases = phases_of(budget) or [year / seasons_of(budget)] * seasons_of(budget)
        why = self.fields.pop("reason")
        for number, name in enumerate(season_names(budget, self.locale)):
            field = amount_field()
            field.label, field.required = name, False
            field.initial = phases[number]
            self.fields[f"amounts.{number}"] = field
        self.fields["reason"] = why

    def amounts(self) -> list[Decimal]:
        """Return what each month or quarter is to have.

        Raises:
            Invalid: one of them is missing or can't be, or percents don't add up.
        """
        kind = self.cleaned_data["kind"]
        if kind == "none":
            return []
        names = [name for name in self.fields if name.startswith("amounts.")]
        given = [self.cleaned_data.get(name) for name in names]
        for name, amount in zip(names, given, strict=True):
            if amount is None:
                raise Invalid.field(name, "Fill in how much; 0 is nothing.")
        whole = [amount for amount in given if amount is not None]
        if kind == "percents":
            return by_percents(self.budget, whole)
        return by_amounts(self.budget, whole)

    def told(self) -> Iterator[Consequence]:
        amounts = self._allowed()
        words = "Each period has the planned amount again, from now on."
        if amounts:
            year = self.money(sum(amounts, ZERO))
            words = f"A year of {self.budget.name} has {year}, from this period on."
        yield Consequence(f"phase {[str(one.normalize()) for one in amounts]}", words)
        if amounts:
            names = season_names(self.budget, self.locale)
            each = zip(names, map(self.money, amounts), strict=True)
            yield Consequence("each", "; ".join(f"{name} {one}" for name, one in each))

    def carry_out(self, seen: Seen | None) -> None:
        amounts = self._allowed()
        set_phasing(self.budget, amounts, now=self.now, reason=self.why, seen=seen)

    def _allowed(self) -> list[Decimal]:
        require(self.actor, Action.CHANGE, self.budget)
        amounts = self.amounts()
        if gives_more(self.budget, amounts, now=self.now):
            require_raise(self.actor, self.budget)
        return amounts


class UndoForm(ChangeForm):
    """What was carried over, taken back."""

    title, verb = "Take back what was carried over", "Take it back"
    lead = "Take back what was carried over into the present period of {}"
    about = "A line says so, with who and why; nothing that was is removed."

    def told(self) -> Iterator[Consequence]:
        carried = self._carried()
        which = "less" if carried > 0 else "more"
        yield Consequence(
            f"undo {carried.normalize()}",
            f"{self.budget.name} may spend {self.money(abs(carried))} {which} in its "
            "present period.",
        )
        yield Consequence(
            "for good", "Late costs of the period before carry nothing more into it."
        )

    def carry_out(self, seen: Seen | None) -> None:
        check_row(self.budget, seen)
        self._carried()
        undo_rollover(self.budget, now=self.now, reason=self.why)

    def _carried(self) -> Decimal:
        require(self.actor, Action.CHANGE, self.budget)
        carried = preview_rollover(self.budget, now=self.now).carried_in
        if carried < 0:
            require_raise(self.actor, self.budget)
        return carried


def season_names(budget: Budget, locale: str) -> Sequence[str]:
    """Return what the months or quarters of *budget*'s year are called, in order."""
    if seasons_of(budget) == 4:
        return [f"Quarter {number}" for number in range(1, 5)]
    first = budget.organization.fiscal_year_start_month
    names = get_month_names("wide", "stand-alone", "en")
    return [str(names[(first - 1 + number) % 12 + 1]) for number in range(12)]
