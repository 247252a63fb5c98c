"""What other models would have cost for what was really used lately.

Every use is priced anew, by what it used: cached and written tokens, audio, searches,
long requests; by the catalogue and the organization's overrides of today.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from accounts.models import Organization
from forecasts.assumptions import Swap
from ledger.identity import ModelName, maker_of, provider_named
from ledger.models import Attribution
from ledger.patterns import ModelSet
from ledger.pricing import PriceBook, convert
from ledger.quantities import WRITES
from ledger.tariffs import Bill, Metered, Tariff
from ledger.uses import Uses, uses_by_price
from lib.errors import Invalid
from lib.money import from_units, quantize, share
from lib.periods import Window

MIX_DAYS = 28  # of use that are looked at: whole weeks
# Service tiers whose prices may begin elsewhere.
_TIERS = ("", "batch", "flex", "priority")
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


def switched_by(
    swaps: Sequence[Swap],
    organization: Organization,
    attribution_ids: Collection[int] | None,
    *,
    now: datetime,
) -> Switched:
    """Return what *swaps* make of what these attributions (None: all) use.

    Measured on the last MIX_DAYS days. Five queries.

    Raises:
        Invalid: what would be switched was not used, or switched twice, or the new
            model has no price for it. Fields are those of a switch.
    """
    rows = Attribution.objects.filter(organization=organization)
    if attribution_ids is not None:
        rows = rows.filter(pk__in=attribution_ids)
    wanted = ModelSet.of(swap.model for swap in swaps)
    of_models = rows.of_models([swap.model for swap in swaps])
    models = {row.pk: row for row in of_models if wanted.reaches(_name(row))}
    prices = _Prices(organization, now)
    chosen = dict(_swaps_of(models, swaps))
    starts = {
        start
        for pk, swap in chosen.items()
        for start in prices.starts(models[pk], swap)
    }
    window = Window(now - timedelta(MIX_DAYS), now)
    mix = uses_by_price(organization.pk, attribution_ids, window, starts=starts)
    total = sum((uses.cost for uses in mix), _ZERO)
    if total <= 0:
        detail = f"Nothing was spent in the last {MIX_DAYS} days: there is no mix."
        raise Invalid.field("from", detail)

    def effect(swap: Swap) -> SwapEffect:
        mine = [one for one in mix if chosen.get(one.attribution_id) is swap]
        return _effect(swap, mine, models, prices)

    effects = [effect(swap) for swap in swaps]
    saved = sum(
        ((one.cost - one.would_cost) * one.swap.share for one in effects), _ZERO
    )
    return Switched(share(max(total - saved, _ZERO), total) or _ZERO, effects)


def _name(row: Attribution) -> ModelName:
    return ModelName(row.model, row.model_version)


def _swaps_of(
    models: Mapping[int, Attribution], swaps: Sequence[Swap]
) -> Iterator[tuple[int, Swap]]:
    reach = [(swap, ModelSet.of([swap.model])) for swap in swaps]
    for pk, row in models.items():
        mine = [swap for swap, one in reach if one.reaches(_name(row))]
        if len(mine) > 1:
            detail = (
                f"“{mine[0].model}” and “{mine[1].model}” both mean {row.sent_model}: "
                "switch it once."
            )
            raise Invalid.field("from", detail)
        yield pk, mine[0]


def _effect(
    swap: Swap,
    mix: Sequence[Uses],
    models: Mapping[int, Attribution],
    prices: "_Prices",
) -> SwapEffect:
    requests = sum(uses.used.requests for uses in mix)
    cost = sum((uses.cost for uses in mix), _ZERO)
    if not requests or cost <= 0:
        detail = (
            f"“{swap.model}” cost nothing here in the last {MIX_DAYS} days: name a "
            "model that did, as GET /analytics/summary?group_by=model lists them."
        )
        raise Invalid.field("from", detail)
    would = sum(
        (prices.would_cost(uses, models[uses.attribution_id], swap) for uses in mix),
        _ZERO,
    )
    return SwapEffect(swap, requests, cost, would)


class _Prices:
    """Prices of today, in the organization's currency."""

    def __init__(self, organization: Organization, now: datetime) -> None:
        self._own = organization.currency
        self._now = now
        self._book = PriceBook(organization.pk)

    def starts(self, row: Attribution, swap: Swap) -> Iterator[int]:
        """Yield from how many input tokens on the models have other prices."""
        for tier in _TIERS:
            was = self._tariff(row.provider, row.sent_model, tier)
            for tariff in (was, self._new(row, swap, tier)):
                if tariff is not None:
                    yield from (start for start, _ in tariff.tiers)

    def would_cost(self, uses: Uses, row: Attribution, swap: Swap) -> Decimal:
        """Return what *uses* would have cost with the new model.

        A cost that its sender named, or that was exchanged, is dearer or cheaper in the
        proportion of the list prices: what was billed may be less than those, and what
        a rate did since is no saving.

        Raises:
            Invalid: no price is known for it.
        """
        tariff = self._new(row, swap, uses.tier) or self._new(row, swap, "")
        if tariff is None:
            detail = (
                f"No price of “{swap.to}” by {self._provider(row, swap)} is known: "
                "name another provider, or add the price (POST /pricing)."
            )
            raise Invalid.field("to", detail)
        new = self._listed(tariff, uses.used, swap)
        if not uses.reported and tariff.currency == self._own:
            return new
        was = self._tariff(row.provider, row.sent_model, uses.tier)
        units = was.bill(uses.used).total if was else None
        if was is None or not units:
            return uses.cost  # nothing tells how it came about
        return quantize(uses.cost * new / self._exchanged(was, units))

    def _listed(self, tariff: Tariff, used: Metered, swap: Swap) -> Decimal:
        bill = _bill(tariff, used)
        if bill.total is None:
            detail = (
                f"“{swap.to}” has no price of {', '.join(bill.unpriced)}, which were "
                "used: add one (POST /pricing)."
            )
            raise Invalid.field("to", detail)
        return self._exchanged(tariff, bill.total)

    def _exchanged(self, tariff: Tariff, units: int) -> Decimal:
        rate = self._book.rate(tariff.currency, self._own, self._now.date())
        if rate is None:
            detail = f"No rate from {tariff.currency} to {self._own} is known: set it."
            raise Invalid.field("to", detail)
        return from_units(convert(units, rate.rate))

    def _provider(self, row: Attribution, swap: Swap) -> str:
        if swap.provider:
            return provider_named(swap.provider)
        if self._tariff(row.provider, swap.to, "") is not None:
            return row.provider
        return maker_of(swap.to) or row.provider

    def _new(self, row: Attribution, swap: Swap, tier: str) -> Tariff | None:
        return self._tariff(self._provider(row, swap), swap.to, tier)

    def _tariff(self, provider: str, model: str, tier: str) -> Tariff | None:
        return self._book.span_at(provider, model, tier, self._now).tariff


def _bill(tariff: Tariff, used: Metered) -> Bill:
    """Price *used*; what is written to a cache is input where nothing is sold so."""
    bill = tariff.bill(used)
    if bill.total is None and _WRITTEN.issuperset(bill.unpriced):
        kept = {kind: n for kind, n in used.quantities.items() if kind not in WRITES}
        bill = tariff.bill(used._replace(cache_write=0, quantities=kept))
    return bill
