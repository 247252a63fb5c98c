"""Langfuse's observations: exports to a bucket, its API, and its pages.

What it reckoned as the cost is taken as such; with --ignore-column total_cost (or
totalCost, costDetails) the tokens are priced here.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from intake.counts import Counts
from intake.formats.cells import amount, filled, mapping, moment, parsed, text, whole
from intake.formats.counting import counted, said_nothing
from intake.objects import Told, of_langfuse

_KEPT = ("trace_id", "name", "type", "session_id", "release", "version")


def langfuse(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the record of one observation; none, if nothing was used."""

    def cell(*names: str) -> Any:
        """Return the first there is, in the words of the bucket or of the API."""
        spelled = (each for name in names for each in (name, _camel(name)))
        return next((row[each] for each in spelled if text_or_object(row, each)), None)

    told = _usage(mapping(cell("usage_details")) or mapping(row.get("usage")), cell)
    used, doubt = counted(told.counts, told.quantities)
    details = mapping(cell("cost_details"))
    cost = amount(cell("total_cost", "calculated_total_cost") or details.get("total"))
    fields = {
        "id": text(cell("id")),
        "timestamp": moment(cell("start_time")),
        "model": text(cell("provided_model_name", "model")),
        "environment": text(cell("environment")),
        "user_id": text(cell("user_id")),
        "tags": parsed(cell("tags")) or None,
        "cost": cost,
        "currency": "USD" if cost else None,
        **used,
    }
    if said_nothing(fields):
        return
    kept = {name: text(cell(name)) for name in _KEPT}
    yield filled({**fields, "metadata": filled({**kept, "doubt": doubt})})


def _usage(details: Mapping[str, Any], cell: Any) -> Told:
    counts = {name: whole(value) for name, value in details.items()}
    if found := {name: n for name, n in counts.items() if n is not None}:
        return of_langfuse(found)
    return Told(
        Counts(
            whole(cell("input_usage", "prompt_tokens")),
            whole(cell("output_usage", "completion_tokens")),
            total=whole(cell("total_usage", "total_tokens")),
        ),
        {},
    )


def text_or_object(row: Mapping[str, Any], name: str) -> bool:
    value = row.get(name)
    return isinstance(value, dict | list) or text(value) is not None


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.title() for word in rest)
