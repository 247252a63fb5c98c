"""Usage that was reported, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Optional


@dataclass(frozen=True)
class Difference:
    """What a record says otherwise than the decision it settles."""

    field: str
    asked: Any = None  # None: the decision left it open
    sent: Any = None


@dataclass(frozen=True)
class Settled:
    """What became of the authorization or lease that a usage record names."""

    id: str
    known: bool
    reserved: Optional[Decimal] = None  # None: it was drawn from a lease
    over: Decimal = Decimal(0)  # what it cost more than was set aside
    differs: tuple[Difference, ...] = ()
    without_leave: bool = False  # another model was used than was allowed


@dataclass(frozen=True)
class SettledPlace:
    """What became of what a record of a batch settles, by its place in the batch."""

    index: int
    authorization: Settled


@dataclass(frozen=True)
class UsageReceipt:
    """What became of one usage record; `cost` is None where no price is known."""

    id: str
    cost: Optional[Decimal]
    currency: str
    priced: bool = True
    duplicate: bool = False
    conflict: bool = False  # a repeat with other content: the first stands
    authorization: Optional[Settled] = None
    duplicate_of: Optional[str] = None  # the usage the same response is booked for
    corrected: Optional[bool] = None  # of a correction; False: nothing to correct


@dataclass(frozen=True)
class FieldProblem:
    """What is wrong with one field of a rejected record."""

    attr: str
    code: str
    detail: str


@dataclass(frozen=True)
class Rejected:
    """A record of a batch that was not booked, by its place in the batch."""

    index: int
    id: Optional[str]
    errors: tuple[FieldProblem, ...]


@dataclass(frozen=True)
class Conflicting:
    """A record whose id was known with other content: the first one stands."""

    index: int
    id: str


@dataclass(frozen=True)
class RepeatedResponse:
    """A record whose response is booked for another usage already."""

    index: int
    id: str
    duplicate_of: str


@dataclass(frozen=True)
class BatchReceipt:
    """What became of a batch; `total_cost` is that of the accepted ones."""

    accepted: int
    duplicates: int
    rejected: tuple[Rejected, ...]
    conflicts: tuple[Conflicting, ...] = ()
    repeated_responses: tuple[RepeatedResponse, ...] = ()
    total_cost: Optional[Decimal] = None
    currency: Optional[str] = None
    total_costs: dict[str, Decimal] = field(default_factory=dict)
    unsettled: tuple[SettledPlace, ...] = ()
    differing: tuple[SettledPlace, ...] = ()


@dataclass(frozen=True)
class CostRecord:
    """One use of a model as it stands; costs are None where no price is known."""

    id: int
    usage_id: str
    organization_id: str
    provider: str
    model: str
    timestamp: datetime
    currency: str
    input_tokens: int
    output_tokens: int
    total_cost: Optional[Decimal]
    priced: bool
    input_cost: Optional[Decimal] = None
    output_cost: Optional[Decimal] = None
    computed_cost: Optional[Decimal] = None
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    correction: int = 0  # how often it was corrected or repriced
    corrected: bool = False
    requests: int = 1
    quantities: dict[str, Any] = field(default_factory=dict)  # by kind
    other_cost: Optional[Decimal] = None
    unpriced_kinds: tuple[str, ...] = ()
    assumed_kinds: tuple[str, ...] = ()
    response_id: Optional[str] = None
    reported: bool = False
    source_cost: Optional[Decimal] = None
    source_currency: Optional[str] = None
    exchange_rate: Optional[Decimal] = None
    project_id: Optional[str] = None
    department_id: Optional[str] = None
    team_id: Optional[str] = None
    environment: Optional[str] = None
    user_id: Optional[str] = None
    service_tier: str = ""
    latency_ms: Optional[int] = None
    tags: Any = None  # a list of texts, or a dict
    metadata: Any = None


@dataclass(frozen=True)
class CostSummary:
    """Costs added up; `groups` has one dict per `by_...` that was asked for."""

    total_cost: Decimal
    total_requests: int
    currency: str
    avg_cost_per_request: Optional[Decimal] = None
    unpriced_requests: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    groups: dict[str, dict[str, Decimal]] = field(default_factory=dict)


@dataclass(frozen=True)
class TimePoint:
    """One interval of a series; `group` has the names it was parted by."""

    start: datetime
    cost: Decimal
    requests: int
    unpriced_requests: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    group: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Timeseries:
    interval: str
    points: tuple[TimePoint, ...]
    currency: str = ""
    timezone: str = ""


@dataclass(frozen=True)
class UnpricedModel:
    """A model that was used and has no known price."""

    provider: str
    model: str
    requests: int
    service_tier: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    first_seen: Optional[datetime] = None
    last_seen: Optional[datetime] = None


@dataclass(frozen=True)
class UnpricedModels:
    results: tuple[UnpricedModel, ...]
