"""What the use of a time would have cost otherwise: by batch, cache or a smaller model.

From real quantities and the prices that were in force. What has no price is left out,
and told: nothing here is guessed but what each hint says is assumed.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

from accounts.models import Organization
from budgets.models import Budget, Coverage
from ledger.catalogue import context_of, is_listed
from ledger.families import smaller_than
from ledger.mixes import Mix, Sold, UseQuestion, mixes_of, repriced, sold_in
from ledger.pricing import PriceBook
from ledger.tariffs import Metered, Tariff
from ledger.types import LIST_PRICE_TIERS
from lib.money import format_percent
from lib.periods import Cadence, Calendar, Window

BATCH = "batch"
TIERS = ("", BATCH, "flex", "priority")  # whose prices may differ
LEAST_CACHED = 1_024  # input tokens of a request that providers cache
USUAL_SHARE = Decimal("0.5")  # of input that is assumed to be read from a cache
_MOMENT = timedelta(microseconds=1)
_ZERO = Decimal(0)


class Certainty(StrEnum):
    """How sure a saving is."""

    CERTAIN = "certain"  # the same model and tokens at a price that was in force
    ASSUMED = "assumed"  # the same model, and tokens as the hint says
    NEEDS_TRYING = "needs_trying"  # the same tokens of a model that may not do


class HintKind(StrEnum):
    """What would have been otherwise."""

    BATCH = "batch"
    CACHING = "caching"
    SMALLER_MODEL = "smaller_model"


CERTAINTIES = {
    HintKind.BATCH: Certainty.CERTAIN,
    HintKind.CACHING: Certainty.ASSUMED,
    HintKind.SMALLER_MODEL: Certainty.NEEDS_TRYING,
}


@dataclass(frozen=True, slots=True)
class HintQuestion:
    """Whose use is looked at; *window* is in UTC."""

    organization: Organization
    window: Window
    budget: Budget | None = None  # what it is charged for
    cached_share: Decimal = USUAL_SHARE


@dataclass(frozen=True, slots=True)
class Hint:
    """What one model's use would have cost otherwise, in organization's currency."""

    kind: HintKind
    provider: str
    model: str
    instead: str  # the smaller model; else ""
    requests: int
    cost: Decimal
    saved: Decimal
    words: str  # what it rests on

    @property
    def certainty(self) -> Certainty:
        return CERTAINTIES[self.kind]


@dataclass(frozen=True, slots=True)
class Unjudged:
    """Use of a model that no hint is about."""

    provider: str
    model: str
    requests: int
    cost: Decimal
    reason: str


@dataclass(frozen=True, slots=True)
class Hints:
    """All hints, those that save most first. They don't add up: each is by itself."""

    hints: Sequence[Hint]
    cost: Decimal  # of all that was looked at
    left_out: Sequence[Unjudged]


def month_before(organization: Organization, now: datetime) -> Window:
    """Return the last whole month of *organization*."""
    calendar = _months(organization)
    return calendar.window_of(calendar.window_of(now).start - _MOMENT)


def month_of(organization: Organization, at: datetime) -> Window:
    return _months(organization).window_of(at)


def hints_of(question: HintQuestion) -> Hints:
    """Return what would have cost less. Four queries, five of a budget; one of them
    reads the cost records of the time."""
    use = UseQuestion(
        question.organization.pk,
        question.window.start,
        question.window.end,
        _covered(question),
    )
    book = PriceBook(question.organization.pk)
    names = sold_in(use)
    sold = {Sold(provider, sent, tier) for provider, sent, _ in names for tier in TIERS}
    smaller = {
        (provider, model): _smaller(provider, model) for provider, _, model in names
    }
    sold |= {
        Sold(provider, one, tier)
        for (provider, _), found in smaller.items()
        for one in found
        for tier in TIERS
    }
    by_model: dict[tuple[str, str], list[Mix]] = defaultdict(list)
    for mix in mixes_of(use, book, sorted(sold), sizes=[LEAST_CACHED - 1]):
        by_model[mix.sold.provider, mix.name].append(mix)
    hints: list[Hint] = []
    left_out: list[Unjudged] = []
    for (provider, model), mixes in sorted(by_model.items()):
        plain = [mix for mix in mixes if mix.is_plain and mix.used.requests > 0]
        judge = _Judge(book, provider, model, plain)
        hints += judge.hints(smaller[provider, model], question.cached_share)
        left_out += _left_out(provider, model, mixes)
    hints.sort(key=lambda hint: -hint.saved)
    cost = sum((mix.cost for mixes in by_model.values() for mix in mixes), _ZERO)
    return Hints(hints, cost, left_out)


@dataclass(frozen=True, slots=True)
class _Judge:
    """Prices the use of one model otherwise."""

    book: PriceBook
    provider: str
    model: str
    mixes: Sequence[Mix]

    def hints(self, smaller: Iterable[str], cached_share: Decimal) -> Iterator[Hint]:
        """Yield what would have saved something."""
        if hint := self._batch():
            yield hint
        if hint := self._cached(cached_share):
            yield hint
        found = filter(None, map(self._smaller, smaller))
        if hint := next(found, None):
            yield hint

    def _batch(self) -> Hint | None:
        mixes = [mix for mix in self.mixes if mix.sold.tier in LIST_PRICE_TIERS]
        prices = [(mix, self._tariff(mix, tier=BATCH), mix.used) for mix in mixes]
        return self._hint(
            HintKind.BATCH,
            prices,
            "The same tokens at the batch price: for calls that can wait for a day.",
        )

    def _cached(self, share: Decimal) -> Hint | None:
        prices: list[tuple[Mix, Tariff, Metered]] = []
        for mix in self.mixes:
            tariff = self._tariff(mix, tier=mix.sold.tier)
            if (
                tariff is not None
                and mix.used.input >= LEAST_CACHED * mix.used.requests
            ):
                prices.append((mix, tariff, _cached_more(mix.used, tariff, share)))
        if not prices:
            return None
        return self._hint(HintKind.CACHING, prices, _cache_words(prices, share))

    def _smaller(self, model: str) -> Hint | None:
        context = context_of(self.provider, model)
        if context is not None and context < self._largest():
            return None
        prices = [
            (mix, self._tariff(mix, model=model, tier=mix.sold.tier), mix.used)
            for mix in self.mixes
        ]
        return self._hint(
            HintKind.SMALLER_MODEL,
            prices,
            f"The same tokens at the price of {model}. Whether its answers will do "
            "has to be tried.",
            instead=model,
        )

    def _largest(self) -> int:
        """Return how many input tokens one request had, at most. Records of more than
        the model takes are of several requests, and say nothing of one."""
        largest = max((mix.largest for mix in self.mixes), default=0)
        context = context_of(self.provider, self.model)
        return largest if context is None else min(largest, context)

    def _tariff(self, mix: Mix, *, tier: str, model: str = "") -> Tariff | None:
        name = model or mix.sold.model
        return self.book.span_at(self.provider, name, tier, mix.at).tariff

    def _hint(
        self,
        kind: HintKind,
        prices: Iterable[tuple[Mix, Tariff | None, Metered]],
        words: str,
        *,
        instead: str = "",
    ) -> Hint | None:
        """Add up what is priced otherwise; None: nothing would have been saved."""
        cost, saved, requests = _ZERO, _ZERO, 0
        for mix, tariff, used in prices:
            then = None if tariff is None else repriced(mix, tariff, used, self.book)
            if then is not None and then < mix.cost:
                cost += mix.cost
                saved += mix.cost - then
                requests += mix.used.requests
        if not saved:
            return None
        return Hint(
            kind, self.provider, self.model, instead, requests, cost, saved, words
        )


def _cached_more(used: Metered, tariff: Tariff, share: Decimal) -> Metered:
    """Return *used* with *share* of the input read from the cache, if it was less."""
    rates = tariff.rates_for(used.input, used.requests)
    cached = min(int(used.input * share), used.input - used.cache_write)
    if cached <= used.cached or rates.cached_input is None:
        return used
    write = used.input - cached if _writes_cost(tariff) else used.cache_write
    return used._replace(cached=cached, cache_write=write)


def _writes_cost(tariff: Tariff) -> bool:
    """Tell whether writing to the cache costs more than reading the input afresh."""
    write, read = tariff.rates.cache_write, tariff.rates.input
    return write is not None and read is not None and write > read


def _cache_words(prices: Sequence[tuple[Mix, Tariff, Metered]], share: Decimal) -> str:
    all_of_it = sum(mix.used.input for mix, _, _ in prices)
    had = sum(mix.used.cached for mix, _, _ in prices)
    words = (
        f"{format_percent(Decimal(had) / all_of_it)} of its input came from the cache; "
        f"assumed are {format_percent(share)}, of prompts of {LEAST_CACHED:,} tokens "
        "and more."
    )
    if any(_writes_cost(tariff) for _, tariff, _ in prices):
        words += " All other input is reckoned as written to the cache."
    return words


def _smaller(provider: str, model: str) -> list[str]:
    return [one for one in smaller_than(model) if is_listed(provider, one)]


def _left_out(provider: str, model: str, mixes: Iterable[Mix]) -> Iterator[Unjudged]:
    """Yield what of a model's use can't be priced otherwise, by the reason."""
    by_reason: dict[str, list[Mix]] = defaultdict(list)
    for mix in mixes:
        if not mix.is_plain:
            by_reason[_reason(mix)].append(mix)
    for reason, found in by_reason.items():
        requests = sum(mix.used.requests for mix in found)
        cost = sum((mix.cost for mix in found), _ZERO)
        if requests or cost:
            yield Unjudged(provider, model, requests, cost, reason)


def _reason(mix: Mix) -> str:
    if mix.unpriced:
        return "No price is known."
    if mix.is_reported:
        return "Its cost was sent with it, not reckoned from prices."
    return "More was used than text tokens."


def _covered(question: HintQuestion) -> list[int] | None:
    """Return which attributions the budget was charged for in the time."""
    if question.budget is None:
        return None
    rows = Coverage.objects.filter(
        organization=question.organization,
        budget=question.budget,
        starts_at__lt=question.window.end,
        ends_at__gt=question.window.start,
    )
    return list(rows.order_by().values_list("attribution", flat=True).distinct())


def _months(organization: Organization) -> Calendar:
    return Calendar(Cadence.MONTHLY, ZoneInfo(organization.timezone))
