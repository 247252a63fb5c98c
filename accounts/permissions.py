"""Who may do what: role by action by relation to what it is done to.

One table, for the API (a Caller) and for the admin (a User) alike; docs/roles.md shows
it. A key without a person may do what its scopes say, wherever it is good for.
"""

from enum import StrEnum

from accounts.models import Organization, User
from accounts.scopes import Role, Scope
from accounts.types import Caller

Actor = Caller | User


class Action(StrEnum):
    """What may be done to a budget, or beside it."""

    READ = "read"
    CHANGE = "change"  # amount, dates, thresholds, limit, rollover, name, owner
    RAISE = "raise"  # its amount, by changing it
    MAKE = "make"  # a budget below it
    MOVE = "move"  # it, to another place
    ARCHIVE = "archive"
    GUARD = "guard"  # its rules
    SWITCH = "switch"  # its kill switch
    WATCH = "watch"  # its alert rules, escalation, silences
    RELEASE = "release"  # what is set aside in it
    ANSWER = "answer"  # its alerts
    REWIRE = "rewire"  # a channel


class Relation(StrEnum):
    """How a person stands to a budget, or to a channel."""

    ELSEWHERE = "elsewhere"
    OWN = "own"  # they are its owner; they made the channel
    BELOW = "below"  # they own one above it


SCOPE_FOR = {
    Action.READ: Scope.BUDGETS_READ,
    **dict.fromkeys(
        (
            *(Action.CHANGE, Action.RAISE, Action.MAKE, Action.MOVE, Action.ARCHIVE),
            *(Action.GUARD, Action.SWITCH, Action.RELEASE),
        ),
        Scope.BUDGETS_WRITE,
    ),
    **dict.fromkeys((Action.WATCH, Action.ANSWER, Action.REWIRE), Scope.ALERTS_WRITE),
}

_ANYWHERE = frozenset(Relation)
_OWN = frozenset({Relation.OWN, Relation.BELOW})
_BELOW = frozenset({Relation.BELOW})
_NOWHERE: frozenset[Relation] = frozenset()

# What a role may do, and to what. What is not named it may do nowhere.
TABLE: dict[Role, dict[Action, frozenset[Relation]]] = {
    Role.FINANCE_ADMIN: dict.fromkeys(Action, _ANYWHERE),
    Role.BUDGET_OWNER: {
        Action.READ: _ANYWHERE,
        Action.CHANGE: _OWN,
        Action.MAKE: _OWN,
        # The one at the top is part of somebody else's sums.
        Action.RAISE: _BELOW,
        Action.MOVE: _BELOW,
        Action.ARCHIVE: _OWN,
        Action.GUARD: _OWN,
        Action.SWITCH: _OWN,
        Action.WATCH: _OWN,
        Action.RELEASE: _OWN,
        Action.ANSWER: _ANYWHERE,
        Action.REWIRE: _OWN,
    },
    Role.APPROVER: {Action.READ: _ANYWHERE, Action.ANSWER: _ANYWHERE},
    Role.VIEWER: {Action.READ: _ANYWHERE},
}


def relations_for(
    actor: Actor, action: Action, organization: Organization | int
) -> frozenset[Relation]:
    """Return to what *actor* may do *action* in *organization*; empty: to nothing.

    A query where the roles of the person are not known yet.
    """
    organization_id = organization if isinstance(organization, int) else organization.pk
    if isinstance(actor, Caller):
        if SCOPE_FOR[action] not in actor.scopes:
            return _NOWHERE
        if actor.organization_id not in (None, organization_id):
            return _NOWHERE
        if actor.user_id is None:
            return _ANYWHERE
        actor = User.objects.get(pk=actor.user_id)
    if not actor.is_active:
        return _NOWHERE
    if actor.is_superuser:
        return _ANYWHERE if actor.runs(organization_id) else _NOWHERE
    roles = [role for pk, role in actor.roles if pk == organization_id]
    return _NOWHERE.union(*(TABLE[Role(role)].get(action, _NOWHERE) for role in roles))


def may_somewhere(user: User, action: Action) -> bool:
    """Tell whether a role of *user* allows *action* to anything there could be."""
    if user.is_superuser:
        return user.is_active
    return user.is_active and any(TABLE[Role(one)].get(action) for _, one in user.roles)


def person_of(actor: Actor) -> int | None:
    """Return the id of the person who acts; None: a program."""
    return actor.user_id if isinstance(actor, Caller) else actor.pk


def name_of(actor: Actor) -> str:
    """Return how *actor* stands in histories."""
    return actor.name if isinstance(actor, Caller) else actor.email
