"""What a variance is made of: volume, price, and currency. Pure.

What was spent differs from what an even pace expects for three reasons that add up to
the difference, to the last place. *Currency*: rates are not those of the day on which
the period began. *Price*: a token of a model (a request, where it has no tokens) cost
another amount than in the period before, both at those rates. *Volume* is the rest:
more or less was used than expected, of dearer or cheaper models.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext

from lib.money import quantize

_ZERO = Decimal(0)
EXACT = Context(prec=80)  # sums of products of amounts and two rates


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What was charged of one model at one pair of rates."""

    model: str
    amount: Decimal  # before it was exchanged
    charged: Decimal  # in the budget's currency
    rate: Decimal  # of the two, as it was booked
    planned_rate: Decimal  # of the day on which the period began
    requests: int
    tokens: int

    @property
    def by_rates(self) -> Decimal:
        """What other rates than the planned ones made of it."""
        return self.amount * (self.rate - self.planned_rate)


@dataclass(frozen=True, slots=True)
class VarianceParts:
    """The parts of a variance, in the budget's currency; they add up to it."""

    volume: Decimal
    price: Decimal
    currency: Decimal


@dataclass(slots=True)
class ModelSums:
    """What was charged of one model, and for how much use of it."""

    cost: Decimal = _ZERO  # at the planned rates
    requests: int = 0
    tokens: int = 0


def parts_of(
    variance: Decimal, now: Iterable[Exchanged], before: Iterable[Exchanged]
) -> VarianceParts:
    """Part *variance*, given what was charged in its period and in the one before."""
    with localcontext(EXACT):
        used = list(now)
        currency = quantize(sum((one.by_rates for one in used), _ZERO))
        earlier = by_model(before)
        effects = (
            price_effect(sums, earlier[model])
            for model, sums in by_model(used).items()
            if model in earlier
        )
        price = quantize(sum(effects, _ZERO))
        return VarianceParts(variance - price - currency, price, currency)


def by_model(used: Iterable[Exchanged]) -> Mapping[str, ModelSums]:
    """Add up what was *used*, at the planned rates."""
    found: dict[str, ModelSums] = defaultdict(ModelSums)
    for one in used:
        sums = found[one.model]
        sums.cost += one.charged - one.by_rates
        sums.requests += one.requests
        sums.tokens += one.tokens
    return dict(found)


def price_effect(now: ModelSums, before: ModelSums) -> Decimal:
    """Return what the units of *now* cost more than at the price of *before*."""
    if now.tokens > 0 and before.tokens > 0:
        units, reference = now.tokens, before.tokens
    else:
        units, reference = now.requests, before.requests
    if units <= 0 or reference <= 0:
        return _ZERO
    return now.cost - units * before.cost / reference
