"""A usage record as it comes in."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, ClassVar

import msgspec

from ledger.quantities import MOST_REQUESTS

MOST_TOKENS = 10**12  # in one record

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
_Name = Annotated[str, msgspec.Meta(max_length=200)]
_Tokens = Annotated[int, msgspec.Meta(ge=0, le=MOST_TOKENS)]
_Tier = Annotated[str, msgspec.Meta(max_length=50)]


class Usage(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """One use of a model, as its sender describes it.

    `input_tokens` include the cached and cache-write ones, `output_tokens` the
    reasoning ones. `model_name`, `prompt_tokens` and `completion_tokens` are other
    names of the same things. `check` makes the plain names hold the values, and
    `quantities` those that have no field of their own.
    """

    fewest_requests: ClassVar[int] = 1  # no field, so nobody can send it

    id: _Id
    timestamp: datetime
    provider: _Name | None = None  # found from the model where it is left out
    model: _Name | None = None
    model_name: _Name | None = None
    organization_id: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    input_tokens: _Tokens | None = None
    prompt_tokens: _Tokens | None = None
    output_tokens: _Tokens | None = None
    completion_tokens: _Tokens | None = None
    total_tokens: _Tokens | None = None
    cached_tokens: _Tokens | None = None
    cache_write_tokens: _Tokens | None = None
    reasoning_tokens: _Tokens | None = None
    latency_ms: Annotated[float, msgspec.Meta(ge=0, le=2**31 - 1)] | None = None
    project_id: _Name | None = None
    department_id: _Name | None = None
    team_id: _Name | None = None
    environment: _Name | None = None
    user_id: _Name | None = None
    tags: msgspec.Raw = msgspec.Raw()
    metadata: msgspec.Raw = msgspec.Raw()
    service_tier: _Tier | None = None
    cost: Decimal | None = None
    currency: str | None = None
    authorization_id: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    quantities: dict[str, int | Decimal] | None = None
    requests: Annotated[int, msgspec.Meta(ge=1, le=MOST_REQUESTS)] | None = None
    response_id: Annotated[str, msgspec.Meta(max_length=255)] | None = None
    run_id: _Name | None = None
    # Fields that were sent and mean nothing here: by a name that none of them has.
    ignored: tuple[str, ...] = msgspec.field(default=(), name="(ignored)")
    # Whether the provider was found from the model: a decision's, if any, beats it.
    is_provider_found: bool = msgspec.field(default=False, name="(provider found)")
    # The prefix of the key it came by, for who counts by keys; the door says it.
    sent_by: str = msgspec.field(default="", name="(sent by)")

    def attribution_key(self) -> bytes:
        """Return what decides the attribution and the price, as one JSON array.

        One object, not a tuple of nine: comparing it touches one place in memory.
        """
        return _encode(
            (
                self.department_id,
                self.team_id,
                self.project_id,
                self.environment,
                self.user_id,
                self.provider,
                self.model,
                self.service_tier,
                self.tags or None,
            )
        )


class ChargePart(Usage, gc=False):
    """What a day has of a fixed charge: a cost of no request, booked as usage is."""

    fewest_requests: ClassVar[int] = 0

    charge_id: int | None = None
    # What it takes off was booked at this one; else the one of its day is.
    booked_rate: Decimal | None = None


_encode = msgspec.json.Encoder().encode
NOT_SENT = frozenset({"ignored", "is_provider_found", "sent_by"})  # fields of no sender


def is_metered(record: Usage) -> bool:
    """Tell whether anything was counted at all: none of it is a count too."""
    return (
        record.input_tokens is not None
        or record.output_tokens is not None
        or record.quantities is not None
        or record.requests is not None
    )
