"""Monthly reports as they come in over the wire."""

from typing import Any

from rest_framework import serializers

from lib.wirefields import ChoiceField, Plain
from reports.models import ReportKind
from reports.monthly.commenting import MOST_NAME, MOST_TEXT

MOST_COMMENTS = 1_000


class ReportIn(Plain):
    """Which report is to be made."""

    kind = ChoiceField(choices=ReportKind.choices, default=ReportKind.MONTHLY)
    month = serializers.CharField(max_length=20, help_text="Such as 2025-01.")
    budget = serializers.CharField(
        max_length=64,
        required=False,
        allow_null=True,
        default=None,
        help_text="Of it and what is below it; null: of the whole organization.",
    )
    organization_id = serializers.CharField(
        max_length=100,
        required=False,
        allow_null=True,
        help_text="A platform key must name it where there are several.",
    )


class CommentaryIn(Plain):
    """What is to stand beside a budget's line; without a text, nothing."""

    shown = frozenset({"writer", "written_at"})

    budget = serializers.CharField(max_length=64)
    text = serializers.CharField(
        max_length=MOST_TEXT,
        required=False,
        allow_blank=True,
        help_text="Why it is off.",
    )
    cause = serializers.CharField(
        max_length=MOST_TEXT,
        required=False,
        allow_blank=True,
        help_text="Another name of text.",
    )
    driver = serializers.CharField(max_length=MOST_NAME, allow_blank=True, default="")
    owner = serializers.CharField(
        max_length=MOST_NAME,
        allow_blank=True,
        default="",
        help_text="Who sees to it.",
    )
    action = serializers.CharField(max_length=MOST_TEXT, allow_blank=True, default="")
    due = serializers.DateField(
        required=False, allow_null=True, default=None, input_formats=["%Y-%m-%d"]
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs["text"] = attrs.get("text") or attrs.get("cause") or ""
        attrs.pop("cause", None)
        return attrs
