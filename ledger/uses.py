"""What was really used, added up so that it can be priced otherwise.

Uses are added up where every price is a straight line: by what they belong to, service
tier, who named the cost, and between how many input tokens a request of theirs lies. So
a price of the sums is the price of all of them, up to the rounding of each.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection

from ledger import sql
from ledger.quantities import Quantity, is_tokens
from ledger.tariffs import Metered
from lib.periods import Window

_Key = tuple[int, str, bool, int]
_TOKENS = """
SELECT attribution_id, service_tier, reported, {level}, sum(total_cost), sum(requests),
    sum(input_tokens), sum(cached_tokens), sum(cache_write_tokens), sum(output_tokens),
    sum(reasoning_tokens)
FROM ledger_costrecord
WHERE organization_id = %s AND timestamp >= %s AND timestamp < %s {chosen}
GROUP BY 1, 2, 3, 4
"""
_KINDS = """
SELECT attribution_id, service_tier, reported, {level}, {kind}, sum({amount})
FROM ledger_costrecord, {each}
WHERE organization_id = %s AND timestamp >= %s AND timestamp < %s {chosen}
    AND quantities IS NOT NULL
GROUP BY 1, 2, 3, 4, 5
"""


@dataclass(frozen=True, slots=True)
class Uses:
    """Some uses that one attribution has, which are priced alike."""

    attribution_id: int
    tier: str
    reported: bool  # the sender named the cost
    cost: Decimal  # organization's currency; those without a price count nothing
    used: Metered


def uses_by_price(
    organization_id: int,
    attribution_ids: Collection[int] | None,
    window: Window,
    *,
    starts: Iterable[int] = (),
) -> list[Uses]:
    """Return what was used in *window*, each usage as it stands now. Two queries.

    *attribution_ids*: None for all. *starts*: numbers of input tokens beyond which
    requests may have other prices.
    """
    if attribution_ids is not None and not attribution_ids:
        return []
    # A row that takes something off has what it takes off with the other sign.
    level = " + ".join(
        f"CASE WHEN abs(input_tokens) > {int(start)} * abs(requests) THEN 1 ELSE 0 END"
        for start in sorted(set(starts))
    )
    adapt = connection.ops.adapt_datetimefield_value
    given: list[Any] = [organization_id, adapt(window.start), adapt(window.end)]
    chosen = ""
    if attribution_ids is not None:
        chosen = f"AND attribution_id IN ({sql.ELEMENTS})"
        given.append(sql.numbers(attribution_ids))
    words = {"level": level or "0", "chosen": chosen, **sql.EACH_KIND}
    kinds: dict[_Key, dict[str, Quantity]] = defaultdict(dict)
    for *key, kind, amount in sql.sums(_KINDS.format(**words), given):
        kinds[_key(key)][kind] = _quantity(kind, amount)
    return [
        Uses(
            row[0],
            row[1],
            bool(row[2]),
            sql.total_of(row[4] or 0),
            _metered(row[5:], kinds[_key(row[:4])]),
        )
        for row in sql.sums(_TOKENS.format(**words), given)
    ]


def _key(row: Sequence[Any]) -> _Key:
    attribution_id, tier, reported, level = row
    return attribution_id, tier, bool(reported), level


def _metered(sums: Sequence[Any], kinds: dict[str, Quantity]) -> Metered:
    requests, *tokens = map(int, sums)
    kinds.pop("requests", None)
    names = ("input", "cached", "cache_write", "output", "reasoning")
    used = dict(zip(names, tokens, strict=True))
    return Metered(**used, requests=requests, quantities=kinds)


def _quantity(kind: str, amount: Any) -> Quantity:
    return int(amount) if is_tokens(kind) else Decimal(str(amount))
