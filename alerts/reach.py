"""Whom rules reach: which of the channels they name lead somewhere."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from accounts.models import Organization
from alerts.models import AlertRule
from alerts.policies import Oversight, oversight_of, oversights_of
from alerts.ruleset import ruleset_of
from budgets.models import Budget
from notifications.models import Channel, ChannelType

MAIL = ChannelType.EMAIL.value


@dataclass(frozen=True, slots=True)
class Unheard:
    """A budget with rules that tell nobody, and by what those would tell."""

    budget: Budget
    names: tuple[str, ...]


def names_set_up(organization_id: int) -> frozenset[str]:
    """Return the types and names of channels that lead somewhere. One query.

    A channel of mail is told where it is named, not by every rule that mails.
    """
    rows = Channel.objects.filter(organization=organization_id, enabled=True)
    return frozenset(
        name
        for kind, own in rows.values_list("type", "name")
        for name in ((own,) if kind == MAIL else (kind, own))
    )


def ready(set_up: frozenset[str], oversight: Oversight) -> frozenset[str]:
    """Return what leads somewhere for a budget: mail if somebody is usually told."""
    return set_up | {MAIL} if oversight.usual else set_up


def missing(
    names: Iterable[str], recipients: Sequence[str], ready: frozenset[str]
) -> list[str]:
    """Return which of *names* lead nowhere; mail leads to people who are named."""
    known = {*ready, MAIL} if recipients else ready
    return [name for name in names if name not in known]


def leads_nowhere(rule: AlertRule) -> list[str]:
    """Return what *rule* tells by, if all of that leads nowhere; else nothing."""
    set_up = names_set_up(rule.organization_id)
    return _nowhere(
        rule.channels, rule.recipients, ready(set_up, oversight_of(rule.budget))
    )


def unheard(organization: Organization) -> list[Unheard]:
    """Return the budgets in use with rules that tell nobody, in the tree's order.

    A query for each level of the tree, and six more.
    """
    rows = Budget.objects.filter(organization=organization).active()
    budgets = list(rows.order_by("tree_id", "lft"))
    oversights = oversights_of(budgets)
    ruleset, set_up = ruleset_of(organization.pk), names_set_up(organization.pk)
    found = []
    for budget in budgets:
        leads = ready(set_up, oversights[budget.pk])
        lost = [
            name
            for rule in ruleset.of(budget)
            for name in _nowhere(rule.channels, rule.recipients, leads)
        ]
        if lost:
            found.append(Unheard(budget, tuple(dict.fromkeys(lost))))
    return found


def _nowhere(
    channels: Iterable[str], recipients: Sequence[str], leads: frozenset[str]
) -> list[str]:
    names = list(channels) or [MAIL]
    lost = missing(names, recipients, leads)
    return lost if len(lost) == len(names) else []
