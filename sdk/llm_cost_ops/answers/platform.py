"""Organizations, and whether the server is well.

Made by `python -m dev.sdk_types` from what the server answers with: change that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Optional


@dataclass(frozen=True)
class Organization:
    """A tenant: everything else belongs to one."""

    slug: str  # Never changes.
    name: str = ""
    currency: str = "USD"  # ISO 4217; can't change once costs are booked.
    timezone: str = "UTC"
    fiscal_year_start_month: int = 1
    # Calls under a hard limit whose model has no known price.
    unpriced_policy: str = "allow"
    # once: a second record of a response is a repeat of the first.
    response_ids: str = "once"
    # Where usage is booked whose month is closed: period, the month it belongs to;
    # open_month, the first open month after it, as an adjustment.
    late_records: str = "period"
    # In its currency: who decides about more than this by a mailed link has to log in
    # first. None: nobody has to.
    links_decide_up_to: Optional[Decimal] = None
    # Whose public holidays forecasts take for quiet days: a country's code, such as DE,
    # or one of its parts, such as DE-BY. Empty: they are days like any.
    holiday_calendar: str = ""


@dataclass(frozen=True)
class Health:
    """Whether the product is well, as far as was asked."""

    status: str  # degraded: workers are late; unhealthy: requests can't be answered.
    version: str = ""
    database: Optional[str] = None
    schema: Optional[str] = None
    writes: Optional[str] = None
    worker: Optional[str] = None
    last_sweep_at: Optional[datetime] = None
    oldest_due_message_at: Optional[datetime] = None  # None: nothing waits.
