"""Alert rules, alerts and their life, escalation, silences."""

from alerts.models.alerts import Alert, AlertEvent, AlertQuerySet, AlertState
from alerts.models.evaluations import EvaluatedState, NotAnAnomaly, Turn, Watch
from alerts.models.rules import (
    BASES,
    AlertRule,
    EscalationPolicy,
    MaintenanceWindow,
    RuleType,
    Sensitivity,
    Severity,
    SpikeWindow,
)

__all__ = [
    "BASES",
    "Alert",
    "AlertEvent",
    "AlertQuerySet",
    "AlertRule",
    "AlertState",
    "EscalationPolicy",
    "EvaluatedState",
    "MaintenanceWindow",
    "NotAnAnomaly",
    "RuleType",
    "Sensitivity",
    "Severity",
    "SpikeWindow",
    "Turn",
    "Watch",
]
