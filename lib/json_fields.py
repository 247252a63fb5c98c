"""JSON as people write it in a form."""

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from lib.texts import NO_ODD, odd_place


def _whole(digits: str) -> int:
    try:
        return int(digits)
    except ValueError as wrong:  # it has more digits than Python reads
        raise json.JSONDecodeError(str(wrong), digits, 0) from wrong


class _Decoder(json.JSONDecoder):
    """Refuses numbers that are too long as it refuses all that is no JSON."""

    def __init__(self) -> None:
        super().__init__(parse_int=_whole)


class PlainJSONField(forms.JSONField):
    """Refuses what no database can hold, and can show it again."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "decoder": kwargs.get("decoder") or _Decoder})

    def to_python(self, value: Any) -> Any:
        parsed = super().to_python(value)
        if odd_place(parsed) is not None:
            raise ValidationError(NO_ODD)
        return parsed

    def prepare_value(self, value: Any) -> Any:
        text = super().prepare_value(value)
        # A half of a pair goes out as it came in: as an escape.
        return text.encode(errors="backslashreplace").decode()
