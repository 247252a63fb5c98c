"""Decisions, rules, kill switches and dry runs as the API answers them."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from budgets.models import Budget, Enforcement, Reservation
from controls import configuration
from controls.decisions.types import CallAnswer
from controls.replay import Effect, Replay
from controls.types import ControlAction, Reason
from lib.answers import Moment, Money, NamedOut, Out, choices, note
from lib.money import from_units, wire, wire_units

Shape = TypeVar("Shape")

_DECISIONS = choices(["allow", "downgrade", "rate_limit", "block"])
_STATES = choices(Reservation.State.values)


class ReasonOut(Out, frozen=True):
    """Why a call was not simply allowed, in words that can be shown."""

    budget: Annotated[str, note("Its id; empty: it is no budget's.")]
    budget_name: str
    rule: Annotated[
        str,
        note(
            "A rule's id, or hard_limit, run_cap, kill_switch, unpriced; or why "
            "nothing was asked for: too_many_requests_open, money_does_not_help, ..."
        ),
    ]
    message: str
    left: Money | None
    currency: Annotated[str, note("Of what is left.")]


class AuthorizationOut(Out, frozen=True):
    """What was decided about one call."""

    id: Annotated[str | None, note("For the usage record. Null: it may not be made.")]
    decision: Annotated[str, _DECISIONS]
    model: Annotated[str, note("The one to use.")]
    reserved: Money
    currency: str
    expires_at: Moment | None
    retry_after_s: int | None
    priced: bool
    reasons: list[ReasonOut]
    request: Annotated[
        str | UnsetType | None,
        note(
            "The request for money that the refusal opened or joined; null: none, a "
            "reason says why. Left out: the call was not refused, or asked for nothing."
        ),
    ] = UNSET


class AuthorizationStateOut(Out, frozen=True):
    """What has become of an authorization or a lease."""

    id: str
    kind: Annotated[str, choices(Reservation.Kind.values)]
    state: Annotated[str, _STATES]
    model: str
    provider: str
    reserved: Annotated[Money, note("Ever.")]
    held: Annotated[Money, note("Now.")]
    settled: Annotated[Money, note("By usage records.")]
    currency: str
    run_id: str | None
    created_at: Moment
    expires_at: Moment
    ended_at: Moment | None
    reasons: Annotated[list[str], note("The messages it was decided with.")]


class ReleasedOut(Out, frozen=True):
    """An authorization whose call is not made."""

    id: str
    state: Annotated[str, _STATES]


class ReturnedLeaseOut(Out, frozen=True):
    """What was given back of a lease."""

    id: str
    state: Annotated[str, choices(["returned"])]
    returned: Annotated[Money | UnsetType, note("Left out: it was over.")] = UNSET


class ControlRuleOut(Out, frozen=True):
    """What happens to calls while a trigger holds."""

    id: str
    trigger: str
    action: Annotated[str, choices(ControlAction.values)]
    config: Annotated[dict[str, Any], note("As the action asks for it.")]
    notify: bool
    summary: str


class InheritedRuleOut(ControlRuleOut, frozen=True):
    """A rule of a budget above."""

    from_: NamedOut = msgspec.field(name="from")


class InheritedSwitchOut(Out, frozen=True):
    """A kill switch of a budget above."""

    active: bool
    message: str
    actor: str | None
    since: Moment | None
    from_: NamedOut = msgspec.field(name="from")


class KillSwitchOut(Out, frozen=True):
    """Whether every call of a budget, and of those below it, is stopped."""

    budget: Annotated[str, note("Its id.")]
    active: bool
    message: str
    actor: str | None
    since: Moment | None
    inherited: Annotated[list[InheritedSwitchOut], note("Those that are on above.")]


class ControlsOut(Out, frozen=True):
    """The rules that guard a budget, and what they come to."""

    budget: Annotated[str, note("Its id.")]
    enforcement: Annotated[
        str, choices(Enforcement.values), note("Of the amount: PATCH the budget.")
    ]
    notes: Annotated[
        list[str],
        note("What the rules come to, as to the limit; and for whom they exempt."),
    ]
    warnings: Annotated[
        list[str],
        note("Rules that can never have an effect, by what the budget counts."),
    ]
    rules: list[ControlRuleOut]
    inherited: list[InheritedRuleOut]
    kill_switch: KillSwitchOut
    dropped: Annotated[
        list[str] | UnsetType,
        note("The rules that these have replaced; left out where none were given."),
    ] = UNSET


class ReplayTotalOut(Out, frozen=True):
    """Calls that would have fared alike, what they cost, and what that would save."""

    calls: int
    cost: Money
    saved: Money


class ReplayEffectOut(ReplayTotalOut, frozen=True):
    """What one rule, or a limit, would have decided."""

    rule: Annotated[str, note("Its id, or hard_limit, or unpriced.")]
    summary: str
    outcome: Annotated[str, choices(["stopped", "downgraded", "limited", "told"])]
    first_at: Moment | None


class ReplayOut(Out, frozen=True):
    """What a dry run came to. Money is in the budget's currency."""

    budget: Annotated[str, note("Its id.")]
    start: Moment
    end: Annotated[Moment, note("Exclusive.")]
    currency: str
    message: str
    calls: int
    spent: Annotated[Money, note("As it was.")]
    would_spend: Money
    saved: Money
    stopped: ReplayTotalOut
    downgraded: ReplayTotalOut
    limited: ReplayTotalOut
    effects: list[ReplayEffectOut]


def authorization_out(answer: CallAnswer) -> AuthorizationOut:
    return AuthorizationOut(
        id=str(answer.uid) if answer.uid else None,
        decision=answer.decision,
        model=answer.model,
        reserved=wire_units(answer.units),
        currency=answer.currency,
        expires_at=answer.expires_at,
        retry_after_s=answer.retry_after_s,
        priced=answer.priced,
        reasons=[reason_out(reason) for reason in answer.reasons],
    )


def reason_out(reason: Reason) -> ReasonOut:
    return ReasonOut(
        budget=reason.budget,
        budget_name=reason.budget_name,
        rule=reason.rule,
        message=reason.message,
        left=None if reason.left is None else wire_units(reason.left),
        currency=reason.currency,
    )


def state_out(row: Reservation, currency: str) -> AuthorizationStateOut:
    """Return an authorization or lease as it stands."""
    return AuthorizationStateOut(
        id=str(row.uid),
        kind=row.kind,
        state=row.state,
        model=row.path["model"],
        provider=row.path["provider"],
        reserved=wire(row.granted),
        held=wire(row.held),
        settled=wire(row.settled),
        currency=currency,
        run_id=row.run_id or None,
        created_at=row.at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
        reasons=row.details.get("reasons", []),
    )


def controls_out(budget: Budget, dropped: list[str] | None = None) -> ControlsOut:
    """Return the rules of *budget* and of those above it; of a change what it drops."""
    found = _read(configuration.controls_of(budget), ControlsOut)
    if dropped is None:
        return found
    return msgspec.structs.replace(found, dropped=dropped)


def kill_switch_out(budget: Budget) -> KillSwitchOut:
    return _read(configuration.kill_switch_of(budget), KillSwitchOut)


def _read(body: Mapping[str, Any], kind: type[Shape]) -> Shape:
    return msgspec.convert(body, kind)


def replay_out(found: Replay) -> ReplayOut:
    return ReplayOut(
        budget=str(found.budget.uid),
        start=found.window.start,
        end=found.window.end,
        currency=found.budget.currency,
        message=found.sentence,
        calls=found.calls,
        spent=_money(found.spent),
        would_spend=_money(found.spent - found.saved),
        saved=_money(found.saved),
        stopped=_total_out(found.total("stopped")),
        downgraded=_total_out(found.total("downgraded")),
        limited=_total_out(found.total("limited")),
        effects=[_effect_out(effect) for effect in found.effects.values()],
    )


def _total_out(effect: Effect) -> ReplayTotalOut:
    return ReplayTotalOut(effect.calls, _money(effect.cost), _money(effect.saved))


def _effect_out(effect: Effect) -> ReplayEffectOut:
    return ReplayEffectOut(
        rule=effect.by,
        summary=effect.summary,
        outcome=effect.outcome,
        calls=effect.calls,
        cost=_money(effect.cost),
        saved=_money(effect.saved),
        first_at=effect.first_at,
    )


def _money(units: int) -> str:
    return wire(from_units(units))
