"""Between which amounts nothing changes for rules of shares. Pure."""

from collections.abc import Iterable
from decimal import ROUND_CEILING, Decimal
from typing import NamedTuple

from budgets.index import is_passed
from lib.fields import storable
from lib.money import PLACES

_UNIT = Decimal(1).scaleb(-PLACES)


class SteadyRange(NamedTuple):
    """An amount stays as it is judged while it is at least one, and below the other."""

    at_least: Decimal | None
    below: Decimal | None


def bounds_of(
    amount: Decimal, limit: Decimal, shares: Iterable[Decimal]
) -> SteadyRange:
    """Return between which amounts as many of *shares* of *limit* are passed."""
    passed: dict[bool, list[Decimal]] = {True: [], False: []}
    for share in shares:
        passed[is_passed(amount, limit, share)].append(amount_at(limit, share))
    return SteadyRange(
        max(passed[True], default=None), min(passed[False], default=None)
    )


def amount_at(limit: Decimal, threshold: Decimal) -> Decimal:
    """Return the least amount that has passed *threshold*, a share of *limit*."""
    if limit <= 0:
        return limit + _UNIT
    return storable((threshold * limit).quantize(_UNIT, ROUND_CEILING))
