"""Amounts in the currencies of budgets that have a foreign one."""

from operator import attrgetter

from django.db.models import QuerySet

from accounts.models import Organization
from costops.lib.money import from_units, to_units
from ledger.models import ConvertedCost, CostRecord
from ledger.pricing import PriceBook, convert


def convert_missing(
    organization: Organization, records: QuerySet[CostRecord], currency: str
) -> None:
    """Keep the amount of *records* in *currency*, where that has not been done.

    At the rate of each record's day; amounts that are kept already stay.
    """
    prices = PriceBook(organization.pk)
    made = []
    for record in records.exclude(total_cost=None).iterator(chunk_size=5_000):
        known = prices.rate(organization.currency, currency, record.timestamp.date())
        rate = (known or prices.first_rate(organization.currency, currency)).rate
        units = convert(to_units(record.total_cost), rate)
        made.append(
            ConvertedCost(
                organization=organization,
                usage_id=record.usage_id,
                correction=record.correction,
                currency=currency,
                rate=rate,
                amount=from_units(units),
            )
        )
    # One order for every caller: two backfills may come to the same records at once.
    made.sort(key=attrgetter("usage_id", "correction"))
    ConvertedCost.objects.bulk_create(made, ignore_conflicts=True, batch_size=2_000)
