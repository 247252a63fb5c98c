"""JSON as people write it in a form."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from lib.texts import NO_ODD, odd_place


class PlainJSONField(forms.JSONField):
    """Refuses what no database can hold, and can show it again."""

    def to_python(self, value: Any) -> Any:
        parsed = super().to_python(value)
        if odd_place(parsed) is not None:
            raise ValidationError(NO_ODD)
        return parsed

    def prepare_value(self, value: Any) -> Any:
        text = super().prepare_value(value)
        # A half of a pair goes out as it came in: as an escape.
        return text.encode(errors="backslashreplace").decode()
