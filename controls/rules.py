"""What rules say to a call: pure, the same on the server and in a dry run.

A rule has an effect when its trigger holds, unless the call's user is exempt from the
rules of its budget. The first of these that one of the rules does decides:

- block: the call may not be made;
- model_blocklist: neither may one of a model that is blocked or, where some are
  allowed, of another than those;
- model_downgrade: a cheaper model is to be used. Whoever asks prices that one and asks
  again with it, until nothing changes or a model comes for the second time;
- rate_limit: the call has to wait.

A rule that only notifies has its effect whatever else happens. One that needs approval
does nothing before it has it, but that its trigger holds is told.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from controls.rates import RateUse
from controls.types import (
    BudgetFigures,
    ControlAction,
    ProposedCall,
    Reason,
    Rule,
    Ruling,
)
from controls.wording import why_downgraded, why_limited, why_stopped
from ledger.identity import ModelName
from lib.money import from_units

FiguresOf = Callable[[int], BudgetFigures]  # by budget
UseOf = Callable[[int], RateUse | None]  # by rule; None: not used lately

_ONE, _ZERO = Decimal(1), Decimal(0)


def judge(
    rules: Sequence[Rule],
    call: ProposedCall,
    figures: FiguresOf,
    uses: UseOf,
    now: datetime,
) -> Ruling:
    """Say what *rules* have to say to *call*, in one step.

    *rules* are those of every budget that the call charges; of two with the same
    action the first decides, so give the nearest budget's first. *figures* and *uses*
    are asked only for what a trigger or a limit depends on.
    """
    subject = call.subject
    if not rules:
        return Ruling("allow", subject.model)
    user = subject.user
    holding: dict[ControlAction, list[Rule]] = {}
    waiting: list[Rule] = []
    known: dict[int, _Known] = {}  # by budget
    for rule in rules:
        if user in rule.exempt_users:
            continue
        asked = known.get(rule.budget_id)
        if asked is None:
            asked = _Known(call, rule.budget_id, figures, now)
            known[rule.budget_id] = asked
        if rule.trigger.holds(asked):
            if rule.waits(now):
                waiting.append(rule)
            else:
                holding.setdefault(rule.action, []).append(rule)
    ruling = _ruling(holding, call, uses, now)
    return replace(ruling, waiting=tuple(waiting)) if waiting else ruling


def _ruling(
    holding: Mapping[ControlAction, Sequence[Rule]],
    call: ProposedCall,
    uses: UseOf,
    now: datetime,
) -> Ruling:
    """Return what follows from the rules that act."""
    subject = call.subject
    if not holding:
        return Ruling("allow", subject.model)
    told = holding.get(ControlAction.NOTIFY, ())
    return (
        _stopped(holding.get(ControlAction.BLOCK, ()), told, call)
        or _stopped(_forbidding(holding, subject.name), told, call)
        or _downgraded(holding.get(ControlAction.MODEL_DOWNGRADE, ()), told, call)
        or _limited(holding.get(ControlAction.RATE_LIMIT, ()), told, call, uses, now)
    )


def share_of(figures: BudgetFigures) -> Decimal:
    """Return which share of its limit a budget has spent: what is reserved is not.

    Of a limit of zero or less: 1 as soon as it is passed, else 0.
    """
    if figures.limit > 0:
        return Decimal(figures.spent) / figures.limit
    return _ONE if figures.spent > figures.limit else _ZERO


def _reason(rule: Rule, message: str) -> Reason:
    return Reason(rule.budget_uid, rule.budget_name, rule.uid, message)


# -- Whether a trigger holds


class _Known:
    """What triggers of one budget's rules ask for; found when it is, and once."""

    __slots__ = ("_budget_id", "_figures_of", "_found", "_now", "call", "subject")

    def __init__(
        self, call: ProposedCall, budget_id: int, figures_of: FiguresOf, now: datetime
    ) -> None:
        self.call, self.subject, self._budget_id = call, call.subject, budget_id
        self._figures_of, self._now = figures_of, now
        self._found: dict[str, Any] = {}

    def get(self, name: str) -> Any:
        found = self._found
        if name not in found:
            found[name] = _VALUES[name](self)
        return found[name]

    @property
    def figures(self) -> BudgetFigures:
        return self._figures_of(self._budget_id)

    @property
    def local(self) -> datetime:
        return self._now.astimezone(self.figures.zone)

    @property
    def estimated_cost(self) -> Decimal | None:
        units = self.call.estimate
        return None if units is None else from_units(units)

    @property
    def remaining(self) -> Decimal:
        figures = self.figures
        return from_units(figures.limit - figures.spent - figures.reserved)


_VALUES: Mapping[str, Callable[[_Known], Any]] = {
    "budget_percentage": lambda known: share_of(known.figures),
    "spent": lambda known: from_units(known.figures.spent),
    "limit": lambda known: from_units(known.figures.limit),
    "remaining": lambda known: known.remaining,
    "forecast_probability": lambda known: known.figures.forecast_probability,
    "hour": lambda known: known.local.hour,
    "minute": lambda known: known.local.minute,
    "weekday": lambda known: known.local.weekday(),
    "day": lambda known: known.local.day,
    "month": lambda known: known.local.month,
    "time": lambda known: f"{known.local:%H:%M}",
    "environment": lambda known: known.subject.environment,
    "project": lambda known: known.subject.project,
    "team": lambda known: known.subject.team,
    "department": lambda known: known.subject.department,
    "user": lambda known: known.subject.user,
    "model": lambda known: known.subject.model,
    "provider": lambda known: known.subject.provider,
    "tags": lambda known: known.subject.tags,
    "estimated_cost": lambda known: known.estimated_cost,
    "input_tokens": lambda known: known.call.input_tokens,
}


# -- What follows from those that do


def _stopped(
    rules: Sequence[Rule], told: Sequence[Rule], call: ProposedCall
) -> Ruling | None:
    if not rules:
        return None
    model = call.subject.model
    reasons = tuple(_reason(rule, why_stopped(rule, model)) for rule in rules)
    return Ruling("block", model, reasons, (*rules, *told))


def _forbidding(
    holding: Mapping[ControlAction, Sequence[Rule]], name: ModelName
) -> Sequence[Rule]:
    rules = holding.get(ControlAction.MODEL_BLOCKLIST, ())
    return [rule for rule in rules if rule.forbids(name)]


def _downgraded(
    rules: Iterable[Rule], told: Sequence[Rule], call: ProposedCall
) -> Ruling | None:
    subject = call.subject
    for rule in rules:
        instead = rule.cheaper.instead_of(subject.name)
        if instead is not None:
            reason = _reason(rule, why_downgraded(rule, subject.model, instead))
            return Ruling("downgrade", instead, (reason,), (rule, *told))
    return None


def _limited(
    rules: Sequence[Rule],
    told: Sequence[Rule],
    call: ProposedCall,
    uses: UseOf,
    now: datetime,
) -> Ruling:
    model = call.subject.model
    reached: list[Rule] = []
    waits: list[int | None] = []
    for rule in rules:
        wait = _wait_for(rule, call, uses(rule.id), now)
        if wait != 0:
            reached.append(rule)
            waits.append(wait)
    if not reached:
        return Ruling("allow", model, acted=tuple(told), rates=tuple(rules))
    reasons = tuple(
        _reason(rule, why_limited(rule, call.estimate or 0, wait))
        for rule, wait in zip(reached, waits, strict=True)
    )
    known = [wait for wait in waits if wait is not None]
    return Ruling(
        "rate_limit",
        model,
        reasons,
        (*reached, *told),
        retry_after_s=max(known) if len(known) == len(waits) else None,
    )


def _wait_for(
    rule: Rule, call: ProposedCall, use: RateUse | None, now: datetime
) -> int | None:
    """Return how many seconds a limit has *call* wait: 0 not at all, None forever."""
    most, cost = rule.max_cost_per_hour, call.estimate or 0
    if most is not None and cost > most:
        return None
    if use is None:
        return 0
    if call.estimate == 0:  # it takes nothing of the money, however much was used
        most = None
    return use.retry_after(now, rule.max_requests_per_minute, most, cost) or 0
