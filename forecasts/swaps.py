"""What other models would have cost for what was really used lately.

Every use is priced anew, by what it used: cached and written tokens, audio, searches,
long requests; by the catalogue and the organization's overrides of today.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from accounts.models import Organization
from forecasts.assumptions import Swap
from ledger.identity import ModelName, maker_of, provider_named
from ledger.models import Attribution
from ledger.patterns import ModelSet
from ledger.pricing import PriceBook, convert
from ledger.quantities import WRITES
from ledger.sql import elements_of
from ledger.tariffs import Bill, Metered, Tariff
from ledger.uses import Uses, uses_by_price
from lib.errors import Invalid
from lib.money import from_units, quantize, share
from lib.periods import Window

MIX_DAYS = 28  # of use that are looked at: whole weeks
# Service tiers whose prices may begin elsewhere.
_TIERS = ("", "batch", "flex", "priority")
_LOOKED_AT, _MOST_NAMED = 50, 5  # attributions, and models of a refusal
_ZERO = Decimal(0)
_WRITTEN = frozenset({"cache_write_tokens", *WRITES})


@dataclass(frozen=True, slots=True)
class SwapEffect:
    """What one switch makes of the costs lately; organization's currency."""

    swap: Swap
    requests: int
    cost: Decimal  # of what would be switched, as it was
    would_cost: Decimal


@dataclass(frozen=True, slots=True)
class Switched:
    """What some switches make of all costs."""

    factor: Decimal  # all costs are multiplied by it
    effects: Sequence[SwapEffect] = ()


AS_IT_IS = Switched(Decimal(1))


class _Model(NamedTuple):
    """What an attribution says of the model used."""

    provider: str
    model: str
    model_version: str
    sent_model: str  # prices are found by it

    @property
    def name(self) -> ModelName:
        return ModelName(self.model, self.model_version)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What of a mix is switched, by attribution."""

    models: Mapping[int, _Model]
    swaps: Mapping[int, Swap]

    def switches(self) -> set[tuple[_Model, Swap]]:
        return {(self.models[pk], swap) for pk, swap in self.swaps.items()}


def switched_by(
    swaps: Sequence[Swap],
    organization: Organization,
    attribution_ids: Collection[int] | None,
    *,
    now: datetime,
) -> Switched:
    """Return what *swaps* make of what these attributions (None: all) use.

    Measured on the last MIX_DAYS days. Five queries, one more where a model ends in *.

    Raises:
        Invalid: what would be switched was not used, or switched twice, or the new
            model has no price for it. Fields are those of a switch.
    """
    chosen = _chosen(swaps, organization, attribution_ids)
    prices = _Prices(organization, now)
    starts = {
        start
        for model, swap in chosen.switches()
        for start in prices.starts(model, swap)
    }
    window = Window(now - timedelta(MIX_DAYS), now)
    mix = uses_by_price(organization.pk, attribution_ids, window, starts=starts)
    total = sum((uses.cost for uses in mix), _ZERO)
    if total <= 0:
        detail = f"Nothing was spent in the last {MIX_DAYS} days: there is no mix."
        raise Invalid.field("from", detail)
    effects = [_effect(swap, mix, chosen, prices) for swap in swaps]
    saved = sum(
        ((one.cost - one.would_cost) * one.swap.share for one in effects), _ZERO
    )
    return Switched(share(max(total - saved, _ZERO), total) or _ZERO, effects)


def _chosen(
    swaps: Sequence[Swap],
    organization: Organization,
    attribution_ids: Collection[int] | None,
) -> _Chosen:
    rows = Attribution.objects.filter(organization=organization)
    if attribution_ids is not None:
        rows = rows.filter(pk__in=elements_of(attribution_ids))
    named = rows.of_models([swap.model for swap in swaps]).order_by("pk")
    models = {
        pk: _Model(*values) for pk, *values in named.values_list("pk", *_Model._fields)
    }
    reach = [(swap, ModelSet.of([swap.model])) for swap in swaps]
    meant = {
        pk: [swap for swap, one in reach if one.reaches(model.name)]
        for pk, model in models.items()
    }
    for pk, several in meant.items():
        if len(several) > 1:
            detail = (
                f"“{several[0].model}” and “{several[1].model}” both mean "
                f"{models[pk].sent_model}: switch it once."
            )
            raise Invalid.field("from", detail)
    return _Chosen(models, {pk: mine[0] for pk, mine in meant.items() if mine})


def _effect(
    swap: Swap, mix: Sequence[Uses], chosen: _Chosen, prices: "_Prices"
) -> SwapEffect:
    mine = [uses for uses in mix if chosen.swaps.get(uses.attribution_id) is swap]
    requests = sum(uses.used.requests for uses in mine)
    cost = sum((uses.cost for uses in mine), _ZERO)
    if not requests or cost <= 0:
        detail = (
            f"“{swap.model}” cost nothing here in the last {MIX_DAYS} days: name one "
            f"of {', '.join(_dearest(mix))}."
        )
        raise Invalid.field("from", detail)
    models = chosen.models
    would = sum(
        (prices.would_cost(uses, models[uses.attribution_id], swap) for uses in mine),
        _ZERO,
    )
    return SwapEffect(swap, requests, cost, would)


def _dearest(mix: Sequence[Uses]) -> list[str]:
    """Return the models that cost most, a few of them. One query."""
    costs: dict[int, Decimal] = defaultdict(Decimal)
    for uses in mix:
        costs[uses.attribution_id] += uses.cost
    first = sorted(costs, key=lambda pk: -costs[pk])[:_LOOKED_AT]
    names = dict(Attribution.objects.filter(pk__in=first).values_list("pk", "model"))
    return list(dict.fromkeys(names[pk] for pk in first))[:_MOST_NAMED]


class _Prices:
    """Prices of today, in the organization's currency."""

    def __init__(self, organization: Organization, now: datetime) -> None:
        self._own = organization.currency
        self._now = now
        self._book = PriceBook(organization.pk)

    def starts(self, model: _Model, swap: Swap) -> Iterator[int]:
        """Yield from how many input tokens on the models have other prices."""
        for tier in _TIERS:
            was = self._tariff(model.provider, model.sent_model, tier)
            for tariff in (was, self._new(model, swap, tier)):
                if tariff is not None:
                    yield from (start for start, _ in tariff.tiers)

    def would_cost(self, uses: Uses, model: _Model, swap: Swap) -> Decimal:
        """Return what *uses* would have cost with the new model.

        A cost that its sender named, or that was exchanged, is dearer or cheaper in the
        proportion of the list prices: what was billed may be less than those, and what
        a rate did since is no saving.

        Raises:
            Invalid: no price is known for it.
        """
        tariff = self._new(model, swap, uses.tier) or self._new(model, swap, "")
        if tariff is None:
            detail = (
                f"No price of “{swap.to}” by {self._provider(model, swap)} is known: "
                "name another provider, or add its price."
            )
            raise Invalid.field("to", detail)
        new = self._listed(tariff, uses.used, swap)
        if not uses.reported and tariff.currency == self._own:
            return new
        was = self._tariff(model.provider, model.sent_model, uses.tier)
        units = was.bill(uses.used).total if was else None
        if was is None or not units:
            return uses.cost  # nothing tells how it came about
        return quantize(uses.cost * new / self._exchanged(was, units))

    def _listed(self, tariff: Tariff, used: Metered, swap: Swap) -> Decimal:
        bill = _bill(tariff, used)
        if bill.total is None:
            detail = (
                f"“{swap.to}” has no price of {', '.join(bill.unpriced)}, which were "
                "used: add one."
            )
            raise Invalid.field("to", detail)
        return self._exchanged(tariff, bill.total)

    def _exchanged(self, tariff: Tariff, units: int) -> Decimal:
        rate = self._book.rate(tariff.currency, self._own, self._now.date())
        if rate is None:
            detail = f"No rate from {tariff.currency} to {self._own} is known: set it."
            raise Invalid.field("to", detail)
        return from_units(convert(units, rate.rate))

    def _provider(self, model: _Model, swap: Swap) -> str:
        if swap.provider:
            return provider_named(swap.provider)
        if self._tariff(model.provider, swap.to, "") is not None:
            return model.provider
        return maker_of(swap.to) or model.provider

    def _new(self, model: _Model, swap: Swap, tier: str) -> Tariff | None:
        return self._tariff(self._provider(model, swap), swap.to, tier)

    def _tariff(self, provider: str, name: str, tier: str) -> Tariff | None:
        return self._book.span_at(provider, name, tier, self._now).tariff


def _bill(tariff: Tariff, used: Metered) -> Bill:
    """Price *used*; what is written to a cache is input where nothing is sold so."""
    bill = tariff.bill(used)
    if bill.total is None and _WRITTEN.issuperset(bill.unpriced):
        kept = {kind: n for kind, n in used.quantities.items() if kind not in WRITES}
        bill = tariff.bill(used._replace(cache_write=0, quantities=kept))
    return bill
