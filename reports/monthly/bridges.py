"""The way from what was budgeted to what was spent, in causes that add up. Pure.

A budget says an amount and no quantities, so use and prices are held against those of
the month before. *Currency*: rates are not those of the month's first day. *Price*: a
token of a model (a request, where it has none) cost another amount than in the month
before. *Mix*: dearer or cheaper models were used than then, at the prices of then.
*Volume* is the rest: more or less was used than the budget would pay for at what a
token cost on average in the month before.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal, localcontext

from budgets.variance_parts import (
    EXACT,
    Exchanged,
    ModelSums,
    by_model,
    price_effect,
)
from lib.money import quantize
from reports.monthly.figures import Bridge, BridgeCause

_ZERO = Decimal(0)
VOLUME, PRICE, MIX, CURRENCY = "volume", "price", "mix", "currency"


def bridge_of(
    budgeted: Decimal,
    spent: Decimal,
    now: Iterable[Exchanged],
    before: Iterable[Exchanged],
) -> Bridge:
    """Return the bridge, given what was charged in the month and in the one before."""
    with localcontext(EXACT):
        used = list(now)
        currency = quantize(sum((one.by_rates for one in used), _ZERO))
        sums, earlier = by_model(used), by_model(before)
        prices = {
            model: price_effect(of, earlier[model])
            for model, of in sums.items()
            if model in earlier
        }
        price = quantize(sum(prices.values(), _ZERO))
        mix = quantize(_mix(sums, earlier, prices))
        volume = spent - budgeted - price - mix - currency
    causes = (
        BridgeCause(VOLUME, volume),
        BridgeCause(PRICE, price),
        BridgeCause(MIX, mix),
        BridgeCause(CURRENCY, currency),
    )
    return Bridge(budgeted, causes, spent)


def _mix(
    now: Mapping[str, ModelSums],
    before: Mapping[str, ModelSums],
    prices: Mapping[str, Decimal],
) -> Decimal:
    """Return what the same use would have cost less had it been shared out over models
    as before. What is counted in tokens and what is not are looked at apart."""
    found = _ZERO
    for by_tokens in (True, False):
        used = {model: of for model, of in now.items() if (of.tokens > 0) == by_tokens}
        then = [of for of in before.values() if (of.tokens > 0) == by_tokens]
        units = sum(_units(of) for of in then)
        if units <= 0:
            continue  # nothing says what a unit cost on average
        average = sum((of.cost for of in then), _ZERO) / units
        for model, of in used.items():
            found += of.cost - prices.get(model, _ZERO) - _units(of) * average
    return found


def _units(of: ModelSums) -> int:
    return of.tokens if of.tokens > 0 else of.requests
