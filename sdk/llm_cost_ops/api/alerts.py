"""Alerts: list them, take care of them."""

from __future__ import annotations

from typing import Any, Optional

from llm_cost_ops.answers.alerts import Alert
from llm_cost_ops.api.fields import Moment
from llm_cost_ops.requests import (
    Page,
    Request,
    present,
    reads,
    reads_page,
    segment,
)


def list_alerts(
    *,
    organization_id: Optional[str] = None,
    budget: Optional[str] = None,
    state: Optional[str] = None,
    type: Optional[str] = None,
    severity: Optional[str] = None,
    mine: Optional[bool] = None,
    limit: Optional[int] = None,
) -> Request[Page[Alert]]:
    """List alerts, newest first; several states, types and severities with commas."""
    return Request("GET", "/api/v1/alerts", reads_page(Alert), query=locals())


def get_alert(alert_id: str) -> Request[Alert]:
    return Request("GET", f"/api/v1/alerts/{segment(alert_id)}", reads(Alert))


def acknowledge_alert(
    alert_id: str,
    *,
    until: Optional[Moment] = None,
    minutes: Optional[int] = None,
    hours: Optional[int] = None,
) -> Request[Alert]:
    """Take care of an alert: nobody else is told, for 4 hours if not said."""
    body = {"until": until, "minutes": minutes, "hours": hours}
    return _move(alert_id, "acknowledge", body)


def snooze_alert(
    alert_id: str,
    *,
    until: Optional[Moment] = None,
    minutes: Optional[int] = None,
    hours: Optional[int] = None,
) -> Request[Alert]:
    """Tell nobody for a while; then the telling begins anew."""
    return _move(
        alert_id, "snooze", {"until": until, "minutes": minutes, "hours": hours}
    )


def resolve_alert(alert_id: str) -> Request[Alert]:
    """Close an alert; it fires again once its condition has come back."""
    return _move(alert_id, "resolve", {})


def mark_not_an_anomaly(alert_id: str) -> Request[Alert]:
    """Close an alert about an unusual day, and remember that it was fine."""
    return _move(alert_id, "not-an-anomaly", {})


def _move(alert_id: str, verb: str, body: dict[str, Any]) -> Request[Alert]:
    path = f"/api/v1/alerts/{segment(alert_id)}/{verb}"
    return Request("POST", path, reads(Alert), body=present(body))
