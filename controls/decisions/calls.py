"""Deciding one call in a batch: rules first, then hard limits."""

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from budgets.models import Reservation
from budgets.reservations.types import HeldLine, NewReservation
from controls.decisions.batch import DecisionBatch, switched_off
from controls.decisions.runs import count_in_run, is_capped, lacking_in_run
from controls.decisions.types import CallAnswer, CallRequest
from controls.downgrades import leads_back
from controls.policy import Plan
from controls.rules import judge
from controls.types import Decision, ProposedCall, Reason, Rule, Ruling
from controls.wording import why_no_room, why_none_unpriced
from ledger.identity import ModelName

Plans = dict[str, Plan]  # by model


def decide_call(batch: DecisionBatch, request: CallRequest, plans: Plans) -> CallAnswer:
    """Return what becomes of a call, and set aside what it may cost."""
    answer, ruling = _by_rules(batch, request, plans)
    if answer.decision in {"block", "rate_limit"}:
        return answer
    plan = plans[answer.model]
    units = estimate_of(request, plan)
    answer.plan, answer.priced = plan, units is not None
    if units is None and _stops_unpriced(batch, request, plan, answer):
        return answer
    answer.units = units or 0
    if plan.needs_tokens and request.tokens is None:
        answer.decision, answer.units, answer.lacks_tokens = "block", 0, True
        return answer
    lacking = _lacking(batch, request, plan, units)
    if lacking:
        answer.decision, answer.units, answer.no_room = "block", 0, True
        answer.reasons += lacking
    else:
        _reserve(batch, request, plan, answer, ruling)
    return answer


def _lacking(
    batch: DecisionBatch, request: CallRequest, plan: Plan, units: int | None
) -> list[Reason]:
    """Return the hard limits, and the cap of the run, that have too little left."""
    why = why_none_unpriced if units is None else why_no_room
    is_free = units == 0  # it has a price, and costs nothing however little is left
    tokens = tokens_of(request)
    of_budgets = batch.lacking(plan, units or 0, why, tokens=tokens, is_free=is_free)
    in_run = [] if is_free else lacking_in_run(batch, request, units or 0)
    return [*of_budgets, *in_run]


def estimate_of(request: CallRequest, plan: Plan) -> int | None:
    """Return the most a call can cost; None: no price is known, and nothing stated.

    The price of the model to use beats what was stated for the one asked for.
    """
    if request.tokens is not None:
        priced = plan.price_of(request.tokens)
        if priced is not None:
            return priced
    return request.estimate


def tokens_of(request: CallRequest) -> int:
    """Return the most tokens that a call can have; 0 where it did not say."""
    return request.tokens.input + request.tokens.output if request.tokens else 0


def call_of(plan: Plan, request: CallRequest, estimate: int | None) -> ProposedCall:
    """Return a call as rules see it."""
    tokens = request.tokens.input if request.tokens else 0
    return ProposedCall(plan.subject, estimate, tokens)


def _by_rules(
    batch: DecisionBatch, request: CallRequest, plans: Plans
) -> tuple[CallAnswer, Ruling]:
    """Follow downgrades until nothing changes; a model that comes back stays."""
    model, reasons = request.model, list[Reason]()
    seen: list[ModelName] = []
    while True:
        ruling = judged(batch, request, plans[model])
        reasons += [one for one in ruling.reasons if one not in reasons]
        seen.append(plans[model].subject.name)
        if ruling.decision != "downgrade" or ruling.model not in plans:
            break
        if leads_back(plans[ruling.model].subject.name, seen):
            ruling = Ruling("allow", model)
            break
        model = ruling.model
    decision: Decision = ruling.decision
    if decision == "allow" and model != request.model:
        decision = "downgrade"
    wait = ruling.retry_after_s
    return CallAnswer(batch.guard, decision, model, reasons, retry_after_s=wait), ruling


def judged(batch: DecisionBatch, request: CallRequest, plan: Plan) -> Ruling:
    """Return what rules and kill switch say, and note which rules had an effect."""
    if (off := switched_off(batch, plan)) is not None:
        return Ruling("block", plan.model, (off,))
    if not plan.rules:
        return Ruling("allow", plan.model)
    ruling = judge(
        plan.rules,
        call_of(plan, request, estimate_of(request, plan)),
        lambda budget_id: batch.figures(plan, budget_id),
        batch.uses.get,
        batch.now,
    )
    batch.note(ruling, plan)
    return ruling


def _stops_unpriced(
    batch: DecisionBatch, request: CallRequest, plan: Plan, answer: CallAnswer
) -> bool:
    is_limited = plan.is_hard_in_money or is_capped(batch, request)
    stops = is_limited and batch.guard.blocks_unpriced
    answer.reasons.append(_unpriced(batch, plan, stops=stops))
    if stops:
        answer.decision = "block"
    return stops


def _unpriced(batch: DecisionBatch, plan: Plan, *, stops: bool) -> Reason:
    targets = plan.hard or plan.span.targets
    named = batch.guard.budgets[targets[-1].budget.id] if targets else None
    what = f"No price is known for {plan.model} of {plan.where.provider}"
    return Reason(
        named.uid if named else "",
        named.name if named else "",
        "unpriced",
        f"{what}, and such calls are blocked under a hard limit."
        if stops
        else f"{what}: nothing was set aside for it.",
    )


def _reserve(
    batch: DecisionBatch,
    request: CallRequest,
    plan: Plan,
    answer: CallAnswer,
    ruling: Ruling,
) -> None:
    batch.count(ruling.rates, answer.units)
    lines = batch.take(plan, answer.units, tokens_of(request))
    count_in_run(batch, request, answer.units)
    batch.keep(authorization(request, plan, answer, lines, batch.now, ruling.rates))


def authorization(
    request: CallRequest,
    plan: Plan,
    answer: CallAnswer,
    lines: Sequence[HeldLine],
    now: datetime,
    rates: Sequence[Rule] = (),
) -> NewReservation:
    """Return what is kept of a call that is allowed, and name it in its answer."""
    answer.uid = uuid4()
    answer.expires_at = now + request.ttl
    return NewReservation(
        uid=answer.uid,
        kind=Reservation.Kind.AUTHORIZATION.value,
        path=plan.path,
        units=answer.units,
        lines=lines,
        details={
            "asked": request.model,
            "decision": answer.decision,
            "reasons": [reason.message for reason in answer.reasons],
            "rates": [rule.id for rule in rates],
        }
        | ({"tokens": tokens_of(request)} if plan.counts else {}),
        at=now,
        expires_at=answer.expires_at,
        run_id=request.run_id or "",
    )
