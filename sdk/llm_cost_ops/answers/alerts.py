"""Alerts, and the rules that raise them.

Made by `python -m dev.sdk_types` from what the server answers with: change that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Optional


@dataclass(frozen=True)
class AlertStep:
    """Something that happened to an alert; the last three where it is a step."""

    # fired, told, silenced, missed, acknowledged, lapsed, snoozed, awake, resolved,
    # not_an_anomaly
    kind: str
    at: datetime
    actor: Optional[str] = None
    text: str = ""
    level: Optional[int] = None
    recipients: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Alert:
    """What is wrong with a budget, who was told, who takes care of it."""

    id: str
    type: str  # threshold, forecast, velocity, anomaly, spike
    severity: str  # info, warning, critical
    state: str  # firing, acknowledged, snoozed, resolved
    budget: str  # Its id.
    message: str
    fired_at: datetime
    budget_name: str = ""
    organization_id: str = ""
    currency: str = ""
    period_start: Optional[datetime] = None
    period_end: Optional[datetime] = None
    # A share; text where it is money or a probability.
    threshold: Optional[Decimal] = None
    value: Optional[Decimal] = None  # As the threshold.
    basis: str = ""  # Of a threshold: what came to it.
    spent: Decimal = Decimal(0)
    limit: Decimal = Decimal(0)
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
    """All that watches a budget, and who is told."""

    alerts: tuple[dict[str, Any], ...]
    budget: str = ""  # Its id.
    inherited: tuple[dict[str, Any], ...] = ()
    escalation: Optional[dict[str, Any]] = None
    inherited_escalation: Optional[dict[str, Any]] = None
    usual_recipients: tuple[str, ...] = ()
    not_set_up: tuple[str, ...] = ()
    # The rules that these have replaced; left out where none were given.
    dropped: tuple[str, ...] = ()
