"""A request written out: what is asked, what it would mean, who decides, what was."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from approvals.impact import Impact, ImpactLine, impact_of
from approvals.models import (
    BudgetRequest,
    RequestKind,
    RequestState,
    Step,
    StepState,
)
from approvals.wording import (
    about,
    asked_by,
    impact_words,
    moment_of,
    money_of,
    needed_by,
    needed_words,
    sentence_of,
    standing_of,
    zone_of,
)
from console.approvals.timeline import timeline_of
from console.budgets.forms import scope_words
from controls.models import ControlRule
from controls.ruleset import rules_of
from controls.wording import summary_of
from lib.money import format_money, format_percent

_ENDED = {RequestState.APPROVED, RequestState.REJECTED, RequestState.WITHDRAWN}
_WHOLE = 100.0
_PLACES = 2
_HARDLY = Decimal("0.001")
_WEB = ("https://", "http://")
KINDS = {
    RequestState.PENDING: "WARNING",
    RequestState.CHANGES_REQUESTED: "WARNING",
    RequestState.APPROVED: "OK",
    RequestState.REJECTED: "CRITICAL",
}


@dataclass(frozen=True, slots=True)
class ImpactBar:
    """One budget of an impact: figures, and their lengths in percent of the widest."""

    name: str
    role: str  # "asked", "source", "above"
    spent: float
    over: float  # how much of it is beyond the present limit
    reserved: float
    more: float  # what is asked for, behind both
    limit: float  # where the present limit stands
    then: float | None  # where the limit would stand; None: where it does
    words: str
    figures: tuple[tuple[str, str, str], ...]  # what, as it is now, as it would be
    is_short: bool  # there would be less than nothing left

    @property
    def over_from(self) -> float:
        return round(self.spent - self.over, _PLACES)

    @property
    def reserved_from(self) -> float:
        return self.spent

    @property
    def more_from(self) -> float:
        return round(self.spent + self.reserved, _PLACES)


@dataclass(frozen=True, slots=True)
class ChainStep:
    """One step, with who is asked and what they said."""

    name: str
    state: str
    word: str
    needed: str
    people: tuple[tuple[str, str], ...]  # address, what became of it

    @property
    def is_left(self) -> bool:
        """Tell whether it is still to be decided."""
        return self.state in {StepState.OPEN, StepState.WAITING}


def picture_of(
    request: BudgetRequest, steps: Sequence[Step], now: datetime, locale: str
) -> dict[str, Any]:
    """Return what every page of one request shows, with its *steps*. Nine queries."""
    is_over = request.state in _ENDED
    impact = None if is_over else impact_of(request, now)
    return {
        "asked": request,
        "title": sentence_of(request, locale),
        "amount": money_of(request, locale),
        "zone": zone_of(request),
        "standing": standing_of(request, locale),
        "kind": KINDS.get(RequestState(request.state), "NONE"),
        "facts": list(facts_of(request, locale)),
        "links": [one for one in request.links if _is_web(one)],
        "impact": impact,
        "impact_line": impact_words(impact, locale) if impact else "",
        "bars": bars_of(impact, locale) if impact else [],
        "conflicts": impact.conflicts if impact else (),
        "chain": list(chain_of(steps)),
        "timeline": timeline_of(request),
    }


def _is_web(link: Any) -> bool:
    return isinstance(link, dict) and str(link.get("url", "")).startswith(_WEB)


def facts_of(request: BudgetRequest, locale: str) -> Iterator[tuple[str, str]]:
    """Yield what is asked for, by name."""
    yield "Asked by", asked_by(request)
    if request.filed_by_name not in {"", request.requester.email}:
        yield "Written down by", request.filed_by_name
    yield "Kind", request.get_kind_display()
    if request.amount:
        yield "Amount", format_money(request.amount, request.currency, locale)
    if request.is_lowered:
        yield "Lowered to", money_of(request, locale)
    yield "For", about(request)
    yield from _rule_facts(request)
    if request.until:
        yield "Until", moment_of(request, request.until)
    if request.submitted_at:
        yield "Asked on", moment_of(request, request.submitted_at)
    if request.needed_by:
        yield "Needed by", needed_by(request)
    if request.policy_name:
        yield "Decided by", f"the policy “{request.policy_name}”"


def _rule_facts(request: BudgetRequest) -> Iterator[tuple[str, str]]:
    """Say which rule is not to hold, and for what. One query, of such a request."""
    if request.kind != RequestKind.RULE_EXCEPTION:
        return
    rows = ControlRule.objects.filter(uid=request.rule, budget=request.budget_id)
    rules = rules_of(rows.select_related("budget"), request.organization.currency)
    gone = "There is no such rule any more: to approve it changes nothing."
    yield "Rule", summary_of(rules[0]) if rules else gone
    yield "Not to hold for", scope_words(request.scope)


def bars_of(impact: Impact, locale: str) -> list[ImpactBar]:
    """Return the budgets of *impact* as bars, from the budget up to its root; none
    where no amount is asked for."""
    return [_bar(line, locale) for line in impact.lines if impact.amount]


def _bar(line: ImpactLine, locale: str) -> ImpactBar:
    more = line.left_now - line.left_then if line.role != "asked" else Decimal(0)
    used = line.spent + line.reserved + max(more, Decimal(0))
    widest = max(line.limit_now, line.limit_then, used, Decimal("0.01"))

    def length(amount: Decimal) -> float:
        return round(float(max(amount, Decimal(0)) / widest) * _WHOLE, _PLACES)

    def money(amount: Decimal) -> str:
        return format_money(amount, line.currency, locale)

    changed = line.limit_then != line.limit_now
    return ImpactBar(
        name=line.name,
        role=line.role,
        spent=length(line.spent),
        over=length(line.spent - max(line.limit_now, Decimal(0))),
        reserved=length(line.reserved),
        more=length(more),
        limit=length(line.limit_now),
        then=length(line.limit_then) if changed else None,
        words=(
            f"{line.name}: {money(line.spent)} spent of {money(line.limit_now)}; "
            f"{money(line.left_now)} left, then {money(line.left_then)}"
        ),
        figures=tuple(_figures(line, money, locale)),
        is_short=line.left_then < 0,
    )


def _figures(
    line: ImpactLine, money: Any, locale: str
) -> Iterator[tuple[str, str, str]]:
    yield "Limit", money(line.limit_now), money(line.limit_then)
    yield "Left", money(line.left_now), money(line.left_then)
    if line.unallocated_now is not None and line.unallocated_then is not None:
        now, then = line.unallocated_now, line.unallocated_then
        yield "Not allocated", money(now), money(then)
    if line.probability_now is not None and line.probability_then is not None:
        yield (
            "Likely to be passed",
            _likely(line.probability_now, locale),
            _likely(line.probability_then, locale),
        )


def _likely(share: Decimal, locale: str) -> str:
    """Write how likely something is: what is nearly nothing in no more places."""
    if 0 < share < _HARDLY:
        return f"less than {format_percent(_HARDLY, locale)}"
    return format_percent(share, locale)


_WORDS = {
    StepState.OPEN: "decides now",
    StepState.WAITING: "decides later",
    StepState.APPROVED: "approved",
    StepState.REJECTED: "rejected",
    StepState.VOID: "no longer asked",
}


def steps_of(request: BudgetRequest) -> list[Step]:
    """Return the steps that count, in their order, with their voices. Two queries."""
    rows = Step.objects.filter(request=request, revision=request.chain_revision)
    steps = list(rows.order_by("number").with_voices())
    for step in steps:
        step.request = request
    return steps


def chain_of(steps: Iterable[Step]) -> Iterator[ChainStep]:
    """Yield *steps* as they are shown."""
    for step in steps:
        people = [one for one in step.assignments.all() if one.removed_at is None]
        yield ChainStep(
            name=step.name,
            state=step.state,
            word=_WORDS[StepState(step.state)],
            needed="alone" if len(people) == 1 else needed_words(step, len(people)),
            people=tuple((one.person.email, _said(one)) for one in people),
        )


def _said(assignment: Any) -> str:
    decision = getattr(assignment, "decision", None)
    if decision is None:
        return ""
    word = str(decision.get_outcome_display()).lower()
    if decision.person_id != assignment.person_id:
        return f"{word} by {decision.person.email}, who stands in"
    return word
