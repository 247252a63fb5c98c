"""Fields that bodies of more than one app have."""

from typing import Any

from rest_framework import serializers

from accounts.audit import MOST_REASON


class NamesField(serializers.ListField):
    """Names, each once."""

    def to_internal_value(self, data: Any) -> Any:
        return list(dict.fromkeys(super().to_internal_value(data)))


class ReasonField(serializers.CharField):
    """Why a change is made: it is kept in the history of what is changed."""

    def __init__(self, **options: Any) -> None:
        usual: dict[str, Any] = {
            "max_length": MOST_REASON,
            "required": False,
            "allow_blank": True,
            "write_only": True,
            "help_text": "Why; kept in the history.",
        }
        super().__init__(**usual | options)
