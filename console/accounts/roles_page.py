"""What each role may do, in words: the one table of permissions, and roles' scopes."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts.permissions import TABLE, Action, Relation
from accounts.scopes import SCOPES_OF_ROLE, Role, Scope
from accounts.tenants import person
from console.pages import Pages

SUMMARIES = {
    Role.FINANCE_ADMIN: "Looks after the money: every budget, prices and rates, people "
    "and keys, the month's close.",
    Role.BUDGET_OWNER: "Looks after the budgets they own and those below them, asks "
    "for more, and answers alerts. Sees everything.",
    Role.APPROVER: "Decides what is asked for and answers alerts, by mail or here. "
    "Sees everything, changes no budget.",
    Role.VIEWER: "Sees budgets, costs and reports, and changes nothing.",
}
_ACTIONS = {
    Action.READ: "See budgets, alerts and rules",
    Action.CHANGE: "Change a budget: amount, dates, thresholds, limit, owner",
    Action.RAISE: "Give a budget a higher amount",
    Action.MAKE: "Make a budget below one",
    Action.MOVE: "Move a budget to another place",
    Action.ARCHIVE: "Archive a budget",
    Action.GUARD: "Set guardrails",
    Action.SWITCH: "Stop all calls of a budget, and let them through again",
    Action.WATCH: "Set alert rules, escalation and silences",
    Action.RELEASE: "Give back what calls have set aside",
    Action.ANSWER: "Take alerts on, snooze and resolve them",
    Action.REWIRE: "Change, test and delete channels",
}
_SCOPES = {
    Scope.COSTS_READ: "See costs, prices, rates and reports",
    Scope.APPROVALS_WRITE: "Ask for money, and decide where a policy asks them",
    Scope.USAGE_WRITE: "Report usage, by a key of their own",
    Scope.CONTROLS_AUTHORIZE: "Ask before a call, by a key of their own",
    Scope.ADMIN: "Set prices, rates, policies and feeds; people, keys, organization",
}
_WORDS = {
    frozenset(Relation): "Everywhere",
    frozenset({Relation.OWN, Relation.BELOW}): "What they own, and below",
    frozenset({Relation.BELOW}): "Below what they own",
    frozenset({Relation.OWN}): "What they own",
    frozenset[Relation](): "",
}


@dataclass(frozen=True, slots=True)
class Ability:
    """One line of the table: what may be done, and by each role where; "": nowhere."""

    words: str
    cells: tuple[tuple[str, str], ...]  # the role's name, and where


def abilities() -> list[Ability]:
    """Return the table, of the permissions as they are in force."""
    about_budgets = [
        Ability(
            words,
            _cells(
                _WORDS[frozenset(TABLE[role].get(action, frozenset()))] for role in Role
            ),
        )
        for action, words in _ACTIONS.items()
    ]
    beside = [
        Ability(
            words,
            _cells("Yes" if scope in SCOPES_OF_ROLE[role] else "" for role in Role),
        )
        for scope, words in _SCOPES.items()
    ]
    return about_budgets + beside


def _cells(words: Iterable[str]) -> tuple[tuple[str, str], ...]:
    return tuple(zip((str(role.label) for role in Role), words, strict=True))


def roles_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Answer what each role may do, and which the person has where."""
    mine = person(request).memberships.select_related("organization")
    context = pages.page(
        request,
        title="Roles",
        opts=None,
        roles=[(str(role.label), SUMMARIES[role]) for role in Role],
        abilities=abilities(),
        mine=[(one.organization.name, one.get_role_display()) for one in mine],
    )
    return TemplateResponse(request, "console/accounts/roles.html", context)
