"""What happened to alerts, as it is written into their timelines."""

from datetime import datetime
from typing import Any

from alerts.models import Alert, AlertEvent

_LONGEST = 500  # characters


def event_of(
    alert: Alert,
    kind: str,
    at: datetime,
    *,
    text: str = "",
    by: str | None = None,
    step: int | None = None,
) -> AlertEvent:
    """Return an event of *alert*, not saved yet; by None: whoever acts now."""
    actor: dict[str, Any] = {} if by is None else {"actor": by}
    return AlertEvent(
        organization_id=alert.organization_id,
        alert=alert,
        kind=kind,
        at=at,
        text=text[:_LONGEST],
        step=step,
        **actor,
    )
