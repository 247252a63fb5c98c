"""Feeds as they come in over the wire."""

from rest_framework import serializers

from lib.wirefields import ChoiceField, Plain, Whole
from reports.models.feeds import FeedRhythm, FeedTarget

TARGET_NOTE = (
    "directory: `folder`; s3: `bucket`, `region`, `endpoint`, `folder`, `path_style`, "
    "`access_key_id`, `secret_access_key`; webhook: `url`, `secret`; mail: "
    "`recipients`. Secrets are written and never read."
)
DAY_NOTE = (
    "Of the month, 1 to 31 (its last day where it is shorter), or of the week, 1 for "
    "Monday. The file tells of the month, the seven days or the day before."
)


class FeedScheduleIn(Whole, Plain):
    """When a feed is due, by the clocks of its organization."""

    shown = frozenset({"timezone"})

    every = ChoiceField(FeedRhythm.choices)
    day = serializers.IntegerField(
        min_value=1, max_value=31, required=False, help_text=DAY_NOTE
    )
    hour = serializers.IntegerField(
        min_value=0, max_value=23, required=False, help_text="6 without it."
    )


class FeedIn(Plain):
    """A feed as it is sent."""

    shown = frozenset(
        {"id", "secrets", "disabled_reason", "next_run_at", "last_run", "created_at"}
    )

    organization_id = serializers.CharField(
        max_length=100, required=False, allow_null=True
    )
    name = serializers.CharField(max_length=100)
    kind = serializers.CharField(max_length=40, help_text="Of an export: focus.")
    format = serializers.CharField(
        max_length=16, required=False, help_text="The kind's usual one without it."
    )
    options = serializers.DictField(
        required=False, help_text="What the kind of export may be asked."
    )
    schedule = FeedScheduleIn()
    target = serializers.DictField(
        help_text=f"`type` is one of {', '.join(FeedTarget.values)}. {TARGET_NOTE}"
    )
    enabled = serializers.BooleanField(required=False)


class FeedRunIn(Plain):
    """Which days a run is to be of."""

    start_date = serializers.DateField(
        required=False,
        help_text="A day of the month or week, or the day. The last that are over "
        "without it.",
    )
