"""What is booked of usage: its contents, and what each of them costs."""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from ledger.batch import Cost
from ledger.models import CostRecord
from lib.money import to_units


@dataclass(frozen=True, slots=True)
class Content:
    """What counts of one usage: its content, with the differences in cost since."""

    rows: list[CostRecord]  # the content first
    before: list[CostRecord]  # the contents that were taken off

    @property
    def content(self) -> CostRecord:
        return self.rows[0]

    @property
    def last(self) -> int:
        """Return the number of what was booked last."""
        return self.rows[-1].correction

    @property
    def cost(self) -> Cost:
        return cost_of(self.rows)


def standing_of(organization_id: int, ids: Collection[str]) -> dict[str, Content]:
    """Return what counts of the usage *ids*, of those that are there. One query."""
    found: dict[str, Content] = {}
    rows = CostRecord.objects.filter(
        organization=organization_id, usage_id__in=list(ids), correction__gte=0
    ).select_related("attribution", "organization")
    for row in rows.order_by("usage_id", "correction"):
        known = found.get(row.usage_id)
        if known is None:
            found[row.usage_id] = Content([row], [])
        elif row.requests > 0:
            known.before.append(known.content)
            known.rows[:] = [row]
        else:
            known.rows.append(row)
    return found


def cost_of(rows: Collection[CostRecord]) -> Cost:
    """Return what a content and the differences since come to, the content first."""
    cost = Cost()
    for row in rows:
        cost = Cost(
            _sum(cost.input, _units(row.input_cost)),
            _sum(cost.output, _units(row.output_cost)),
            _sum(cost.other, _units(row.other_cost)),
            _sum(cost.total, _units(row.total_cost)),
            _sum(cost.source, _units(row.source_cost)),
            cost.currency or row.source_currency,
            row.exchange_rate,
        )
    return cost


def _units(amount: Decimal | None) -> int | None:
    return None if amount is None else to_units(amount)


def _sum(one: int | None, other: int | None) -> int | None:
    return one if other is None else (one or 0) + other
