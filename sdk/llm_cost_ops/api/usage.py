"""Usage in, costs out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional

from llm_cost_ops.answers.shaped import CostSummary, Timeseries, UnpricedModels
from llm_cost_ops.answers.usage import (
    BatchReceipt,
    CostRecord,
    OutcomeReceipt,
    UsageReceipt,
)
from llm_cost_ops.api.fields import CostFilters, ListedCosts, OutcomeFields, UsageFields
from llm_cost_ops.errors import BadAnswerError
from llm_cost_ops.money import wire
from llm_cost_ops.reading import read
from llm_cost_ops.requests import (
    Answer,
    Page,
    Request,
    reads,
    reads_linked_page,
    reads_many,
    segment,
)

if TYPE_CHECKING:
    from typing import Unpack

_OF_POINT = frozenset(
    {"start", "cost", "requests", "unpriced_requests"}
    | {"input_tokens", "cached_tokens", "output_tokens"}
)


def report_usage(record: UsageFields) -> Request[UsageReceipt]:
    """Report one use of a model; its id counts once, so a repeat does no harm."""
    return Request("POST", "/api/v1/usage", reads(UsageReceipt), body=_written(record))


def report_outcome(outcome: OutcomeFields) -> Request[OutcomeReceipt]:
    """Report what was achieved; its id counts once, so a repeat does no harm."""
    return Request(
        "POST", "/api/v1/outcomes", reads(OutcomeReceipt), body=dict(outcome)
    )


def correct_usage(
    usage_id: str, record: UsageFields, *, reason: str
) -> Request[UsageReceipt]:
    """Have a use count with what *record* says, all of it, instead of what was booked.

    `corrected` of the answer is False where it says that already.
    """
    return Request(
        "POST",
        f"/api/v1/usage/{segment(usage_id)}/correction",
        reads(UsageReceipt),
        body={**_written(record), "id": usage_id, "reason": reason},
        creates=True,
    )


def report_usage_batch(
    records: Sequence[UsageFields], *, atomic: bool = False
) -> Request[BatchReceipt]:
    """Report up to 10,000 uses; bad ones sink no others, unless *atomic*."""
    return Request(
        "POST",
        "/api/v1/usage/batch",
        reads(BatchReceipt),
        query={"atomic": True} if atomic else {},
        body=[_written(record) for record in records],
    )


def _written(record: UsageFields) -> dict[str, Any]:
    written: dict[str, Any] = dict(record)
    if written.get("cost") is not None:
        written["cost"] = wire(written["cost"])
    return written


def get_costs(**filters: Unpack[ListedCosts]) -> Request[tuple[CostRecord, ...]]:
    """List all usage once, as it stands; for very much, page with `list_costs`."""
    return Request("GET", "/api/v1/costs", reads_many(CostRecord), query=dict(filters))


def list_costs(
    *, limit: int = 1000, **filters: Unpack[ListedCosts]
) -> Request[Page[CostRecord]]:
    """List cost records page by page; `iterate` walks over all pages."""
    query = {**filters, "limit": limit}
    return Request("GET", "/api/v1/costs", reads_linked_page(CostRecord), query=query)


def get_unpriced(**filters: Unpack[CostFilters]) -> Request[UnpricedModels]:
    """List the models that were used and have no known price."""
    return Request(
        "GET", "/api/v1/costs/unpriced", reads(UnpricedModels), query=dict(filters)
    )


def get_summary(
    *, group_by: Optional[str] = None, **filters: Unpack[CostFilters]
) -> Request[CostSummary]:
    """Add costs up; *group_by* is "provider,model,project" and the like."""
    return Request(
        "GET",
        "/api/v1/analytics/summary",
        _read_summary,
        query={**filters, "group_by": group_by},
    )


def _read_summary(answer: Answer) -> CostSummary:
    body = _object(answer)
    groups = {
        name[3:]: value
        for name, value in body.items()
        if name.startswith("by_") and isinstance(value, dict)
    }
    return read(CostSummary, {**body, "groups": groups})


def get_timeseries(
    *,
    interval: str = "day",
    group_by: Optional[str] = None,
    timezone: Optional[str] = None,
    **filters: Unpack[CostFilters],
) -> Request[Timeseries]:
    """Add costs up by hour, day, week or month."""
    query = {
        **filters,
        "interval": interval,
        "group_by": group_by,
        "timezone": timezone,
    }
    return Request("GET", "/api/v1/analytics/timeseries", _read_series, query=query)


def _read_series(answer: Answer) -> Timeseries:
    body = _object(answer)
    points = body.get("points")
    if not isinstance(points, list):
        raise BadAnswerError("The answer has no points.")
    return read(Timeseries, {**body, "points": [_point(each) for each in points]})


def _point(given: Any) -> Mapping[str, Any]:
    if not isinstance(given, dict):
        raise BadAnswerError("A point of the series is no object.")
    group = {name: value for name, value in given.items() if name not in _OF_POINT}
    return {**given, "group": group}


def _object(answer: Answer) -> dict[str, Any]:
    body = answer.json()
    if not isinstance(body, dict):
        raise BadAnswerError("The answer is no object.")
    return body
