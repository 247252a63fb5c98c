"""Form fields of when people are told."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextareaWidget

from notifications.steps import holiday


class HolidaysField(forms.CharField):
    """Days, one a line or with commas between; a sorted list of ISO dates."""

    def __init__(self, **options: Any) -> None:
        look = {"rows": "2", "placeholder": "2026-12-25"}
        usual: dict[str, Any] = {
            "required": False,
            "widget": UnfoldAdminTextareaWidget(look),
        }
        super().__init__(**usual | options)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)

    def clean(self, value: Any) -> Any:
        words = str(super().clean(value)).replace(",", "\n").split()
        try:
            return sorted({holiday(word) for word in words})
        except ValueError as error:
            raise ValidationError(str(error)) from error
