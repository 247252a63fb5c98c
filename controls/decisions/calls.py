"""Deciding one call at the desk: rules first, then hard limits."""

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from budgets.models import Reservation
from budgets.reservations.hold import Line, NewReservation
from controls.decisions.batch import Desk, switched_off
from controls.decisions.types import Answer, Ask
from controls.downgrades import leads_back
from controls.policy import Plan
from controls.rules import FiguresOf, judge
from controls.types import Call, Decision, Reason, Rule, Verdict
from ledger.identity import ModelName

Plans = dict[str, Plan]  # by model


def decide_call(desk: Desk, ask: Ask, plans: Plans) -> Answer:
    """Return what becomes of a call, and set aside what it may cost."""
    answer, verdict = _by_rules(desk, ask, plans)
    if answer.decision in {"block", "rate_limit"}:
        return answer
    plan = plans[answer.model]
    units = estimate_of(ask, plan)
    answer.plan, answer.priced = plan, units is not None
    if units is None and _stops_unpriced(desk, plan, answer):
        return answer
    answer.units = units or 0
    is_free = units == 0  # it has a price, and costs nothing however little is left
    if not is_free and (lacking := desk.lacking(plan, answer.units)):
        answer.decision, answer.units, answer.no_room = "block", 0, True
        answer.reasons += lacking
    else:
        _reserve(desk, ask, plan, answer, verdict)
    return answer


def estimate_of(ask: Ask, plan: Plan) -> int | None:
    """Return the most a call can cost; None: no price is known, and nothing stated.

    The price of the model to use beats what was stated for the one asked for.
    """
    if ask.tokens is not None:
        priced = plan.price_of(ask.tokens)
        if priced is not None:
            return priced
    return ask.estimate


def call_of(plan: Plan, ask: Ask, estimate: int | None) -> Call:
    """Return a call as rules see it."""
    tokens = ask.tokens.input if ask.tokens else 0
    return Call(plan.subject, estimate, tokens)


def has_effect(
    plan: Plan, ask: Ask, estimate: int, figures: FiguresOf, now: datetime
) -> bool:
    """Tell whether any rule has to say anything to a call, limits of rates included."""
    if not plan.rules:
        return False
    call = call_of(plan, ask, estimate)
    verdict = judge(plan.rules, call, figures, lambda _: None, now)
    return verdict.decision != "allow" or bool(verdict.acted or verdict.rates)


def _by_rules(desk: Desk, ask: Ask, plans: Plans) -> tuple[Answer, Verdict]:
    """Follow downgrades until nothing changes; a model that comes back stays."""
    model, reasons = ask.model, list[Reason]()
    seen: list[ModelName] = []
    while True:
        verdict = judged(desk, ask, plans[model])
        reasons += [one for one in verdict.reasons if one not in reasons]
        seen.append(plans[model].subject.name)
        if verdict.decision != "downgrade" or verdict.model not in plans:
            break
        if leads_back(plans[verdict.model].subject.name, seen):
            verdict = Verdict("allow", model)
            break
        model = verdict.model
    decision: Decision = verdict.decision
    if decision == "allow" and model != ask.model:
        decision = "downgrade"
    wait = verdict.retry_after_s
    return Answer(desk.guard, decision, model, reasons, retry_after_s=wait), verdict


def judged(desk: Desk, ask: Ask, plan: Plan) -> Verdict:
    """Return what rules and kill switch say, and note which rules had an effect."""
    if (off := switched_off(plan)) is not None:
        return Verdict("block", plan.model, (off,))
    if not plan.rules:
        return Verdict("allow", plan.model)
    verdict = judge(
        plan.rules,
        call_of(plan, ask, estimate_of(ask, plan)),
        lambda budget_id: desk.figures(plan, budget_id),
        desk.uses.get,
        desk.now,
    )
    desk.note(verdict.acted, plan)
    return verdict


def _stops_unpriced(desk: Desk, plan: Plan, answer: Answer) -> bool:
    stops = bool(plan.hard) and desk.guard.blocks_unpriced
    answer.reasons.append(_unpriced(desk, plan, stops=stops))
    if stops:
        answer.decision = "block"
    return stops


def _unpriced(desk: Desk, plan: Plan, *, stops: bool) -> Reason:
    targets = plan.hard or plan.stretch.targets
    named = desk.guard.budgets[targets[-1].node.id] if targets else None
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
    desk: Desk, ask: Ask, plan: Plan, answer: Answer, verdict: Verdict
) -> None:
    desk.count(verdict.rates, answer.units)
    lines = desk.take(plan, answer.units)
    desk.keep(authorization(ask, plan, answer, lines, desk.now, verdict.rates))


def authorization(
    ask: Ask,
    plan: Plan,
    answer: Answer,
    lines: Sequence[Line],
    now: datetime,
    rates: Sequence[Rule] = (),
) -> NewReservation:
    """Return what is kept of a call that is allowed, and name it in its answer."""
    answer.uid = uuid4()
    answer.expires_at = now + ask.ttl
    return NewReservation(
        uid=answer.uid,
        kind=Reservation.Kind.AUTHORIZATION.value,
        path=plan.path,
        units=answer.units,
        lines=lines,
        details={
            "asked": ask.model,
            "decision": answer.decision,
            "reasons": [reason.message for reason in answer.reasons],
            "rates": [rule.id for rule in rates],
        },
        at=now,
        expires_at=answer.expires_at,
    )
