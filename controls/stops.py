"""Triggers that hold once the whole amount is spent: with them a block is a hard limit.

Pure. What counts is when a trigger holds, not how it is written: `1.0 <=
budget_percentage`, `spent >= limit` and `not remaining > 0` are the same.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache

from lib.rules.closures import Asking
from lib.rules.expressions import Expression

_LIMITS = (Decimal("0.01"), Decimal(1), Decimal(100), Decimal(10**9))
# A trigger within a hundredth of the amount is meant for the amount: "> 0.9999", and
# "> 1", which would let one call more through.
_BEFORE = (Decimal(0), Decimal("0.5"), Decimal("0.9"), Decimal("0.99"))
_BEYOND = (Decimal("1.0000001"), Decimal("1.5"), Decimal(10))


@lru_cache(maxsize=4_096)
def stops_at_the_amount(trigger: Expression) -> bool:
    """Tell whether *trigger* holds for every call as soon as the amount is spent, and
    not much before: by itself, or as one of several that are joined by "or"."""
    return any(_is_stop(arm) for arm in trigger.arms)


def _is_stop(asks: Asking) -> bool:
    """Ask with nothing known but where the budget stands: what hangs on the call or on
    the clock can't be told then, so it does not hold for every call."""
    return all(
        asks(_spent(limit, share)) is True for limit in _LIMITS for share in _BEYOND
    ) and not any(
        asks(_spent(limit, share)) is True for limit in _LIMITS for share in _BEFORE
    )


def _spent(limit: Decimal, share: Decimal) -> Mapping[str, Decimal]:
    spent = limit * share
    return {
        "budget_percentage": share,
        "spent": spent,
        "limit": limit,
        "remaining": limit - spent,
    }
