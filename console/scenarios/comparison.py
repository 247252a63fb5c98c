"""Scenarios of a budget side by side: figures written out, and drawn."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from approvals.limits import Wish
from budgets.models import Budget
from budgets.status import calendar_of
from console.drawings import FRAME, Bar
from console.scenarios.wording import assumption_words, effect_words
from forecasts.ahead import Ahead, ahead_of
from forecasts.assumptions import Scenario
from forecasts.prospects import Prospect, Prospector
from forecasts.scenarios import ScenarioOutcome
from forecasts.swaps import MIX_DAYS
from lib.errors import Invalid
from lib.money import format_money, format_percent
from lib.periods import Window

CONFIDENCE = 0.8  # of the intervals shown
CURRENT = "As it goes now"
_WHOLE = 100.0
_PLACES = 2
_HARDLY = Decimal("0.001")
_ZERO = Decimal(0)
_FRAME = Decimal(str(FRAME / 100))  # of a bar is the limit where nothing goes beyond


@dataclass(frozen=True, slots=True)
class ScenarioLine:
    """One scenario as a row; what can't be told is empty."""

    name: str
    words: str  # what is assumed
    notes: Sequence[str]  # what switches are reckoned from
    refusal: str = ""  # why it can't be told
    expected: str = ""
    interval: str = ""
    delta: str = ""
    is_more: bool = False
    likely: str = ""
    limit: str = ""
    enough: str = ""  # nine times of ten
    kind: str = "NONE"
    bar: Bar | None = None
    bar_words: str = ""
    wish: Wish | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Scenarios of a budget side by side, the present rate first."""

    ahead: Ahead
    window: Window
    lines: Sequence[ScenarioLine]


def comparison_of(
    budget: Budget,
    scenarios: Sequence[Scenario],
    *,
    now: datetime,
    locale: str,
    may_ask: bool,
) -> Comparison:
    """Try *scenarios* on the present period of *budget*. Two queries, and six for each
    that switches models.

    Raises:
        NoPeriod: The budget has none at *now*.
    """
    ahead = ahead_of(budget, now=now, days=None, confidence=CONFIDENCE)
    window = calendar_of(budget, budget.organization).window_of(now)
    prospector = Prospector(ahead, budget, now)
    found = [_tried(prospector, one) for one in (Scenario(CURRENT), *scenarios)]
    tried = [one for one in found if isinstance(one, Prospect)]
    scale = _Scale.of(one.outcome for one in tried if one.outcome)
    writer = _Writer(budget, ahead, window, locale, scale, may_ask=may_ask)
    return Comparison(ahead, window, [writer.line(one) for one in found])


class _Refused(NamedTuple):
    """A scenario that can't be told, and why."""

    scenario: Scenario
    why: str


def _tried(prospector: Prospector, scenario: Scenario) -> Prospect | _Refused:
    try:
        return prospector.try_out(scenario)
    except Invalid as refusal:
        return _Refused(scenario, str(refusal))


@dataclass(frozen=True, slots=True)
class _Scale:
    """One measure for the bars of all scenarios, whatever their limits."""

    widest: Decimal  # what a whole bar is

    @classmethod
    def of(cls, outcomes: Iterable[ScenarioOutcome]) -> "_Scale":
        ends = [
            (one.projected.upper, (one.limit or _ZERO) / _FRAME) for one in outcomes
        ]
        return cls(max((max(pair) for pair in ends), default=_ZERO) or Decimal(1))

    def length(self, amount: Decimal) -> float:
        share = float(max(amount, _ZERO) / self.widest)
        return min(round(share * _WHOLE, _PLACES), _WHOLE)

    def bar(self, budget: Budget, spent: Decimal, outcome: ScenarioOutcome) -> Bar:
        """Draw what is spent, what is expected behind it, and the interval hatched."""
        limit = outcome.limit or _ZERO
        used, frame = self.length(spent), self.length(limit)
        lower = self.length(outcome.projected.lower)
        return Bar(
            spent=min(used, frame),
            over=round(max(used - frame, 0), _PLACES),
            reserved_from=lower,
            reserved=round(self.length(outcome.projected.upper) - lower, _PLACES),
            ghost=self.length(outcome.projected.middle),
            carried=0,
            warning=self.length(limit * budget.warning_threshold),
            critical=self.length(limit * budget.critical_threshold),
            time=None,
            is_cut=False,
            frame=frame,
        )


@dataclass(frozen=True, slots=True)
class _Writer:
    budget: Budget
    ahead: Ahead
    window: Window
    locale: str
    scale: _Scale
    may_ask: bool

    def money(self, amount: Decimal) -> str:
        return format_money(amount, self.budget.currency, self.locale)

    def words(self, scenario: Scenario) -> str:
        return ", ".join(assumption_words(scenario.assumed, self.budget.currency))

    def line(self, found: Prospect | _Refused) -> ScenarioLine:
        scenario = found.scenario
        words = self.words(scenario)
        if isinstance(found, _Refused):
            return ScenarioLine(scenario.name, words, (), refusal=found.why)
        outcome, own = found.outcome, self.budget.organization.currency
        notes = [effect_words(one, own, MIX_DAYS) for one in found.switched.effects]
        if outcome is None or outcome.limit is None or outcome.probability is None:
            return ScenarioLine(scenario.name, words, notes)
        projected, limit = outcome.projected, outcome.limit
        interval = self._ends(outcome)
        over = projected.middle > limit
        expected = self.money(projected.middle)
        return ScenarioLine(
            scenario.name,
            words,
            notes,
            expected=expected,
            interval=interval,
            delta=self._delta(outcome.delta),
            is_more=outcome.delta > 0,
            likely=_likely(outcome.probability, self.locale),
            limit=self.money(limit),
            enough=self.money(outcome.recommended),
            kind="EXCEEDED" if over else "OK",
            bar=self.scale.bar(self.budget, self.ahead.known.spent, outcome),
            bar_words=f"{expected} of {self.money(limit)}; {interval} 8 times of 10",
            wish=self._wish(scenario, outcome),
        )

    def _delta(self, delta: Decimal) -> str:
        if not delta:
            return ""
        return f"{'+' if delta > 0 else '-'}{self.money(abs(delta))}"

    def _wish(self, scenario: Scenario, outcome: ScenarioOutcome) -> Wish | None:
        """Return what to ask for, so that the limit as it is would be enough."""
        lacks = outcome.recommended - (self.ahead.limit or _ZERO)
        if not self.may_ask or lacks <= 0:
            return None
        return Wish.for_period(
            self.budget,
            self.window.end,
            lacks,
            why="\n".join(self._why(scenario, outcome)),
        )

    def _why(self, scenario: Scenario, outcome: ScenarioOutcome) -> Iterator[str]:
        words = self.words(scenario)
        yield f"{scenario.name}: {words}." if words else f"{scenario.name}."
        expected = self.money(outcome.projected.middle)
        yield (
            f"{expected} is expected by the end of the period, {self._ends(outcome)} "
            f"8 times of 10; {self.money(outcome.recommended)} is enough 9 times of 10."
        )

    def _ends(self, outcome: ScenarioOutcome) -> str:
        lower, upper = outcome.projected.lower, outcome.projected.upper
        return f"{self.money(lower)} to {self.money(upper)}"


def _likely(share: Decimal, locale: str) -> str:
    if 0 < share < _HARDLY:
        return f"less than {format_percent(_HARDLY, locale)}"
    return format_percent(share, locale)
