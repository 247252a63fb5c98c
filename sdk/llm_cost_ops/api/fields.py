"""What calls of the API take, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Optional, TypedDict, Union

from llm_cost_ops.money import Money

Moment = Union[datetime, date, str]  # a naive time is UTC
Tags = Union[list[str], Mapping[str, str]]


class CostScope(TypedDict, total=False):
    """Which part of the costs, whenever they came about."""

    provider: str
    model: str
    organization_id: str
    project_id: str
    department_id: str
    team_id: str
    environment: str
    user_id: str
    tag: str


class CostFilters(CostScope, total=False):
    """Which costs: `start_date` <= time < `end_date`; a bare end date is included."""

    start_date: Moment
    end_date: Moment


class ListedCosts(CostFilters, total=False):
    """Which costs are listed, and how; `unpriced="include"`: also without a price,
    `corrections="include"`: as first booked, and after each correction."""

    unpriced: str
    corrections: str
    run_id: str


class FixedChargeFields(TypedDict, total=False):
    """A fixed charge as it is sent."""

    name: str
    kind: str  # "seat", "subscription", "commitment" or "other"
    provider: str
    amount: Money  # in each interval
    currency: str
    interval: str  # "once", "monthly" or "annual"
    start_date: Moment
    end_date: Optional[Moment]  # the last day
    department_id: str
    team_id: str
    project_id: str
    environment: str
    user_id: str
    tags: Tags
    covers: Sequence[str]  # models whose usage it pays for


class BudgetFields(TypedDict, total=False):
    """A budget as it is sent."""

    name: str
    amount: Money
    unit: str  # "money", "tokens" or "requests"
    currency: str
    period: str
    timezone: str
    parent: Optional[str]
    owner: Optional[str]
    note: str
    scope: Any
    warning_threshold: Any
    critical_threshold: Any
    alerts: Any
    enforcement: str
    priority: str
    rollover: Any
    template: Any
    start_date: Optional[Moment]
    end_date: Optional[Moment]
    reason: str


class AskedFields(TypedDict, total=False):
    """What is asked for, beside the amount."""

    currency: str
    budget: Optional[str]
    parent: Optional[str]
    source: Optional[str]
    name: str
    scope: Any
    project_id: str
    duration: str
    rule: str
    until: Optional[Moment]
    justification: str
    metadata: Mapping[str, Any]
    links: Any
    needed_by: Optional[Moment]
    approvers: Any
    mode: str


class BudgetRequestFields(AskedFields, total=False):
    """What is asked for."""

    amount: Money


class PriceFields(TypedDict, total=False):
    """A price per million tokens, as it is sent."""

    organization_id: Optional[str]
    service_tier: str
    effective_from: Moment
    effective_to: Optional[Moment]
    currency: str
    input_per_million: Money
    cached_input_per_million: Optional[Money]
    output_per_million: Money
    per_request: Money
    provisional: bool
    note: str
    reason: str  # of this change; its history keeps it


class CallFields(TypedDict, total=False):
    """Who makes a call, and for what: the dimensions of a usage record."""

    organization_id: str
    project_id: str
    department_id: str
    team_id: str
    environment: str
    user_id: str
    tags: Tags
    service_tier: str
    run_id: str


class OutcomeFields(CallFields, total=False):
    """What was achieved: `id`, `name` and `timestamp` are needed; `count` is 1."""

    id: str
    name: str
    timestamp: Moment
    count: int
    provider: str
    model: str


class UsageFields(CallFields, total=False):
    """A usage record; `id`, `timestamp`, `provider`, `model` and tokens are needed.

    `input_tokens` include the cached and cache-write ones, `output_tokens` the
    reasoning ones.
    """

    id: str
    timestamp: Moment
    provider: str
    model: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    latency_ms: float
    metadata: Mapping[str, Any]
    cost: Money
    currency: str
    authorization_id: str
    response_id: str  # the provider's: a response counts once


class OrganizationFields(TypedDict, total=False):
    """What of an organization can be changed."""

    name: str
    currency: str
    timezone: str
    fiscal_year_start_month: int
    unpriced_policy: str
    response_ids: str
    late_records: str
    links_decide_up_to: Optional[Money]
    holiday_calendar: str
