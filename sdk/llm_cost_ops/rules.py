"""What the rules that came with a lease say to a call of its model. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Optional

from llm_cost_ops.answers.controls import Reason, RuleTerms
from llm_cost_ops.calls import Call
from llm_cost_ops.triggers import Facts, Name, Names, Standing, compiled

BLOCK, BLOCKLIST = "block", "model_blocklist"
DOWNGRADE, RATE_LIMIT = "model_downgrade", "rate_limit"
_ORDER = (BLOCK, BLOCKLIST, DOWNGRADE, RATE_LIMIT)  # the first that has an effect does


class Verdict(NamedTuple):
    """What rules do to a call; of a downgrade with the model to go on with."""

    action: str
    reasons: tuple[Reason, ...]
    model: str = ""
    name: Name = ("", "")  # what it is
    judged: Name = ("", "")  # what the model was of which they said so


class Rule:
    """One rule that concerns the model of a lease."""

    __slots__ = ("action", "holds", "model", "reason", "standing")

    def __init__(
        self, terms: RuleTerms, model: str, standing: Optional[Standing]
    ) -> None:
        self.action = terms.action
        self.holds = compiled(terms.trigger)
        self.standing = standing
        self.model = terms.instead.get(model, "")
        self.reason = Reason(
            message=_why(terms, model, self.model),
            budget=terms.budget,
            budget_name=standing.figures.name if standing else "",
            rule=terms.id,
        )


class Rules:
    """The rules that may have an effect on calls of one model, in their order."""

    __slots__ = ("_names", "_rules")

    def __init__(
        self,
        terms: Iterable[RuleTerms],
        names: Names,
        standings: Mapping[str, Standing],
    ) -> None:
        self._names = names
        concerned = [
            Rule(each, names.model, standings.get(each.budget))
            for each in terms
            if _concerns(each, names)
        ]
        self._rules = sorted(concerned, key=lambda rule: _ORDER.index(rule.action))

    def __bool__(self) -> bool:
        return bool(self._rules)

    def judge(self, call: Call, estimate: Optional[int], own: int) -> Optional[Verdict]:
        """Say what the rules do; None: nothing.

        *own* is what was decided here, in units, since the budgets' figures came.
        """
        facts = Facts(call, estimate, own, self._names)
        for rule in self._rules:
            facts.standing = rule.standing
            if rule.holds(facts) is True:
                return self._verdict(rule, facts)
        return None

    def _verdict(self, first: Rule, facts: Facts) -> Verdict:
        if first.action not in {BLOCK, BLOCKLIST}:
            to, own = self._names.of(first.model), self._names.of(self._names.model)
            return Verdict(first.action, (first.reason,), first.model, to, own)
        reasons = []
        for rule in self._rules:
            facts.standing = rule.standing
            if rule.action == first.action and rule.holds(facts) is True:
                reasons.append(rule.reason)
        return Verdict(first.action, tuple(reasons))


def leads_back(name: Name, seen: Sequence[Name]) -> bool:
    """Tell whether going on with *name* comes back to one of *seen*, the last of which
    is at hand: to the same name, or to any version of a model that was left."""
    left = {model for model, _ in seen} - {seen[-1][0]}
    return name in seen or name[0] in left


def _concerns(terms: RuleTerms, names: Names) -> bool:
    """Tell whether a rule may have an effect; the server has matched the names."""
    if names.user in terms.exempt_users:
        return False
    if terms.action == BLOCKLIST:
        return names.model in terms.forbids
    if terms.action == DOWNGRADE:
        return names.model in terms.instead
    return terms.action in _ORDER  # what only tells people does so on the server


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
