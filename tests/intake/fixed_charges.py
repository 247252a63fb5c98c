"""A fixed charge, and what became of it."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Sum

from accounts.models import Organization
from intake.fixed_charges import keep_charge
from ledger import fixed_charges
from ledger.models import CostRecord, FixedCharge
from ledger.months import hold_to_close, lock_month
from tests.budgets.worlds import differences

FIRST, LAST = date(2025, 1, 1), date(2025, 1, 31)


def at(day: int, hour: int = 3, month: int = 1) -> datetime:
    return datetime(2025, month, day, hour, tzinfo=UTC)


def seats(organization: Organization, **values: Any) -> FixedCharge:
    """Add 310 a month for January."""
    plan = {
        "name": "ChatGPT Team",
        "kind": "seat",
        "amount": Decimal(310),
        "interval": "monthly",
        "start_date": FIRST,
        "last_day": LAST,
        "provider": "openai",
        "department": "engineering",
        "tags": {"contract": "c-1"},
        "reason": "Contract 1",
    }
    return keep_charge(organization, **{**plan, **values})


def booked(charge: FixedCharge) -> Decimal:
    rows = CostRecord.objects.filter(charge=charge)
    return rows.aggregate(sum=Sum("total_cost"))["sum"] or Decimal(0)


def all_differences(organization: Organization) -> list[str]:
    return [*differences(organization), *fixed_charges.differences(organization)]


def close(organization: Organization) -> None:
    """Close January."""
    with transaction.atomic():
        hold_to_close(organization, FIRST, now=at(2, month=3))
        lock_month(organization, FIRST, reason="", open_items=[])
