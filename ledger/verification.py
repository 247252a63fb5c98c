"""Recomputing what the ledger promises, from the cost records alone."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import (
    Count,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    Sum,
    Value,
)
from django.db.models.functions import Coalesce, TruncDate

from accounts.models import Organization
from ledger import months
from ledger.filing import misfiled
from ledger.identity import REVISION
from ledger.models import (
    Attribution,
    CostRecord,
    DailySpend,
    Response,
    SpendDelta,
)
from ledger.quantities import FIELDS, parts_too_large, restored
from ledger.snapshot import digest_of, sent_of
from ledger.types import Dimensions
from lib.fields import MoneyField

_NOTHING = Value(Decimal(0), MoneyField())
_SUMS = (
    "requests",
    "unpriced",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "cost",
)


def differences(organization: Organization) -> Iterator[str]:
    """Yield, in sentences, what is not as the cost records say. Reads everything."""
    yield from _stray_records(organization)
    yield from _wrong_attributions(organization)
    yield from _wrong_totals(organization)
    yield from _wrong_marks(organization)
    yield from _lost_responses(organization)
    yield from _wrong_days(organization)
    yield from months.differences(organization)


def refiling_due(organization: Organization) -> int:
    """Return how many attributions an older map of names has filed, and this one would
    file otherwise."""
    return sum(1 for _ in misfiled(organization)) if _is_due(organization) else 0


def _is_due(organization: Organization) -> bool:
    due = Organization.objects.filter(identity_revision__lt=REVISION)
    return due.filter(pk=organization.pk).exists()


def _stray_records(organization: Organization) -> Iterator[str]:
    own = Attribution.objects.filter(
        pk=OuterRef("attribution"), organization=organization
    )
    strays = CostRecord.objects.filter(~Exists(own), organization=organization)
    if count := strays.count():
        yield f"{count} cost records have no attribution of their organization."


def _wrong_attributions(organization: Organization) -> Iterator[str]:
    rows = Attribution.objects.filter(organization=organization)
    for row in rows.iterator(chunk_size=5_000):
        if bytes(row.digest) != digest_of(sent_of(row), row.tags):
            yield f"Attribution {row.pk} was changed after it was made."
    if _is_due(organization):
        return  # as an older map of names had it, which is not wrong
    for row, meant in misfiled(organization):
        yield (
            f"Attribution {row.pk} is filed under {_told(row)}, but its names mean "
            f"{_told(meant)}: run manage.py refile."
        )


def _told(where: Attribution | Dimensions) -> str:
    named = where.provider, where.model, where.model_version, where.user
    return " / ".join(filter(None, named))


def _wrong_totals(organization: Organization) -> Iterator[str]:
    computed = CostRecord.objects.filter(
        organization=organization, reported=False, total_cost__isnull=False
    )
    parts = ExpressionWrapper(
        F("input_cost") + F("output_cost") + Coalesce("other_cost", _NOTHING),
        output_field=MoneyField(),
    )
    wrong = computed.annotate(parts=parts).exclude(parts=F("total_cost"))
    for record in wrong[:100]:
        yield f"Cost record {record.usage_id}: its parts are not its total."


def _wrong_marks(organization: Organization) -> Iterator[str]:
    """Yield which records say otherwise than their costs whether they are priced."""
    first = CostRecord.objects.filter(organization=organization, correction=0)
    unpriced = Q(total_cost=None)
    wrong = first.filter(
        (unpriced & ~Q(unpriced=1))
        | (~unpriced & ~Q(unpriced=0))
        | Q(requests__lt=1, charge=None)
        # A kind without a price leaves no part of the computed cost.
        | Q(unpriced_kinds__isnull=False, input_cost__isnull=False)
    )
    for record in wrong[:100]:
        yield f"Cost record {record.usage_id}: not marked as it is priced."
    for record in first.filter(quantities__isnull=False).iterator(chunk_size=5_000):
        wholes = {name: getattr(record, name) for name in FIELDS}
        if any(parts_too_large(wholes, restored(record.quantities))):
            yield f"Cost record {record.usage_id}: parts are more than their whole."
    counts = CostRecord.objects.filter(organization=organization).values("usage_id")
    sums = counts.order_by().annotate(left=Sum("unpriced"), booked=Count("correction"))
    for row in sums.filter(booked__gt=1).exclude(left__in=(0, 1))[:100]:
        yield f"Cost record {row['usage_id']}: unpriced {row['left']} times in all."


def _lost_responses(organization: Organization) -> Iterator[str]:
    """Yield the responses that are repeats of usage which is not there."""
    booked = CostRecord.objects.filter(
        organization=organization, usage_id=OuterRef("usage_id")
    )
    lost = Response.objects.filter(~Exists(booked), organization=organization)
    for row in lost[:100]:
        yield f"A response of {row.provider} counts for {row.usage_id}, not booked."


def _wrong_days(organization: Organization) -> Iterator[str]:
    booked = _booked_days(organization)
    kept = _kept_days(organization)
    for key in sorted(booked.keys() | kept.keys()):
        said, found = kept.get(key, {}), booked.get(key, {})
        for name in _SUMS:
            if said.get(name, 0) != found.get(name, 0):
                day, attribution_id = key
                yield (
                    f"Daily spend of attribution {attribution_id} on {day}: {name} is "
                    f"{said.get(name, 0)}, the cost records say {found.get(name, 0)}."
                )


def _booked_days(organization: Organization) -> dict[tuple[date, int], dict[str, Any]]:
    rows = (
        CostRecord.objects.filter(organization=organization)
        .annotate(on=TruncDate("timestamp"))
        .values("on", "attribution_id")
        .order_by()
        .annotate(
            requests=Sum("requests"),
            unpriced=Sum("unpriced"),
            input_tokens=Sum("input_tokens"),
            cached_tokens=Sum("cached_tokens"),
            output_tokens=Sum("output_tokens"),
            cost=Sum("total_cost"),
        )
    )
    return {
        (row["on"], row["attribution_id"]): _without_null(row)
        for row in rows.iterator(chunk_size=5_000)
    }


def _kept_days(organization: Organization) -> dict[tuple[date, int], dict[str, Any]]:
    kept: dict[tuple[date, int], dict[str, Any]] = {}
    rolled_up = DailySpend.objects.filter(organization=organization).values(
        "day", "attribution_id", *_SUMS
    )
    for row in rolled_up.iterator(chunk_size=5_000):
        kept[row["day"], row["attribution_id"]] = _without_null(row)
    deltas = SpendDelta.objects.filter(organization=organization, currency="").values(
        "starts_at", "attribution_id", *_SUMS
    )
    for row in deltas.iterator(chunk_size=5_000):
        key = row["starts_at"].date(), row["attribution_id"]
        sums = kept.setdefault(key, {})
        for name in _SUMS:
            sums[name] = sums.get(name, Decimal(0)) + row[name]
    return kept


def _without_null(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] or 0 for name in _SUMS}
