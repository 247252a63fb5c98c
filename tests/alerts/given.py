"""Rules and facts as they are given to pure modules."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from alerts.models import usual_window
from alerts.types import EffectiveRule, Facts, Origin
from lib.periods import DAY, Window

NOW = datetime(2025, 1, 20, 12, tzinfo=UTC)  # a Monday
JANUARY = Window(datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC))


def rule(kind: str, **values: Any) -> EffectiveRule:
    if kind in ("spike", "anomaly"):
        values = {"window": usual_window(kind), **values}
    return EffectiveRule(kind, f"{kind}:1", 1, Origin.RULE, "warning", **values)


def facts(**values: Any) -> Facts:
    """Return what is known of a budget of 3,100 in January 2025, on the 20th."""
    now = values.get("now", NOW)
    midnight = now.replace(hour=0, minute=0)
    return Facts(
        **{
            "now": now,
            "name": "Engineering",
            "currency": "USD",
            "zone": ZoneInfo("UTC"),
            "window": JANUARY,
            "limit": Decimal(3100),
            "spent": Decimal(1900),
            "today": now.date(),
            "today_began_at": midnight,
            "recent_from": max(now - DAY, values.get("window", JANUARY).start),
            **values,
        }
    )
