"""Organizations and health."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from llm_cost_ops.answers.platform import Health, Organization
from llm_cost_ops.api.fields import OrganizationFields
from llm_cost_ops.money import Money, wire
from llm_cost_ops.requests import (
    Page,
    Request,
    present,
    reads,
    reads_page,
    segment,
)

if TYPE_CHECKING:
    from typing import Unpack


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
    late_records: Optional[str] = None,
    links_decide_up_to: Optional[Money] = None,
    holiday_calendar: Optional[str] = None,
) -> Request[Organization]:
    given = dict(locals())
    if links_decide_up_to is not None:
        given["links_decide_up_to"] = wire(links_decide_up_to)
    return Request(
        "POST",
        "/api/v1/organizations",
        reads(Organization),
        body=present(given),
        creates=True,
    )


def get_organization(slug: str) -> Request[Organization]:
    return Request("GET", _path(slug), reads(Organization))


def update_organization(
    slug: str, **changes: Unpack[OrganizationFields]
) -> Request[Organization]:
    """Change an organization; *unpriced_policy* is "allow" or "block", *response_ids*
    "once" or "ignore", *late_records* "period" or "open_month". With
    *links_decide_up_to* None, mailed links decide about any amount.
    *holiday_calendar*: "DE" or "DE-BY", "" for none."""
    body: dict[str, Any] = dict(changes)
    most = changes.get("links_decide_up_to")
    if most is not None:
        body["links_decide_up_to"] = wire(most)
    return Request("PATCH", _path(slug), reads(Organization), body=body)


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
