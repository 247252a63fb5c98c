"""Usage that was reported, and what it cost.

Made by `python -m dev.sdk_types` from what the server answers with: change that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Optional


@dataclass(frozen=True)
class FieldProblem:
    """What is wrong with one field."""

    attr: str  # Its path, such as scope.teams.
    code: str
    detail: str


@dataclass(frozen=True)
class Difference:
    """What a record says otherwise than the decision it settles."""

    field: str
    asked: Any = None  # None: the decision left it open.
    sent: Any = None


@dataclass(frozen=True)
class Settled:
    """What became of the authorization or lease that a record names."""

    id: str
    known: bool
    reserved: Optional[Decimal] = None  # None: it was drawn from a lease.
    over: Decimal = Decimal(0)  # What it cost more than was set aside.
    # What the record says otherwise than the decision, whose dimensions stand; neither
    # what it leaves out nor another spelling of the same.
    differs: tuple[Difference, ...] = ()
    without_leave: bool = False  # Another model was used than the decision allowed.


@dataclass(frozen=True)
class SettledPlace:
    """What became of what a record of a batch settles, by its place in the batch."""

    index: int
    authorization: Settled


@dataclass(frozen=True)
class UsageReceipt:
    """What became of one usage record."""

    id: str
    cost: Optional[Decimal]  # None: no price is known.
    currency: str
    status: str = ""  # success
    usage_id: str = ""
    priced: bool = True
    duplicate: bool = False
    conflict: bool = False  # A repeat with other content: the first stands.
    # The usage that the same response is booked for.
    duplicate_of: Optional[str] = None
    # The month it counts in: another than its own if that was closed.
    booked_in: Optional[str] = None
    # The reported cost was rounded, half to even, to ten decimals; what was sent stands
    # in the metadata as `cost_sent`.
    cost_rounded: bool = False
    authorization: Optional[Settled] = None
    # Kinds for want of whose price none of it has one.
    unpriced_kinds: tuple[str, ...] = ()
    # Kinds whose price stands in for one of their own.
    assumed_kinds: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()  # Fields that mean nothing here.
    # Of a correction: false if it has this content already.
    corrected: Optional[bool] = None
    detail: Optional[str] = None  # Of a correction of nothing.


@dataclass(frozen=True)
class Rejected:
    """A record of a batch that was not booked, by its place in the batch."""

    index: int
    id: Optional[str]
    errors: tuple[FieldProblem, ...]


@dataclass(frozen=True)
class Conflicting:
    """A record of a batch, by its place in the batch."""

    index: int
    id: str


@dataclass(frozen=True)
class RepeatedResponse:
    """A record whose response is booked for another usage already."""

    index: int
    id: str
    duplicate_of: str


@dataclass(frozen=True)
class UnpricedRecord:
    """A record that no price is known for, and for want of which kinds."""

    index: int
    id: str
    unpriced_kinds: tuple[str, ...]
    assumed_kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class IgnoredFields:
    """Fields of a record that mean nothing here."""

    index: int
    id: str
    fields: tuple[str, ...]


@dataclass(frozen=True)
class BookedElsewhere:
    """A record that counts in another month than its own, which was closed."""

    index: int
    id: str
    booked_in: str  # Such as 2025-02.


@dataclass(frozen=True)
class BatchReceipt:
    """What became of a batch."""

    accepted: int
    duplicates: int
    rejected: tuple[Rejected, ...]
    status: str = ""  # success
    # Duplicates with other content: the first stands.
    conflicts: tuple[Conflicting, ...] = ()
    # Duplicates whose id is new, and whose response is booked for another.
    repeated_responses: tuple[RepeatedResponse, ...] = ()
    # Whose reported costs were rounded to ten decimals.
    rounded: tuple[Conflicting, ...] = ()
    unpriced: tuple[UnpricedRecord, ...] = ()
    ignored: tuple[IgnoredFields, ...] = ()
    # Whose authorization is unknown, or was not enough.
    unsettled: tuple[SettledPlace, ...] = ()
    # Which say otherwise than their decisions, or had no leave.
    differing: tuple[SettledPlace, ...] = ()
    # Which count in another month than their own, for that was closed.
    booked_in: tuple[BookedElsewhere, ...] = ()
    # Of the accepted ones. None: in several currencies.
    total_cost: Optional[Decimal] = None
    currency: Optional[str] = None
    processing_time_ms: Decimal = Decimal(0)
    # By currency, where the batch has several.
    total_costs: dict[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True)
class OutcomeReceipt:
    """What became of one outcome."""

    id: str
    name: str
    count: int
    status: str = ""  # success
    duplicate: bool = False
    conflict: bool = False  # A repeat with other content: the first stands.


@dataclass(frozen=True)
class CostRecord:
    """One use of a model and what it cost, as it stands or as it stood."""

    id: int
    usage_id: str  # The id its sender gave it.
    organization_id: str
    provider: str  # Its one name, however it was spelled.
    model: str  # Its one name, however it was spelled.
    timestamp: datetime  # When it is booked, and counts.
    currency: str
    input_tokens: int  # The cached ones included.
    output_tokens: int  # Reasoning included.
    total_cost: Optional[Decimal]  # What is charged. None: no price is known.
    priced: bool
    # 0: as first booked. From 1 on: as corrected or repriced since.
    correction: int = 0
    corrected: bool = False  # It is not as first booked.
    project_id: Optional[str] = None
    department_id: Optional[str] = None
    team_id: Optional[str] = None
    environment: Optional[str] = None
    user_id: Optional[str] = None
    model_version: Optional[str] = None  # The version named, if one was.
    sent_provider: str = ""  # As it came.
    sent_model: str = ""  # As it came.
    service_tier: str = ""
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    requests: int = 1  # How many requests it is of; what corrects it has none.
    # What was metered beside plain tokens.
    quantities: dict[str, Any] = field(default_factory=dict)
    input_cost: Optional[Decimal] = None
    output_cost: Optional[Decimal] = None
    other_cost: Optional[Decimal] = None  # Of what is neither input nor output tokens.
    # By the price list: input, output and all else.
    computed_cost: Optional[Decimal] = None
    # Kinds for want of whose price none of it has one.
    unpriced_kinds: tuple[str, ...] = ()
    # Kinds whose price stands in for one of their own: cached_tokens at the price of
    # others; requests: many in one record, priced by their mean.
    assumed_kinds: tuple[str, ...] = ()
    reported: bool = False  # The sender named the cost.
    source_cost: Optional[Decimal] = None  # The amount before it was exchanged.
    source_currency: Optional[str] = None
    exchange_rate: Optional[Decimal] = None
    # When it was used, where that is in a month that was closed; else null.
    used_at: Optional[datetime] = None
    latency_ms: Optional[int] = None
    response_id: Optional[str] = None
    run_id: Optional[str] = None
    tags: Any = None  # As they came.
    metadata: Optional[dict[str, Any]] = None


@dataclass(frozen=True)
class UnpricedModel:
    """Usage of one model that no price is known for."""

    provider: str
    model: str
    requests: int
    sent_model: str = ""  # As it came: prices are found by it.
    service_tier: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    first_seen: Optional[datetime] = None
    last_seen: Optional[datetime] = None
