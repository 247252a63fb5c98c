"""Amounts in the currencies of budgets that have a foreign one."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from operator import attrgetter

from django.db.models import QuerySet

from accounts.models import Organization
from ledger.models import ConvertedCost, CostRecord
from ledger.pricing import PriceBook, convert
from lib.money import from_units, to_units

_ASKED_FOR = 5_000  # usage ids in one query
_Amount = tuple[CostRecord, Decimal, int]  # with the rate; in units of 10^-10


def amounts_in(
    rows: Iterable[CostRecord],
    kept: Mapping[int, int],
    converted: Callable[[int], int],
) -> dict[int, int]:
    """Return what *rows*, a content and the differences since, come to, by number.

    What is *kept* stays. Of the others each is as much as brings all so far to what
    their sum comes to: rounded one by one, they would not add up to it.
    """
    total = so_far = 0
    amounts = {}
    for row in rows:
        total += 0 if row.total_cost is None else to_units(row.total_cost)
        amount = kept.get(row.correction)
        if amount is None:
            amount = converted(total) - so_far
        so_far += amount
        amounts[row.correction] = amount
    return amounts


def convert_missing(
    organization: Organization, records: QuerySet[CostRecord], currency: str
) -> None:
    """Keep the amount of *records* in *currency*, where that has not been done.

    At the rate of the day it was used on; amounts that are kept already stay.
    """
    prices = PriceBook(organization.pk)

    def rate_of(record: CostRecord) -> Decimal:
        day = record.own_time.date()
        known = prices.rate(organization.currency, currency, day)
        known = known or prices.first_rate(organization.currency, currency)
        return Decimal(known.rate)

    found: list[_Amount] = []
    changed: set[str] = set()
    for record in records.exclude(total_cost=None).iterator(chunk_size=5_000):
        if record.correction:
            changed.add(record.usage_id)
            continue
        rate = rate_of(record)
        found.append((record, rate, convert(to_units(record.total_cost), rate)))
    found += _of_changed(organization, sorted(changed), currency, rate_of)
    # One order for every caller: two backfills may come to the same records at once.
    made = [
        ConvertedCost(
            organization=organization,
            usage_id=record.usage_id,
            correction=record.correction,
            currency=currency,
            rate=rate,
            amount=from_units(units),
        )
        for record, rate, units in found
    ]
    made.sort(key=attrgetter("usage_id", "correction"))
    ConvertedCost.objects.bulk_create(made, ignore_conflicts=True, batch_size=2_000)


def _of_changed(
    organization: Organization,
    usage_ids: list[str],
    currency: str,
    rate_of: Callable[[CostRecord], Decimal],
) -> Iterator[_Amount]:
    """Yield the amounts of all rows of usage that was corrected or repriced."""
    for start in range(0, len(usage_ids), _ASKED_FOR):
        asked = {
            "organization": organization,
            "usage_id__in": usage_ids[start : start + _ASKED_FOR],
        }
        kept: dict[str, dict[int, int]] = {}
        for one in ConvertedCost.objects.filter(**asked, currency=currency):
            amounts = kept.setdefault(one.usage_id, {})
            amounts[one.correction] = to_units(one.amount)
        rows: dict[str, list[CostRecord]] = {}
        for record in CostRecord.objects.filter(**asked):
            rows.setdefault(record.usage_id, []).append(record)
        for usage_id, booked in rows.items():
            yield from _amounts_of(booked, kept.get(usage_id, {}), rate_of)


def _amounts_of(
    booked: list[CostRecord],
    kept: Mapping[int, int],
    rate_of: Callable[[CostRecord], Decimal],
) -> Iterator[_Amount]:
    # What takes a content off comes before the next one, and has its number below zero.
    booked.sort(key=lambda row: (abs(row.correction), row.correction))
    counting: list[CostRecord] = []
    for row in booked:
        rate = rate_of(row)
        if row.requests > 0:
            counting = []
        if row.correction >= 0:
            counting.append(row)
        amounts = amounts_in(counting, kept, partial(convert, rate=rate))
        if row.total_cost is not None:
            amount = amounts.get(row.correction)
            yield row, rate, -sum(amounts.values()) if amount is None else amount
