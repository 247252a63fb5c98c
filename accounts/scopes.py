"""What keys and roles allow."""

from collections.abc import Iterable

from django.db import models


class Scope(models.TextChoices):
    """What a key may be used for."""

    USAGE_WRITE = "usage:write", "Report usage"
    COSTS_READ = "costs:read", "Read costs, analytics, prices and rates"
    BUDGETS_READ = "budgets:read", "Read budgets"
    BUDGETS_WRITE = "budgets:write", "Make and change budgets"
    CONTROLS_AUTHORIZE = "controls:authorize", "Ask before spending"
    ALERTS_WRITE = "alerts:write", "Configure and answer alerts"
    APPROVALS_WRITE = "approvals:write", "Ask for money and decide"
    ADMIN = "admin", "Organizations, prices, rates, policies"


def words_of(scopes: Iterable[str]) -> str:
    """Return what *scopes* allow, for people: "Report usage, read budgets"."""
    wanted = set(scopes)
    if wanted >= set(Scope.values):
        return "Everything"
    labels = [str(one.label) for one in Scope if one.value in wanted]
    first, rest = labels[:1], [one[0].lower() + one[1:] for one in labels[1:]]
    return ", ".join(first + rest)


class Role(models.TextChoices):
    """What a person may do in an organization."""

    FINANCE_ADMIN = "finance_admin", "Finance admin"
    BUDGET_OWNER = "budget_owner", "Budget owner"
    APPROVER = "approver", "Approver"
    VIEWER = "viewer", "Viewer"


_READ = frozenset({Scope.COSTS_READ, Scope.BUDGETS_READ})

SCOPES_OF_ROLE: dict[str, frozenset[str]] = {
    Role.FINANCE_ADMIN: frozenset(Scope.values),
    Role.BUDGET_OWNER: _READ
    | {
        Scope.USAGE_WRITE,
        Scope.BUDGETS_WRITE,
        Scope.CONTROLS_AUTHORIZE,
        Scope.ALERTS_WRITE,
        Scope.APPROVALS_WRITE,
    },
    Role.APPROVER: _READ | {Scope.APPROVALS_WRITE, Scope.ALERTS_WRITE},
    Role.VIEWER: _READ,
}


class KeyUse(models.TextChoices):
    """What people make a key for."""

    REPORT = "report", "Report usage"
    READ = "read", "Read costs and budgets"
    ASK = "ask", "Ask before calls, and report them"
    EVERYTHING = "everything", "Everything"


SCOPES_OF_USE: dict[str, frozenset[str]] = {
    KeyUse.REPORT: frozenset({Scope.USAGE_WRITE}),
    KeyUse.READ: _READ,
    KeyUse.ASK: frozenset({Scope.CONTROLS_AUTHORIZE, Scope.USAGE_WRITE}),
    KeyUse.EVERYTHING: frozenset(Scope.values),
}
