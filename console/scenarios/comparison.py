"""Scenarios of a budget side by side: figures written out, and drawn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from approvals.limits import Wish
from budgets.models import Budget
from budgets.status import calendar_of
from console.drawings import Picture
from console.scenarios.pictures import compared_picture
from console.scenarios.wording import assumption_words, effect_words
from forecasts.ahead import Ahead, ahead_of
from forecasts.assumptions import Scenario
from forecasts.prospects import Prospect, Prospector
from forecasts.scenarios import ScenarioOutcome
from forecasts.swaps import MIX_DAYS
from lib.errors import Invalid
from lib.money import format_money, format_percent
from lib.periods import Window
from reports.figures import Range

CONFIDENCE = 0.8  # of the intervals shown
CURRENT = "As it goes now"
_HARDLY = Decimal("0.001")
_ZERO = Decimal(0)


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
    drawn: Range | None = None
    wish: Wish | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Scenarios of a budget side by side, the present rate first."""

    ahead: Ahead
    window: Window
    lines: Sequence[ScenarioLine]
    picture: Picture | None  # None: too little is known


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
    writer = _Writer(budget, ahead, window, locale, may_ask=may_ask)
    lines = [
        writer.line(_tried(prospector, one)) for one in (Scenario(CURRENT), *scenarios)
    ]
    return Comparison(ahead, window, lines, writer.picture(lines))


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
class _Writer:
    budget: Budget
    ahead: Ahead
    window: Window
    locale: str
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
            drawn=Range(
                scenario.name,
                projected.middle,
                projected.lower,
                projected.upper,
                None,
                f"{scenario.name}: {expected}, {interval}; {self.money(limit)} allowed",
                limit=limit,
            ),
            wish=self._wish(scenario, outcome),
        )

    def picture(self, lines: Sequence[ScenarioLine]) -> Picture | None:
        ranges = [line.drawn for line in lines if line.drawn]
        if not ranges:
            return None
        return compared_picture(
            ranges,
            spent=self.ahead.known.spent,
            currency=self.budget.currency,
            locale=self.locale,
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
