"""The steps of an alert's ladder as they went, or will."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alerts.models import Alert, AlertEvent, AlertState
from alerts.steps import step_key
from notifications.models import Delivery
from notifications.steps import at_of

_STEP_KINDS = (
    AlertEvent.Kind.TOLD,
    AlertEvent.Kind.SILENCED,
    AlertEvent.Kind.MISSED,
)
_STATES = {
    AlertEvent.Kind.TOLD: "done",
    AlertEvent.Kind.SILENCED: "silenced",
    AlertEvent.Kind.MISSED: "missed",
}


@dataclass(frozen=True, slots=True)
class _Happened:
    kind: str
    at: datetime


def rungs_of(alert: Alert) -> list[dict[str, Any]]:
    """Return the steps as they are shown, in order of time. Two queries.

    Each has level, at (when it was made, or is due), recipients, channels, state (done,
    silenced, missed, due, stopped) and deliveries.
    """
    events = alert.events.filter(kind__in=_STEP_KINDS, step__isnull=False)
    happened = {one.step: _Happened(one.kind, one.at) for one in events}
    sent: dict[str, list[Delivery]] = {}
    rows = Delivery.objects.filter(
        organization=alert.organization_id, subject=str(alert.uid)
    )
    for delivery in rows.select_related("channel").order_by("pk"):
        sent.setdefault(_step_of(delivery.key), []).append(delivery)
    shown = []
    for number, step in enumerate(alert.steps):
        was = happened.get(number)
        shown.append(
            {
                "level": step["level"],
                "at": was.at if was else at_of(step),
                "recipients": step["recipients"],
                "channels": step["channels"],
                "state": _STATES[AlertEvent.Kind(was.kind)] if was else _left(alert),
                "deliveries": sent.get(step_key(alert.uid, number), []),
            }
        )
    return shown


def _left(alert: Alert) -> str:
    return "due" if alert.state == AlertState.FIRING else "stopped"


def _step_of(key: str) -> str:
    """Return the `step_key` that a delivery's key begins with."""
    return ":".join(key.split(":")[:3])
