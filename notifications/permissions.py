"""Who may set channels up, and who may change which."""

from accounts.access import roles_allow, roles_of
from accounts.models import Organization, User
from accounts.permissions import (
    Action,
    Actor,
    Relation,
    name_of,
    person_of,
    relations_for,
)
from accounts.scopes import Scope
from accounts.types import Caller
from lib.errors import Forbidden
from notifications.models import Channel


class NotYourChannel(Forbidden):
    """Others are told through the channel, and somebody else set it up."""

    code = "not_yours"


def may_set_up(actor: Actor, organization: Organization) -> bool:
    """Tell whether *actor* may set up channels in *organization*."""
    return Relation.OWN in relations_for(actor, Action.REWIRE, organization)


def may_rewire(actor: Actor, channel: Channel) -> bool:
    """Tell whether *actor* may change, test or delete *channel*. One query more for
    who may do so only to those they set up."""
    allowed = relations_for(actor, Action.REWIRE, channel.organization_id)
    if Relation.ELSEWHERE in allowed or not allowed:
        return bool(allowed)
    made = channel.history.order_by("history_date", "history_id").first()
    return (
        made is not None and made.history_type == "+" and (made.actor == name_of(actor))
    )


def require_set_up(actor: Actor, organization: Organization) -> None:
    """Raises:
    NotYourChannel: *actor* may not set up channels in *organization*.
    """
    if not may_set_up(actor, organization):
        raise NotYourChannel(
            "Budget owners and finance admins set channels up. Ask one of them."
        )


def require_rewire(actor: Actor, channel: Channel) -> None:
    """Raises:
    NotYourChannel: *channel* is not for *actor* to change.
    """
    if not may_rewire(actor, channel):
        raise NotYourChannel(
            f"“{channel.name}” is not yours to change. Ask whoever set it up, or a "
            "finance admin."
        )


class NotYourMail(Forbidden):
    """When somebody wants mail is theirs to say."""

    code = "not_yours"


def require_preference(
    actor: Actor, organization: Organization, recipient: str
) -> None:
    """Refuse *actor* to say when *recipient* wants mail of *organization*.

    Raises:
        NotYourMail: it is another person, and *actor* is no finance admin.
    """
    person = User.objects.filter(pk=person_of(actor) or 0).first()
    if person is not None and person.email.lower() == recipient.strip().lower():
        return
    if not _administers(actor, person, organization):
        raise NotYourMail(
            f"Only {recipient} and finance admins say when {recipient} wants mail."
        )


def _administers(actor: Actor, person: User | None, organization: Organization) -> bool:
    if isinstance(actor, Caller):
        if person is None and actor.organization_id is None:
            return True  # a program of the whole installation
        if Scope.ADMIN not in actor.scopes:
            return False
    if person is None or person.is_superuser:
        return True
    return roles_allow(roles_of(person), Scope.ADMIN, organization)
