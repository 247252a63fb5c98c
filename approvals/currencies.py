"""What amounts are worth in another currency."""

from datetime import UTC, datetime
from decimal import Decimal

from accounts.models import Organization
from ledger.pricing import PriceBook
from lib.errors import Invalid
from lib.money import COUNTED, quantize


def converted(
    amount: Decimal,
    currency: str,
    into: str,
    *,
    organization: Organization,
    now: datetime,
) -> Decimal:
    """Return what *amount* of *currency* is in *into*, by the rates of the day.

    What is counted has no price, so it is worth more than any money: whoever decides
    up to some amount does not decide about it. No query where they are the same; else
    two.

    Raises:
        Invalid: no rate is known.
    """
    if currency == into:
        return amount
    if currency in COUNTED or into in COUNTED:
        return Decimal("Infinity")
    book, day = PriceBook(organization.pk), now.astimezone(UTC).date()
    own = organization.currency
    rates = [book.rate(own, code, day) for code in (currency, into)]
    old, new = (None if rate is None else rate.rate for rate in rates)
    if old is None or new is None:
        raise Invalid.field(
            "currency",
            f"There is no exchange rate from {currency} to {into}. Enter one first.",
            code="no_rate",
        )
    return quantize(amount * new / old)
