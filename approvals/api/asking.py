"""What is sent becomes an `Ask`."""

from collections.abc import Mapping
from typing import Any

from accounts.models import Organization
from accounts.types import Caller
from approvals.api.lookups import (
    budget_named,
    moment_in,
    person_named,
    refuse_strangers,
    requester_named,
)
from approvals.asks import as_ask
from approvals.errors import TooMany
from approvals.models import BudgetRequest, RequestKind
from approvals.types import Ask, By
from budgets.models import Budget
from lib.errors import Invalid

MOST_OPEN = 100  # requests of one requester
_AS_SENT = (
    *("amount", "currency", "name", "rule", "justification", "metadata"),
    *("links", "approvers"),
)
_BUDGETS = ("budget", "parent", "source")
_MOMENTS = ("until", "needed_by")


def new_ask(
    given: Mapping[str, Any], organization: Organization, by: By, caller: Caller
) -> Ask:
    """Return what *given* asks for.

    Raises:
        Invalid: it names nobody, or nothing, that is known.
        TooMany: too many requests of the requester are open.
    """
    usual = RequestKind.INCREASE if given.get("budget") else RequestKind.NEW
    ask = Ask(
        kind=given.get("kind", usual.value),
        amount=given["amount"],
        requester=requester_named(given.get("requester"), organization, by, caller),
        ask_key=given["ask_key"],
    )
    if whom := given.get("on_behalf_of"):
        ask.on_behalf_of = person_named(whom, "on_behalf_of", organization)
    _refuse_many(ask, organization)
    _set(ask, given, organization, caller)
    if "scope" not in given and ask.kind == RequestKind.NEW and not ask.scope:
        ask.scope = _scope_of_project(ask)
    return ask


def changed_ask(
    given: Mapping[str, Any], request: BudgetRequest, caller: Caller
) -> Ask:
    """Return what *request* asks for, changed as *given* says.

    Raises:
        Invalid: as `new_ask`.
    """
    ask = as_ask(request)
    _set(ask, given, request.organization, caller)
    return ask


def _set(
    ask: Ask, given: Mapping[str, Any], organization: Organization, caller: Caller
) -> None:
    refuse_strangers(given.get("approvers", ()), "approvers", organization, caller)
    for name in given.keys() & set(_AS_SENT):
        setattr(ask, name, given[name])
    for name in given.keys() & set(_BUDGETS):
        found: Budget | None = budget_named(given, name, organization, caller)
        setattr(ask, name, found)
    for name in given.keys() & set(_MOMENTS):
        setattr(ask, name, moment_in(given, name, organization.timezone))
    if "duration" in given:
        ask.period = given["duration"]
    if "mode" in given:
        ask.in_turn = given["mode"] == "sequential"
    if "scope" in given:
        ask.scope = given["scope"] or {}
    if project := given.get("project_id"):
        ask.scope = _with_project(given.get("scope"), ask.scope, project)


def _with_project(sent: Any, scope: Any, project: str) -> Any:
    """Return *scope* for one *project*; another may stand there, but not be *sent*."""
    if isinstance(sent, dict) and sent.get("projects") not in (None, [], [project]):
        raise Invalid.field("project_id", "Differs from scope.projects; send one.")
    return {**(scope if isinstance(scope, dict) else {}), "projects": [project]}


def _scope_of_project(ask: Ask) -> Any:
    """Return the scope that metadata tell of: a budget that is asked for a project
    would else count what everybody spends."""
    project = ask.metadata.get("project")
    known = isinstance(project, str) and project.strip()
    return {"projects": [project]} if known else {}


def _refuse_many(ask: Ask, organization: Organization) -> None:
    rows = BudgetRequest.objects.open().filter(organization=organization)
    if rows.filter(requester=ask.requester).count() >= MOST_OPEN:
        raise TooMany(
            f"{ask.requester} has {MOST_OPEN} requests open already, which is the most "
            "there may be. Withdraw some, or have them decided."
        )
