"""What a record costs by the list alone, and what of it is metered."""

from ledger.quantities import NONE
from ledger.tariffs import Metered
from ledger.types import ChargedSpan, TargetT
from ledger.usage import Usage


def by_list(record: Usage, span: ChargedSpan[TargetT]) -> tuple[int, int, int] | None:
    """Return what a record of plain tokens costs, in all last: nearly always enough."""
    tariff, input_tokens = span.tariff, record.input_tokens
    if (
        tariff is None
        or not input_tokens
        or record.cost is not None
        or span.rate
        or span.paid_by
        or record.quantities
        or record.requests
    ):
        return None
    parts = tariff.cost(
        input_tokens,
        record.cached_tokens or 0,
        record.cache_write_tokens or 0,
        record.output_tokens or 0,
        record.reasoning_tokens or 0,
    )
    return None if parts is None else (parts[0], parts[1], parts[0] + parts[1])


def metered(record: Usage) -> Metered:
    return Metered(
        record.input_tokens or 0,
        record.cached_tokens or 0,
        record.cache_write_tokens or 0,
        record.output_tokens or 0,
        record.reasoning_tokens or 0,
        record.requests or record.fewest_requests,
        record.quantities or NONE,
    )
