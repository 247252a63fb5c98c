"""Alert rules, alerts and their life, escalation, silences."""

from alerts.models.alerts import Alert, AlertEvent, AlertQuerySet, AlertState
from alerts.models.evaluations import EvaluatedState, NotAnAnomaly, Turn, Watch
from alerts.models.rules import (
    BASES,
    WINDOWED,
    AlertRule,
    EscalationPolicy,
    MaintenanceWindow,
    RuleType,
    Sensitivity,
    Severity,
    SpikeWindow,
    usual_window,
)

__all__ = [
    "BASES",
    "WINDOWED",
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
    "usual_window",
]
