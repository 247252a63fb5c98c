"""The same work as most Django projects would write it, for comparison."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import F, Value
from rest_framework import serializers

from budgets.charging import ChargedSnapshot, Charging
from budgets.models import BudgetPeriod
from budgets.snapshots import open_snapshot
from dev.benchmarks import world
from ledger.batch import PLAIN, Batch, NewRecord
from ledger.models import Attribution, CostRecord, DailySpend
from ledger.snapshot import dimensions_of
from ledger.sql import Values
from ledger.types import Sent
from ledger.writing import insert_deltas, ready_deltas
from lib.fields import MoneyField
from lib.money import from_units


class UsageSerializer(serializers.Serializer[dict[str, Any]]):
    id = serializers.CharField(max_length=255)
    timestamp = serializers.DateTimeField()
    organization_id = serializers.CharField(max_length=100)
    project_id = serializers.CharField(max_length=200)
    department_id = serializers.CharField(max_length=200)
    team_id = serializers.CharField(max_length=200)
    environment = serializers.CharField(max_length=200)
    user_id = serializers.CharField(max_length=200)
    provider = serializers.CharField(max_length=200)
    model = serializers.CharField(max_length=200)
    input_tokens = serializers.IntegerField(min_value=0)
    output_tokens = serializers.IntegerField(min_value=0)
    cached_tokens = serializers.IntegerField(min_value=0)
    tags = serializers.DictField(child=serializers.CharField())


def one_by_one(organization_id: int, body: bytes) -> None:
    """Serializer, get_or_create and F() for every record, each in a transaction."""
    with transaction.atomic():
        snapshot, charging = open_snapshot(organization_id)
    for sent in msgspec.json.decode(body):
        serializer = UsageSerializer(data=sent)
        serializer.is_valid(raise_exception=True)
        with transaction.atomic():
            _book_one(snapshot, charging, serializer.validated_data)


def _book_one(
    snapshot: ChargedSnapshot, charging: Charging, usage: dict[str, Any]
) -> None:
    dimensions = Sent(
        usage["department_id"],
        usage["team_id"],
        usage["project_id"],
        usage["environment"],
        usage["user_id"],
        usage["provider"],
        usage["model"],
    ).filed()
    attribution, _ = Attribution.objects.get_or_create(
        organization_id=snapshot.organization_id,
        tags=usage["tags"],
        sent_user=usage["user_id"],
        sent_provider=usage["provider"],
        **dimensions._asdict(),
        defaults={"digest": bytes(16)},
    )
    cost, fresh = _keep(snapshot, attribution, usage)
    if fresh:
        _charge(snapshot, charging, attribution, cost, usage["timestamp"])


def _keep(
    snapshot: ChargedSnapshot, attribution: Attribution, usage: dict[str, Any]
) -> tuple[Decimal, bool]:
    at = usage["timestamp"]
    tariff = snapshot.prices.span_at(usage["provider"], usage["model"], "", at).tariff
    assert tariff is not None
    tokens = [usage[f"{kind}_tokens"] for kind in ("input", "cached", "output")]
    parts = tariff.cost(tokens[0], tokens[1], 0, tokens[2], 0)
    assert parts is not None
    cost = from_units(sum(parts))
    _, fresh = CostRecord.objects.get_or_create(
        organization_id=snapshot.organization_id,
        usage_id=usage["id"],
        correction=0,
        defaults={
            "attribution": attribution,
            "timestamp": at,
            "input_tokens": tokens[0],
            "cached_tokens": tokens[1],
            "output_tokens": tokens[2],
            "input_cost": from_units(parts[0]),
            "output_cost": from_units(parts[1]),
            "total_cost": cost,
        },
    )
    return cost, fresh


def _charge(
    snapshot: ChargedSnapshot,
    charging: Charging,
    attribution: Attribution,
    cost: Decimal,
    at: datetime,
) -> None:
    amount = Value(cost, MoneyField())
    day: Any = {"organization_id": snapshot.organization_id, "day": at.date()}
    DailySpend.objects.get_or_create(**day, attribution=attribution)
    DailySpend.objects.filter(**day, attribution=attribution).update(
        requests=F("requests") + 1, cost=F("cost") + amount
    )
    for charge in charging.charges_of(dimensions_of(attribution), attribution.tags):
        _period(charge.budget.id, at).update(
            spent=F("spent") + amount, requests=F("requests") + 1
        )


def _period(budget_id: int, at: Any) -> Any:
    return BudgetPeriod.objects.filter(
        budget=budget_id, starts_at__lte=at, ends_at__gt=at
    )


@transaction.atomic
def bulk_create(organization_id: int, body: bytes) -> None:
    """Decode, price and write deltas as the product does, the rest with bulk_*."""
    snapshot, _ = open_snapshot(organization_id)
    usage = sorted(world.decoded(body), key=lambda one: one.id)
    entries = list(snapshot.entries_for(usage))
    batch = Batch(snapshot)
    CostRecord.objects.bulk_create(map(_record, batch.rows(usage, entries)))
    added: dict[int, Decimal] = {}
    for entry, units in zip(entries, batch.costs, strict=True):
        cost = from_units(units or 0)
        for charge in entry.charges:
            added[charge.budget.id] = added.get(charge.budget.id, Decimal(0)) + cost
    insert_deltas(ready_deltas(organization_id, batch.totals))
    current = BudgetPeriod.objects.filter(budget__in=added, starts_at__lte=world.NOW)
    periods = list(current.select_for_update().order_by("pk"))
    for period in periods:
        period.spent += added[period.budget_id]
    BudgetPeriod.objects.bulk_update(periods, ["spent"])


def _record(values: Values) -> CostRecord:
    named = dict(zip(NewRecord._fields[:PLAIN], values[:PLAIN], strict=True))
    for name in ("input_cost", "output_cost", "total_cost"):
        stored = named[name]  # text on PostgreSQL, units on SQLite
        named[name] = Decimal(stored) if isinstance(stored, str) else from_units(stored)
    moment = datetime.fromisoformat(f"{named['timestamp']}")
    named["timestamp"] = moment.replace(tzinfo=UTC)
    return CostRecord(**named)


WAYS: dict[str, Callable[[int, bytes], None]] = {
    "one by one": one_by_one,
    "bulk_create": bulk_create,
}
