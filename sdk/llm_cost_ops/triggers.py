"""What triggers of rules ask for: of a call, of the budget and of the clock. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone, tzinfo
from decimal import Decimal
from typing import Any, Optional
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from llm_cost_ops import closures
from llm_cost_ops.answers.controls import BudgetFigures, CallNames
from llm_cost_ops.calls import Call
from llm_cost_ops.closures import Asking, Asks, tag_of
from llm_cost_ops.errors import BadAnswerError
from llm_cost_ops.money import convert, from_units, to_units

Name = tuple[str, str]  # of a model: the model, and its version

_ONE, _ZERO = Decimal(1), Decimal(0)


class Standing:
    """Where a budget stood when the server told it."""

    __slots__ = ("figures", "limit", "rate", "spent", "zone")

    def __init__(self, figures: BudgetFigures) -> None:
        self.figures = figures
        self.zone = _zone(figures.timezone)
        self.spent = to_units(figures.spent)
        self.limit = Decimal(to_units(figures.limit))
        self.rate = None if figures.rate == 1 else figures.rate


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):  # a machine without time zones
        return timezone.utc


class Names:
    """What the names of a lease's calls mean, as the server told."""

    __slots__ = ("known", "meant_by", "model", "provider", "user")

    def __init__(self, told: CallNames, model: str) -> None:
        self.provider = told.provider
        self.user = told.user_id
        self.model = model  # as it is asked for
        self.known = {each.asked: (each.model, each.version) for each in told.models}
        self.meant_by = frozenset(
            text
            for each in told.models
            if each.asked == model
            for text in each.meant_by
        )

    def of(self, model: str) -> Name:
        """Return what *model* is; as it is written, where nobody told."""
        return self.known.get(model, (model, ""))


class Facts:
    """What triggers may ask of one call: the call, its budget, the clock."""

    __slots__ = (
        "_share",
        "_share_of",
        "call",
        "estimate",
        "names",
        "own",
        "standing",
        "was_now",
    )

    def __init__(
        self, call: Call, estimate: Optional[int], own: int, names: Names
    ) -> None:
        self.call = call
        self.names = names
        self.estimate = estimate
        self.own = own  # units decided here since the figures were told
        self.standing: Optional[Standing] = None
        self.was_now: Optional[datetime] = None
        self._share_of: Optional[Standing] = None

    def spent(self) -> Optional[Decimal]:
        standing = self.standing
        return None if standing is None else from_units(self._units_of(standing))

    def _units_of(self, standing: Standing) -> int:
        """Return what is spent, with what was decided here since."""
        if standing.rate is None:
            return standing.spent + self.own
        return standing.spent + convert(self.own, standing.rate)

    def share(self) -> Optional[Decimal]:
        """Return the share of the limit that is spent; several rules ask for it."""
        standing = self.standing
        if standing is None:
            return None
        if standing is not self._share_of:
            self._share = self._share_now(standing)
            self._share_of = standing
        return self._share

    def _share_now(self, standing: Standing) -> Decimal:
        spent, limit = Decimal(self._units_of(standing)), standing.limit
        if limit > 0:
            return spent / limit
        return _ONE if spent > limit else _ZERO

    def of_budget(self, name: str) -> Any:
        found = self.standing
        return None if found is None else getattr(found.figures, name)

    def remaining(self) -> Optional[Decimal]:
        if self.standing is None:
            return None
        figures = self.standing.figures
        return figures.limit - figures.spent - figures.reserved

    def local(self) -> datetime:
        """Return the time by the budget's clocks, the same for the whole call."""
        if self.was_now is None:
            self.was_now = datetime.now(timezone.utc)
        zone = timezone.utc if self.standing is None else self.standing.zone
        return self.was_now.astimezone(zone)


_NAMES: Mapping[str, Asking] = {
    "budget_percentage": Facts.share,
    "spent": Facts.spent,
    "limit": lambda facts: facts.of_budget("limit"),
    "remaining": Facts.remaining,
    "forecast_probability": lambda facts: facts.of_budget("forecast_probability"),
    "environment": lambda facts: facts.call.who.environment or "",
    "project": lambda facts: facts.call.who.project_id or "",
    "team": lambda facts: facts.call.who.team_id or "",
    "department": lambda facts: facts.call.who.department_id or "",
    "user": lambda facts: facts.names.user,
    "model": lambda facts: facts.call.model,
    "provider": lambda facts: facts.names.provider,
    "tags": lambda facts: facts.call.who.tags or (),
    "estimated_cost": lambda facts: (
        None if facts.estimate is None else from_units(facts.estimate)
    ),
    "input_tokens": lambda facts: facts.call.input_tokens,
    "hour": lambda facts: facts.local().hour,
    "minute": lambda facts: facts.local().minute,
    "weekday": lambda facts: facts.local().weekday(),
    "day": lambda facts: facts.local().day,
    "month": lambda facts: facts.local().month,
    "time": lambda facts: f"{facts.local():%H:%M}",
}


def compiled(form: Any) -> Asking:
    """Return what tells whether a trigger holds: True, False, or None for untold.

    Raises:
        BadAnswerError: it is not in the form that the contract has.
    """
    try:
        return closures.compiled(form, _ASKS)
    except ValueError as error:
        raise BadAnswerError(f"A rule's trigger is not understood: {error}") from error


def _tag(name: str) -> Asking:
    return lambda facts: tag_of(facts.call.who.tags or (), name)


def _is_model(texts: Sequence[str]) -> Asking:
    """Return what tells whether the model is meant by one of *texts*: the server said
    of each."""
    known = frozenset(texts)
    return lambda facts: not known.isdisjoint(facts.names.meant_by)


_ASKS = Asks(_NAMES, _tag, _is_model)
