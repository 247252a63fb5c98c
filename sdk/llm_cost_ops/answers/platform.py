"""Organizations, and whether the server is well."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Organization:
    slug: str
    name: str = ""
    currency: str = "USD"
    timezone: str = "UTC"
    fiscal_year_start_month: int = 1
    unpriced_policy: str = "allow"
    response_ids: str = "once"


@dataclass(frozen=True)
class Health:
    status: str
    version: str = ""
    database: str = ""
