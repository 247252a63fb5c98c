"""Who may do what to a budget: the table of accounts.permissions, put to the tree."""

from decimal import Decimal
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.access import organizations_of
from accounts.models import Organization
from accounts.permissions import Action, Actor, Relation, person_of, relations_for
from budgets.errors import NeedsRequest, NotYours
from budgets.models import Budget
from budgets.owners import path_of
from budgets.scopes import clean, covers
from budgets.services import BudgetPlan
from budgets.templates import ForEach


def may(actor: Actor, action: Action, budget: Budget) -> bool:
    """Tell whether *actor* may do *action* to *budget*.

    At most three queries: the person, their roles, and whether it is theirs. The last
    reads the tree as it is at this moment.
    """
    allowed = relations_for(actor, action, budget.organization_id)
    if Relation.ELSEWHERE in allowed or not allowed:
        return bool(allowed)
    rows = Budget.objects.filter(_is(allowed, person_of(actor)), pk=budget.pk)
    return rows.exists()


def require(actor: Actor, action: Action, budget: Budget) -> None:
    """Refuse *actor* what they may not do to *budget*.

    Raises:
        NotYours: they may not; it says whom to ask.
    """
    if not may(actor, action, budget):
        raise NotYours(
            f"“{budget.name}” is not yours to {_VERBS[action]}. "
            f"Ask {whom_to_ask(budget, actor)}."
        )


def may_somewhere(actor: Actor, action: Action, organization: Organization) -> bool:
    """Tell whether there is anything in *organization* *actor* may do *action* to."""
    allowed = relations_for(actor, action, organization)
    if Relation.ELSEWHERE in allowed or not allowed:
        return bool(allowed)
    rows = Budget.objects.filter(organization=organization, archived_at=None)
    return rows.filter(_is(allowed, person_of(actor))).exists()


def may_at_top(actor: Actor, organization: Organization) -> bool:
    """Tell whether *actor* may put a budget at the top of *organization*."""
    return Relation.ELSEWHERE in relations_for(actor, Action.MAKE, organization)


def budgets_for(actor: Actor, action: Action) -> QuerySet[Budget]:
    """Return the budgets *actor* may do *action* to."""
    wanted = Q(pk__in=[])
    for organization in organizations_of(actor):
        allowed = relations_for(actor, action, organization)
        if Relation.ELSEWHERE in allowed:
            wanted |= Q(organization=organization)
        elif allowed:
            wanted |= Q(_is(allowed, person_of(actor)), organization=organization)
    rows: QuerySet[Budget] = Budget.objects.filter(wanted)
    return rows


def require_new(actor: Actor, organization: Organization, plan: BudgetPlan) -> None:
    """Refuse *actor* a new budget that is not theirs to make.

    Raises:
        NotYours: it is at the top, below one that is not theirs, or counts more than
            their own does.
    """
    _require_place(actor, organization, plan.parent)
    if plan.parent is not None:
        _require_scope(actor, plan.scope, plan.parent)


def require_change(actor: Actor, budget: Budget, plan: BudgetPlan) -> None:
    """Refuse *actor* to make *budget* as *plan* says where that is not theirs to do.

    Raises:
        NotYours: the budget is not theirs, it would have more than they may give it, go
            where they may not put it, or count more than their own does.
    """
    require(actor, Action.CHANGE, budget)
    if _gives_more(plan, budget):
        require(actor, Action.RAISE, budget)
    if (plan.parent.pk if plan.parent else None) != budget.parent_id:
        require_move(actor, budget, plan.parent)
    if not _is_same(plan.scope, budget.scope):
        _require_scope(actor, plan.scope, budget)


def _gives_more(plan: BudgetPlan, budget: Budget) -> bool:
    """Tell whether *plan* has a higher amount, or one that can't be compared."""
    units = [(one.currency, one.period) for one in (plan, budget)]
    return plan.amount > budget.amount or units[0] != units[1]


def require_move(actor: Actor, budget: Budget, parent: Budget | None) -> None:
    """Refuse *actor* to put *budget* under *parent* where that is not theirs to do.

    Raises:
        NotYours: it is not.
    """
    require(actor, Action.MOVE, budget)
    _require_place(actor, budget.organization, parent)


def may_raise(actor: Actor, budget: Budget) -> bool:
    """Tell whether *actor*, who may change *budget*, may give it more money."""
    if may_at_top(actor, budget.organization):
        return True
    below = _is(frozenset({Relation.BELOW}), person_of(actor))
    return Budget.objects.filter(below, pk=budget.pk).exists()


def require_raise(actor: Actor, budget: Budget) -> None:
    """Refuse *actor* more money for *budget* where that is not theirs to give.

    The topmost of one's own budgets is part of somebody else's sums, and so is what a
    template that is the topmost made.

    Raises:
        NotYours: they may not change it.
        NeedsRequest: it is the topmost of theirs; it says how to ask.
    """
    require(actor, Action.CHANGE, budget)
    if not may_raise(actor, budget):
        raise NeedsRequest(
            f"“{budget.name}” is the topmost of your own budgets: more for it is a "
            "request. POST /budget-requests with it as the budget, or “Ask for more”."
        )


def require_override(
    actor: Actor, template: Budget, value: str, amount: Decimal | None
) -> None:
    """Refuse *actor*, who may change *template*, to give what it makes for *value* an
    *amount* of its own, None: the template's, where that is not theirs to do.

    Raises:
        NeedsRequest: it would have more, and is the topmost of theirs.
    """
    each = ForEach.of(template.template_for_each) if template.is_template else None
    named = each.one_name(value) if each else value
    made = template.made.filter(template_value=named).first() or template
    if (template.amount if amount is None else amount) > made.amount:
        require_raise(actor, made)


def require_transfer(actor: Actor, source: Budget, to: Budget) -> None:
    """Refuse *actor* to move money out of their own subtree, or to its top.

    Raises:
        NotYours: one of the two is not theirs.
        NeedsRequest: no budget of theirs has both, or *to* is the topmost of theirs.
    """
    require(actor, Action.CHANGE, source)
    if source.template_of_id and source.template_of_id == to.template_of_id:
        require(actor, Action.CHANGE, to)  # theirs have what they had together
    else:
        require_raise(actor, to)
    if may_at_top(actor, source.organization):
        return
    above = source.get_ancestors(include_self=True).filter(owner=person_of(actor))
    if not (above & to.get_ancestors(include_self=True)).exists():
        raise NeedsRequest(
            f"No budget of yours has both “{source.name}” and “{to.name}” below it: to "
            "move money between them is a request. POST /budget-requests with the kind "
            "transfer, or “Ask for more”."
        )


def whom_to_ask(budget: Budget, actor: Actor) -> str:
    """Name those who may change *budget*, for *actor* who may not: "lea@acme.example
    or a finance admin". Two queries."""
    me = person_of(actor)
    owners = (one.owner for one in path_of(budget))
    asked = next((one for one in owners if one is not None and one.pk != me), None)
    if asked is None or not may(asked, Action.CHANGE, budget):
        return "a finance admin"
    return f"{asked.email} or a finance admin"


def _is(allowed: frozenset[Relation], person: int | None) -> Exists:
    """Return the condition that a budget stands so to *person*."""
    above = Budget.objects.filter(
        owner=person, tree_id=OuterRef("tree_id"), rght__gte=OuterRef("rght")
    ).order_by()
    if Relation.OWN in allowed:
        return Exists(above.filter(lft__lte=OuterRef("lft")))
    # A template binds nobody: what it made is as high up as it is itself.
    return Exists(above.filter(lft__lt=OuterRef("lft"), template_for_each=""))


def _require_place(
    actor: Actor, organization: Organization, parent: Budget | None
) -> None:
    if parent is not None:
        require(actor, Action.MAKE, parent)
    elif not may_at_top(actor, organization):
        raise NotYours(
            "Only finance admins put a budget at the top. Choose one of your own as "
            "its parent, or ask a finance admin."
        )


def _require_scope(actor: Actor, scope: Any, place: Budget) -> None:
    """Refuse an owner a *scope* at *place* that reaches beyond what is theirs.

    Whoever could count other teams' costs in their own budget could stop their calls
    by its limit.
    """
    if may_at_top(actor, place.organization):
        return
    path = place.get_ancestors(include_self=True).filter(owner=person_of(actor))
    top = path.first()
    if top is None or not _reaches_beyond(top, scope):
        return
    raise NotYours(
        f"It may count no more than your “{top.name}” does. Keep its scope inside "
        "that one's, each dimension and tag named there too, or ask a finance admin."
    )


def _is_same(wanted: Any, scope: Any) -> bool:
    """Tell whether two scopes count the same, however empty parts are written."""
    try:
        return clean(wanted) == clean(scope)
    except ValueError:
        return False  # the service says what is wrong with it


def _reaches_beyond(top: Budget, scope: Any) -> bool:
    try:
        wanted = clean(scope)
    except ValueError:
        return False  # the service says what is wrong with it
    return not covers(top.scope, wanted)


_VERBS = {
    Action.CHANGE: "change",
    Action.RAISE: "raise by changing it: ask for more",
    Action.MAKE: "put budgets below",
    Action.MOVE: "move",
    Action.ARCHIVE: "archive",
    Action.GUARD: "guard",
    Action.SWITCH: "switch off or on",
    Action.WATCH: "set alerts for",
    Action.RELEASE: "release what is set aside in",
}
