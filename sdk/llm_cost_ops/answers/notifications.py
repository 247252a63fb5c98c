"""Channels, and what was sent through them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Optional


@dataclass(frozen=True)
class Channel:
    """A way to reach people or programs; of secrets only the names are told."""

    id: str
    type: str
    name: str
    enabled: bool
    config: dict[str, Any] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    template: Any = None
    disabled_reason: str = ""
    organization_id: str = ""
    created_at: Optional[datetime] = None


@dataclass(frozen=True)
class Attempt:
    """One try to send a delivery."""

    id: str
    at: datetime
    status: Optional[int] = None
    error: str = ""
    duration_ms: Optional[int] = None


@dataclass(frozen=True)
class Delivery:
    """One message to one recipient."""

    id: str
    type: str
    state: str  # pending, delivered or failed
    recipient: str = ""
    channel: Optional[str] = None
    channel_name: Optional[str] = None
    alert: Optional[str] = None
    event: str = ""
    title: str = ""
    error: str = ""
    attempts: tuple[Attempt, ...] = ()
    organization_id: str = ""
    next_attempt_at: Optional[datetime] = None
    created_at: Optional[datetime] = None
    finished_at: Optional[datetime] = None


@dataclass(frozen=True)
class Trial:
    """What came of testing a channel."""

    state: str
    error: str = ""
    deliveries: tuple[Delivery, ...] = ()


@dataclass(frozen=True)
class Preference:
    """When a recipient wants mail."""

    recipient: str
    organization_id: str = ""
    digest: str = ""
    quiet_from: Optional[str] = None
    quiet_until: Optional[str] = None
    timezone: str = ""
    critical_at_once: bool = True
