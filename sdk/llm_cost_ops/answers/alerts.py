"""Alerts, and the rules that raise them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Optional


@dataclass(frozen=True)
class AlertStep:
    """Something that happened to an alert: raised, told, acknowledged."""

    kind: str
    at: datetime
    actor: Optional[str] = None
    text: str = ""
    level: Optional[int] = None
    recipients: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Alert:
    id: str
    type: str
    severity: str
    state: str  # firing, acknowledged, snoozed or resolved
    budget: str
    message: str
    fired_at: datetime
    budget_name: str = ""
    organization_id: str = ""
    currency: str = ""
    period_start: Optional[datetime] = None
    period_end: Optional[datetime] = None
    threshold: Optional[Decimal] = None
    value: Optional[Decimal] = None
    spent: Optional[Decimal] = None
    limit: Optional[Decimal] = None
    details: dict[str, Any] = field(default_factory=dict)
    acknowledged_by: Optional[str] = None
    acknowledged_until: Optional[datetime] = None
    snoozed_until: Optional[datetime] = None
    resolved_at: Optional[datetime] = None
    resolved_by: Optional[str] = None
    next_step_at: Optional[datetime] = None
    timeline: tuple[AlertStep, ...] = ()


@dataclass(frozen=True)
class AlertConfiguration:
    """What watches a budget: its rules and its escalation, as they were sent."""

    alerts: tuple[Any, ...]
    escalation: Optional[dict[str, Any]] = None
    budget_id: Optional[str] = None
