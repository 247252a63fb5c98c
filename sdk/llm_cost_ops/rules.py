"""What the rules that came with a lease say to a call of its model. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Optional

from llm_cost_ops.answers.controls import Reason, RuleTerms
from llm_cost_ops.calls import Call
from llm_cost_ops.triggers import Facts, Standing, compiled

BLOCK, BLOCKLIST = "block", "model_blocklist"
DOWNGRADE, RATE_LIMIT = "model_downgrade", "rate_limit"
_ORDER = (BLOCK, BLOCKLIST, DOWNGRADE, RATE_LIMIT)  # the first that has an effect does


class Verdict(NamedTuple):
    """What rules do to a call; of a downgrade with the model to go on with."""

    action: str
    reasons: tuple[Reason, ...]
    model: str = ""


class Rule:
    """One rule that concerns the model of a lease."""

    __slots__ = ("action", "exempt", "holds", "model", "reason", "standing")

    def __init__(
        self, terms: RuleTerms, model: str, standing: Optional[Standing]
    ) -> None:
        self.action = terms.action
        self.exempt = frozenset(terms.exempt_users)
        self.holds = compiled(terms.trigger)
        self.standing = standing
        self.model = cheaper(terms.downgrades, model) or ""
        self.reason = Reason(
            message=_why(terms, model, self.model),
            budget=terms.budget,
            budget_name=standing.figures.name if standing else None,
            rule=terms.id,
        )


class Rules:
    """The rules that may have an effect on calls of one model, in their order."""

    __slots__ = ("_rules",)

    def __init__(
        self,
        terms: Iterable[RuleTerms],
        model: str,
        standings: Mapping[str, Standing],
    ) -> None:
        concerned = [
            Rule(each, model, standings.get(each.budget))
            for each in terms
            if _concerns(each, model)
        ]
        self._rules = sorted(concerned, key=lambda rule: _ORDER.index(rule.action))

    def __bool__(self) -> bool:
        return bool(self._rules)

    def judge(self, call: Call, estimate: Optional[int], own: int) -> Optional[Verdict]:
        """Say what the rules do; None: nothing.

        *own* is what was decided here, in units, since the budgets' figures came.
        """
        facts = Facts(call, estimate, own)
        user = call.who.user_id or ""
        for rule in self._rules:
            if user in rule.exempt:
                continue
            facts.standing = rule.standing
            if rule.holds(facts) is True:
                return self._verdict(rule, facts, user)
        return None

    def _verdict(self, first: Rule, facts: Facts, user: str) -> Verdict:
        if first.action not in {BLOCK, BLOCKLIST}:
            return Verdict(first.action, (first.reason,), first.model)
        reasons = []
        for rule in self._rules:
            facts.standing = rule.standing
            is_same = rule.action == first.action and user not in rule.exempt
            if is_same and rule.holds(facts) is True:
                reasons.append(rule.reason)
        return Verdict(first.action, tuple(reasons))


def _concerns(terms: RuleTerms, model: str) -> bool:
    if terms.action == BLOCKLIST:
        return forbids(terms, model)
    if terms.action == DOWNGRADE:
        return cheaper(terms.downgrades, model) is not None
    return terms.action in _ORDER  # what only tells people does so on the server


def cheaper(downgrades: Mapping[str, str], model: str) -> Optional[str]:
    """Return what is used instead of *model*: an exact name beats a longer pattern."""
    found = downgrades.get(model)
    if found is None:
        patterns = [name for name in downgrades if _matches(name, model)]
        found = downgrades[max(patterns, key=len)] if patterns else None
    return None if found == model else found


def forbids(terms: RuleTerms, model: str) -> bool:
    """Tell whether a blocklist keeps *model* from being used."""
    if any(_matches(pattern, model) for pattern in terms.blocked_models):
        return True
    allowed = terms.allowed_models
    return bool(allowed) and not any(_matches(pattern, model) for pattern in allowed)


def _matches(pattern: str, model: str) -> bool:
    if pattern.endswith("*"):
        return model.startswith(pattern[:-1])
    return model == pattern


def _why(terms: RuleTerms, model: str, instead: str) -> str:
    if terms.action == BLOCK:
        return terms.message or "Blocked by a rule of its budget."
    if terms.action == BLOCKLIST:
        allowed = ", ".join(terms.allowed_models)
        return f"{model} may not be used." + (
            f" Allowed: {allowed}." if allowed else ""
        )
    if terms.action == DOWNGRADE:
        return f"{instead} is used instead of {model}."
    return "The rate is limited."
