"""Whom a change of rules or escalation leaves untold, said before it is saved."""

from collections.abc import Iterator

from alerts.models import AlertRule, EscalationPolicy
from alerts.policies import oversight_of
from alerts.reach import MAIL, leads_nowhere, missing, names_set_up, ready
from alerts.ruleset import effective_rules, of_rule
from console.alerts.wording import channel_words
from console.asking import Consequence, Consequences


def silences_of(rule: AlertRule, was: AlertRule | None) -> Consequences:
    """Return what is no longer told once *rule* is saved in place of *was*."""
    told = list(_silenced(rule, was))
    return Consequences((), told, needs_reason=bool(told))


def _silenced(rule: AlertRule, was: AlertRule | None) -> Iterator[Consequence]:
    told_before = was is not None and was.enabled and not leads_nowhere(was)
    if not rule.enabled:
        if told_before:
            yield Consequence(
                "off", f"From now on nobody is told: {_named(rule)} is off."
            )
        if hidden := _hidden_by(rule):
            yield Consequence(
                "hides", f"The same rule of {hidden} is silent here, too."
            )
    elif told_before and (nowhere := leads_nowhere(rule)):
        by = f"{channel_words(nowhere)} {_leads(nowhere)} nowhere"
        yield Consequence(
            "nowhere", f"From now on nobody is told by {_named(rule)}: {by}."
        )


def _named(rule: AlertRule) -> str:
    return f"“{rule.get_type_display()}” of {rule.budget}"


def _leads(names: list[str]) -> str:
    return "leads" if len(names) == 1 else "lead"


def _hidden_by(rule: AlertRule) -> str:
    """Return the budget above whose rule *rule* stands in place of; "": none."""
    slot = of_rule(rule).slot
    for one in effective_rules(rule.budget):
        if one.slot == slot and one.is_inherited_by(rule.budget_id):
            return str(rule.budget.get_ancestors().get(pk=one.budget_id))
    return ""


def unheard_levels(policy: EscalationPolicy, was: EscalationPolicy) -> Consequences:
    """Return what of a ladder nobody hears any more once *policy* is saved."""
    told = []
    if was.enabled and not policy.enabled:
        words = f"From now on nobody else is told while alerts wait: {policy} is off."
        told.append(Consequence("off", words))
    elif was.enabled and _is_heard(was) and not _is_heard(policy):
        words = f"From now on no level of {policy} reaches anybody."
        told.append(Consequence("nowhere", words))
    return Consequences((), told, needs_reason=bool(told))


def _is_heard(policy: EscalationPolicy) -> bool:
    """Tell whether any level reaches somebody."""
    leads = names_set_up(policy.organization_id)
    if policy.budget is not None:
        leads = ready(leads, oversight_of(policy.budget))
    else:
        leads |= {MAIL}  # each budget has an owner, or the finance admins
    return any(
        len(missing(level["channels"], level["recipients"], leads))
        < len(level["channels"])
        for level in policy.levels
    )
