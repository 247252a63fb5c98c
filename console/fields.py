"""Fields of forms that more than one page has: offers, tags, shares."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from django import forms
from django.template.loader import render_to_string
from django.utils.safestring import mark_safe
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.audit import MOST_REASON
from lib.amounts import AmountField
from lib.money import format_percent

_HUNDRED = Decimal(100)


class WhyField(forms.CharField):
    """Why a change is made, as long as histories keep it."""

    def __init__(self, *, help_text: str = "", **options: Any) -> None:
        limit = f"Up to {MOST_REASON} characters."
        usual: dict[str, Any] = {
            "label": "Why",
            "max_length": MOST_REASON,
            "widget": UnfoldAdminTextInputWidget({"autocomplete": "off"}),
            "help_text": f"{help_text} {limit}".strip(),
        }
        super().__init__(**usual | options)


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

    def sent(self, name: str, value: Any) -> dict[str, list[str]]:
        return {name: list(value or ()), f"{name}.others": []}

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


class PercentField(AmountField):
    """Percent for people, a share inside."""

    def __init__(self, **options: Any) -> None:
        usual = {"max_digits": 5, "decimal_places": 2, "min_value": 0}
        super().__init__(shown_places=0, **usual | options)

    def prepare_value(self, value: Any) -> Any:
        shown = value * _HUNDRED if isinstance(value, Decimal) else value
        return super().prepare_value(shown)

    def clean(self, value: Any) -> Decimal | None:
        percent = super().clean(value)
        return None if percent is None else percent / _HUNDRED

    def words_of(self, share: Decimal) -> str:
        return format_percent(share)
