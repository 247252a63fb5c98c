"""A dry run: what rules and a limit would have done to a time that is over.

Every use of the time is judged as if it were about to be made, with what it cost for
its estimate. What would have been stopped is not spent then, and what would have been
downgraded costs what the cheaper model would have: so later uses are judged by what
would have been left.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from accounts.models import UnpricedPolicy
from budgets.amounts import PastLimits
from budgets.models import Budget
from budgets.status import MOMENT, calendar_of, window_near
from budgets.uses import Use, uses_of
from controls.downgrades import leads_back
from controls.rates import RateUse
from controls.rules import judge
from controls.types import (
    BudgetFigures,
    ControlAction,
    ProposedCall,
    Rule,
    Ruling,
    Subject,
)
from controls.wording import summary_of
from ledger.identity import model_named
from ledger.pricing import PriceBook, convert
from lib.humanize import when
from lib.money import COUNTED, format_money, from_units, to_units
from lib.periods import Window

EffectKind = Literal["stopped", "downgraded", "limited", "told"]

HARD_LIMIT, UNPRICED = "hard_limit", "unpriced"

_OUTCOMES: Mapping[ControlAction, EffectKind] = {
    ControlAction.BLOCK: "stopped",
    ControlAction.MODEL_BLOCKLIST: "stopped",
    ControlAction.MODEL_DOWNGRADE: "downgraded",
    ControlAction.RATE_LIMIT: "limited",
    ControlAction.NOTIFY: "told",
}
_LIMITS = {
    HARD_LIMIT: "The amount is a hard limit.",
    UNPRICED: "Calls without a known price are blocked under a hard limit.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What is to be tried on the past."""

    rules: Sequence[Rule]
    amount: Decimal | None = None  # of a period; None: what it was
    is_hard: bool = False  # whether no call may pass the limit, whatever the rules

    @property
    def has_limit(self) -> bool:
        """Tell whether no call may pass the limit, be it that a rule stops there."""
        return self.is_hard or any(rule.is_hard_stop for rule in self.rules)

    @property
    def passing(self) -> frozenset[str]:
        """Return whom the limit does not bind; nobody, if it needs no rule."""
        if self.is_hard:
            return frozenset()
        return frozenset().union(*(rule.passing for rule in self.rules))


@dataclass(slots=True)
class Effect:
    """What one rule, or a limit, would have decided; money in the budget's currency."""

    by: str  # a rule's uid, or "hard_limit", "unpriced"
    outcome: EffectKind
    summary: str = ""
    calls: int = 0
    cost: int = 0  # of those calls, as they were
    saved: int = 0  # so much less would have been spent
    first_at: datetime | None = None


@dataclass(slots=True)
class Replay:
    """What a dry run came to; money in units of the budget's currency."""

    budget: Budget
    window: Window
    calls: int = 0
    spent: int = 0  # as it was
    effects: dict[str, Effect] = field(default_factory=dict)  # rules first, in order

    @property
    def saved(self) -> int:
        return sum(effect.saved for effect in self.effects.values())

    def total(self, outcome: EffectKind) -> Effect:
        """Return what all effects of one kind come to."""
        whole = Effect("", outcome)
        for effect in self.effects.values():
            if effect.outcome == outcome:
                whole.calls += effect.calls
                whole.cost += effect.cost
                whole.saved += effect.saved
        return whole

    @property
    def sentence(self) -> str:
        """Say it: "In November 2026 this would have stopped 312 calls, $1,240.00."."""
        time = when(self.window, ZoneInfo(self.budget.timezone))
        said = ", ".join(self._parts()) or self._passing()
        return f"{time[0].upper()}{time[1:]} this would have {said}."

    def _passing(self) -> str:
        if self.calls > 1:
            return f"let all {self.calls:,} calls pass"
        return "let the one call pass" if self.calls else "met no call"

    def _parts(self) -> Iterator[str]:
        stopped, limited = self.total("stopped"), self.total("limited")
        downgraded = self.total("downgraded")
        if stopped.calls:
            yield f"stopped {_calls(stopped)}, {self._money(stopped.cost)}"
        if downgraded.calls:
            less = self._money(downgraded.saved)
            yield f"used cheaper models for {_calls(downgraded)}, {less} less"
        if limited.calls:
            yield f"had {_calls(limited)} wait, {self._money(limited.cost)}"

    def _money(self, units: int) -> str:
        return format_money(from_units(units), self.budget.currency)


def _calls(effect: Effect) -> str:
    return f"{effect.calls:,} call{'' if effect.calls == 1 else 's'}"


def replay(budget: Budget, proposal: Proposal, window: Window) -> Replay:
    """Judge what *budget* was charged for in *window* by *proposal*.

    By its own rules and limit alone: those above it are left out, and so are triggers
    that ask for a forecast. What was spent in the same period before counts as it was.
    Streamed: see `uses_of`; three queries more. Changes nothing.
    """
    run = _Run(budget, proposal, window)
    for use in uses_of(budget, run.period.start, window.end):
        run.take(use)
    return run.result


def last_period(budget: Budget, now: datetime) -> Window:
    """Return the last period that is over; of a budget's first one what has passed."""
    calendar = calendar_of(budget, budget.organization)
    present = window_near(calendar, now)
    if present.end <= now:
        return present
    before = calendar.window_at(present.start - MOMENT)
    return before or Window(present.start, max(now, present.start + MOMENT))


class _Run:
    """One dry run, use by use."""

    def __init__(self, budget: Budget, proposal: Proposal, window: Window) -> None:
        self.budget, self.proposal, self.window = budget, proposal, window
        self.has_limit, self.passing = proposal.has_limit, proposal.passing
        self.rules = [rule.as_approved for rule in proposal.rules]
        self.organization = budget.organization
        self.calendar = calendar_of(budget, self.organization)
        self.zone = self.calendar.zone
        self.prices = _Prices(budget)
        self.counts = budget.currency in COUNTED  # what it takes is no money
        self.result = Replay(budget, window, effects=_effects_of(proposal))
        self.uses: dict[int, RateUse] = {}  # by rule
        self._limits = PastLimits(budget)
        self._begin(window_near(self.calendar, window.start))

    def _begin(self, period: Window) -> None:
        self.period, self.spent = period, 0
        amount = self.proposal.amount
        limit = (
            self._limits.of(period)
            if amount is None
            else self._limits.with_amount(period, amount)
        )
        self.limit = to_units(limit)

    def take(self, use: Use) -> None:
        """Count *use* as it was, and as it would have been."""
        if use.at not in self.period:
            self._begin(window_near(self.calendar, use.at))
        if use.at < self.window.start:
            self.spent += use.charged
            return
        self.result.spent += use.charged
        if use.charged < 0:  # a credit: nobody asks for it
            self.spent += use.charged
            return
        self.result.calls += 1
        self.spent += self._judged(use)

    def _judged(self, use: Use) -> int:
        """Return what would have been spent, having noted what was decided."""
        ruling, priced, by = self._by_rules(use)
        if ruling.decision in {"block", "rate_limit"}:
            self._note(ruling.acted[0].uid, use, use.charged)
            return 0
        if self.has_limit and (limit := self._limit_passed(use, priced)):
            self._note(limit, use, use.charged)
            return 0
        for rule in ruling.rates:
            self.uses.setdefault(rule.id, RateUse()).add(use.at, priced.cost or 0)
        if by is not None:
            self._note(by.uid, use, use.charged - priced.charged)
        return priced.charged

    def _by_rules(self, use: Use) -> tuple[Ruling, "_Priced", Rule | None]:
        """Follow downgrades, as whoever decides does; return the last one's rule."""
        model, by = use.place.dimensions.sent_model, None
        priced = _Priced(use.cost, use.charged)
        seen = [model_named(model)]
        told: set[str] = set()
        figures = BudgetFigures(self.spent, 0, self.limit, self.zone, None)
        while True:
            call = _call_of(use, model, priced.cost)
            ruling = judge(self.rules, call, lambda _: figures, self.uses.get, use.at)
            told.update(one.uid for one in ruling.acted if _only_tells(one))
            instead = model_named(ruling.model)
            if ruling.decision != "downgrade" or leads_back(instead, seen):
                break
            by, model = ruling.acted[0], ruling.model
            seen.append(instead)
            priced = self.prices.of(use, model)
        for uid in told:
            self._note(uid, use, 0)
        return ruling, priced, by

    def _limit_passed(self, use: Use, priced: "_Priced") -> str:
        if use.place.dimensions.user in self.passing:
            return ""
        blocks = self.organization.unpriced_policy == UnpricedPolicy.BLOCK
        if priced.cost is None and blocks and not self.counts:
            return UNPRICED
        if priced.cost == 0 and not self.counts:  # it is free, however little is left
            return ""
        return HARD_LIMIT if self.spent + priced.charged > self.limit else ""

    def _note(self, by: str, use: Use, saved: int) -> None:
        effect = self.result.effects[by]
        effect.first_at = effect.first_at or use.at
        effect.calls += 1
        effect.cost += use.charged
        effect.saved += saved


def _effects_of(proposal: Proposal) -> dict[str, Effect]:
    """Return what is found to have had no effect yet."""
    found = {
        rule.uid: Effect(rule.uid, _OUTCOMES[rule.action], summary_of(rule))
        for rule in proposal.rules
    }
    if proposal.has_limit:
        found |= {by: Effect(by, "stopped", why) for by, why in _LIMITS.items()}
    return found


def _only_tells(rule: Rule) -> bool:
    return rule.action is ControlAction.NOTIFY


def _call_of(use: Use, model: str, cost: int | None) -> ProposedCall:
    where, tags = use.place
    return ProposedCall(Subject.of(where, model, tags), cost, use.tokens.input)


class _Priced(NamedTuple):
    """What a call costs, in the organization's and in the budget's currency."""

    cost: int | None  # None: no price is known
    charged: int


class _Prices:
    """What uses would have cost with other models."""

    def __init__(self, budget: Budget) -> None:
        self.own, self.foreign = budget.organization.currency, budget.currency
        self.book = PriceBook(budget.organization_id)

    def of(self, use: Use, model: str) -> _Priced:
        """Return what *use* would have cost with *model*: as it did, if none knows."""
        cost = self._listed(use, model)
        if cost is None:
            return _Priced(use.cost, use.charged)
        if use.reported and use.cost is not None:
            # What was really billed is dearer, or cheaper, in the same proportion.
            listed = self._listed(use, use.place.dimensions.sent_model)
            if not listed:
                return _Priced(use.cost, use.charged)
            cost = convert(use.cost, Decimal(cost) / listed)
        return _Priced(cost, self._charged(use, cost))

    def _listed(self, use: Use, model: str) -> int | None:
        provider = use.place.dimensions.provider
        tariff = self.book.span_at(provider, model, use.tier, use.at).tariff
        if tariff is None:
            return None
        units = tariff.total(*use.tokens)
        rate = self.book.rate(tariff.currency, self.own, use.at.date())
        return convert(units, rate.rate) if units is not None and rate else None

    def _charged(self, use: Use, cost: int) -> int:
        if self.own == self.foreign:
            return cost
        if self.foreign in COUNTED:
            return use.charged
        rate = use.rate
        if rate is None:
            known = self.book.rate(self.own, self.foreign, use.at.date())
            rate = (known or self.book.first_rate(self.own, self.foreign)).rate
        return convert(cost, rate)
