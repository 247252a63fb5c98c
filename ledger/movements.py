"""What moved a cost between two times of the same length: volume, price and mix. Pure.

The three add up to the change, to the last place. *Price*: a token of a model (a
request, where it has none) cost another amount than before. *Volume*: more or fewer of
them were used, each at what all of them cost on average before. *Mix* is the rest: use
went to models that are dearer or cheaper than that average.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext

from lib.money import quantize

_ZERO = Decimal(0)
_EXACT = Context(prec=80)  # products of amounts and tokens


@dataclass(frozen=True, slots=True)
class ModelUse:
    """What was used of one model in some time, and what it cost."""

    cost: Decimal = _ZERO
    requests: int = 0
    tokens: int = 0

    def __add__(self, other: "ModelUse") -> "ModelUse":
        return ModelUse(
            self.cost + other.cost,
            self.requests + other.requests,
            self.tokens + other.tokens,
        )


@dataclass(frozen=True, slots=True)
class Movement:
    """What something cost in two times, and what makes the difference."""

    before: Decimal
    now: Decimal
    volume: Decimal
    price: Decimal

    @property
    def change(self) -> Decimal:
        return _EXACT.subtract(self.now, self.before)

    @property
    def mix(self) -> Decimal:
        with localcontext(_EXACT):
            return self.change - self.volume - self.price


_Units = tuple[ModelUse, ModelUse, int, int]  # before and now, with how many units


def movement_of(
    before: Mapping[str, ModelUse], now: Mapping[str, ModelUse]
) -> Movement:
    """Say what made the cost of *before* that of *now*, each by model.

    Models of which tokens are counted, and those of which requests are, each have an
    average of their own.
    """
    with localcontext(_EXACT):
        by_kind: dict[bool, list[_Units]] = {True: [], False: []}
        for model in {**before, **now}:
            used = before.get(model, ModelUse()), now.get(model, ModelUse())
            by_tokens = any(one.tokens > 0 for one in used)
            units = [one.tokens if by_tokens else one.requests for one in used]
            by_kind[by_tokens].append((*used, units[0], units[1]))
        volume = sum((_volume(models) for models in by_kind.values()), _ZERO)
        price = sum((_price(*one) for each in by_kind.values() for one in each), _ZERO)
        return Movement(
            _cost_of(before.values()),
            _cost_of(now.values()),
            quantize(volume),
            quantize(price),
        )


def _cost_of(used: Iterable[ModelUse]) -> Decimal:
    return sum((one.cost for one in used), _ZERO)


def _volume(models: Iterable[_Units]) -> Decimal:
    """Return what more or fewer units come to at the average of before; all of the
    change where nothing was used before."""
    earlier = later = 0
    cost = change = _ZERO
    for before, now, units, units_now in models:
        earlier, later = earlier + units, later + units_now
        cost, change = cost + before.cost, change + now.cost - before.cost
    return (later - earlier) * cost / earlier if earlier > 0 else change


def _price(before: ModelUse, now: ModelUse, units: int, units_now: int) -> Decimal:
    if units <= 0 or units_now <= 0:
        return _ZERO
    return now.cost - units_now * before.cost / units
