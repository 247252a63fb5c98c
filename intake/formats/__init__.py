"""Usage as other tools write it to files, read for what it means."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from intake.formats.helicone import helicone
from intake.formats.langfuse import langfuse
from intake.formats.litellm import litellm
from intake.formats.openai import openai

Fields = dict[str, Any]
Read = Callable[[Mapping[str, Any]], Iterator[Fields]]


@dataclass(frozen=True, slots=True)
class Format:
    """How one tool writes usage: `read` yields the records of a row, mostly one.

    A row is of this format if it has one column of each of `marks`.
    """

    name: str
    read: Read
    marks: tuple[tuple[str, ...], ...]

    def missing(self, row: Mapping[str, Any]) -> str:
        """Return what a row lacks to be of this format; "": nothing."""
        lacking = (names for names in self.marks if not any(n in row for n in names))
        return next((" or ".join(names) for names in lacking), "")


_START = ("start_time", "startTime")
FORMATS = {
    each.name: each
    for each in (
        Format("helicone", helicone, (("request_created_at",), ("response_id",))),
        Format(
            "langfuse",
            langfuse,
            (_START, ("usage_details", "usageDetails", "usage", "totalUsage")),
        ),
        Format("litellm", litellm, (("request_id",), _START)),
        Format("openai", openai, (("data", "results", *_START, "start_time_iso"),)),
    )
}
