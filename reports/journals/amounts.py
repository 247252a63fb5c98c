"""What a month comes to, account by account, in whole cents. Pure.

Each amount is rounded by itself, so that what did not change is never posted again;
what that leaves of the month's total, rounded once, is a line of its own.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from lib.money import rounded_to, smallest_unit
from reports.journals.mappings import Accounts

ZERO = Decimal(0)


class PairKey(NamedTuple):
    """What is debited and credited by one amount."""

    accounts: Accounts
    is_rounding: bool = False


Amounts = Mapping[PairKey, Decimal]  # a negative one is debited where it was credited


def unit_of(currency: str, decimals: int | None) -> Decimal:
    """Return what amounts are whole multiples of; None: what the currency has."""
    least = smallest_unit(currency)
    return least if decimals is None else max(least, Decimal(1).scaleb(-decimals))


def accrued(
    exact: Mapping[Accounts, Decimal], unit: Decimal, rounding: Accounts | None
) -> dict[PairKey, Decimal]:
    """Return *exact* amounts in multiples of *unit*; they add up to their sum, rounded
    once. What rounding leaves goes to *rounding*; None: where most of it goes.

    Sorted, and without what is nothing.
    """
    found = {
        PairKey(accounts): rounded
        for accounts, amount in exact.items()
        if (rounded := rounded_to(amount, unit))
    }
    total = rounded_to(sum(exact.values(), ZERO), unit)
    if rest := total - sum(found.values(), ZERO):
        found[PairKey(rounding or _dearest(exact), is_rounding=True)] = rest
    return dict(sorted(found.items()))


def changed(now: Amounts, posted: Amounts) -> dict[PairKey, Decimal]:
    """Return what has to be posted yet, so that what is *posted* becomes *now*."""
    found = {
        key: difference
        for key in {*now, *posted}
        if (difference := now.get(key, ZERO) - posted.get(key, ZERO))
    }
    return dict(sorted(found.items()))


def added(parts: Iterable[Amounts]) -> dict[PairKey, Decimal]:
    """Return what several postings come to together."""
    found: dict[PairKey, Decimal] = {}
    for part in parts:
        for key, amount in part.items():
            found[key] = found.get(key, ZERO) + amount
    return {key: amount for key, amount in found.items() if amount}


def rounding_of(rounding_account: str, exact: Mapping[Accounts, Decimal]) -> Accounts:
    """Return where rounding goes: to the account that is named, else to the dearest."""
    dearest = _dearest(exact)
    if not rounding_account:
        return dearest
    return Accounts(rounding_account, dearest.liability_account)


def _dearest(exact: Mapping[Accounts, Decimal]) -> Accounts:
    return min(exact, key=lambda accounts: (-abs(exact[accounts]), accounts))
