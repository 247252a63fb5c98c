"""What one record costs, against the library whose prices the catalogue has."""

import time
from decimal import Decimal
from random import Random

from genai_prices import Usage as PricedUsage
from genai_prices import calc_price

from dev.benchmarks import world
from dev.benchmarks.timing import Contender, Figure, take_turns
from ledger.catalogue import span_at
from ledger.types import ChargedSpan
from ledger.usage import Usage
from lib.money import from_units

RECORDS = 2_000
TIMES = 50  # ours does in one round what the library does once
_CLOSE = Decimal("1E-10")


def measure(rounds: int) -> list[Figure]:
    usage = world.decoded(world.body(RECORDS, Random(5)))
    resolved = [(one, _span(one)) for one in usage]
    for one, span in resolved:
        ours = from_units(_ours(one, span))
        assert abs(ours - _theirs(one)) <= _CLOSE, (one, ours)
    contenders = {
        "span": Contender(
            lambda: resolved * TIMES,
            lambda material: [_ours(one, span) for one, span in material],
            RECORDS * TIMES,
        ),
        "calc_price": Contender(
            lambda: usage, lambda material: [_theirs(one) for one in material], RECORDS
        ),
    }
    rates = take_turns(
        contenders, rounds=rounds, label="price", clock=time.process_time
    )
    return [
        Figure(
            "price of a resolved model: span / genai_prices.calc_price",
            rates.ratio("span", "calc_price"),
            200,
            rate=f"{1e9 / rates.median('span'):,.0f} ns against "
            f"{1e6 / rates.median('calc_price'):,.0f} µs",
        )
    ]


def _span(one: Usage) -> ChargedSpan[None]:
    price = span_at(one.provider or "", one.model or "", one.timestamp, "")
    return ChargedSpan(1, price.start, price.end, price.tariff, None, (), ())


def _ours(one: Usage, span: ChargedSpan[None]) -> int:
    tariff = span.tariff
    assert tariff is not None
    assert span.start <= one.timestamp < span.end
    parts = tariff.cost(
        one.input_tokens or 0, one.cached_tokens or 0, 0, one.output_tokens or 0, 0
    )
    assert parts is not None
    return sum(parts)


def _theirs(one: Usage) -> Decimal:
    found = calc_price(
        PricedUsage(
            input_tokens=one.input_tokens,
            cache_read_tokens=one.cached_tokens,
            output_tokens=one.output_tokens,
        ),
        one.model or "",
        provider_id=one.provider,
        genai_request_timestamp=one.timestamp,
    )
    return found.total_price
