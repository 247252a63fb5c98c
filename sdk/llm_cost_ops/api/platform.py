"""Organizations and health."""

from __future__ import annotations

from typing import Optional

from llm_cost_ops.answers.platform import Health, Organization
from llm_cost_ops.requests import (
    Page,
    Request,
    present,
    reads,
    reads_page,
    segment,
)


def list_organizations(*, limit: Optional[int] = None) -> Request[Page[Organization]]:
    return Request(
        "GET",
        "/api/v1/organizations",
        reads_page(Organization),
        query={"limit": limit},
    )


def create_organization(
    *,
    slug: str,
    name: Optional[str] = None,
    currency: Optional[str] = None,
    timezone: Optional[str] = None,
    fiscal_year_start_month: Optional[int] = None,
    unpriced_policy: Optional[str] = None,
    response_ids: Optional[str] = None,
) -> Request[Organization]:
    return Request(
        "POST",
        "/api/v1/organizations",
        reads(Organization),
        body=present(locals()),
        creates=True,
    )


def get_organization(slug: str) -> Request[Organization]:
    return Request("GET", _path(slug), reads(Organization))


def update_organization(
    slug: str,
    *,
    name: Optional[str] = None,
    currency: Optional[str] = None,
    timezone: Optional[str] = None,
    fiscal_year_start_month: Optional[int] = None,
    unpriced_policy: Optional[str] = None,
    response_ids: Optional[str] = None,
) -> Request[Organization]:
    """Change an organization; *unpriced_policy* is "allow" or "block", *response_ids*
    "once" or "ignore"."""
    changes = {
        "name": name,
        "currency": currency,
        "timezone": timezone,
        "fiscal_year_start_month": fiscal_year_start_month,
        "unpriced_policy": unpriced_policy,
        "response_ids": response_ids,
    }
    return Request("PATCH", _path(slug), reads(Organization), body=present(changes))


def _path(slug: str) -> str:
    return f"/api/v1/organizations/{segment(slug)}"


def get_health() -> Request[Health]:
    """Ask whether the server is well."""
    return Request("GET", "/api/v1/health", reads(Health))


def get_liveness() -> Request[Health]:
    """Ask whether the server's process answers."""
    return Request("GET", "/health/live", reads(Health))


def get_readiness() -> Request[Health]:
    """Ask whether the server takes requests."""
    return Request("GET", "/health/ready", reads(Health))
