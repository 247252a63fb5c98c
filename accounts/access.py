"""Row-level isolation: who sees and changes which organization's rows.

The one place that decides it, for the API (a Caller) and for the admin (a User) alike.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from django.db.models import Model, QuerySet

from accounts.models import Organization, User
from accounts.scopes import SCOPES_OF_ROLE
from accounts.types import Caller
from lib.errors import Forbidden, NotFound

Row = TypeVar("Row", bound=Model)


def organizations_of(actor: Caller | User) -> QuerySet[Organization]:
    """Return the organizations whose rows *actor* may see."""
    everything = Organization.objects.all()
    if isinstance(actor, User):
        if actor.sees_all:
            return everything
        if actor.is_superuser:
            return everything.filter(pk=actor.looks_at or 0)
        return everything.filter(memberships__user=actor)
    if actor.organization_id is not None:
        return everything.filter(pk=actor.organization_id)
    if actor.user_id is not None:
        return organizations_of(User.objects.get(pk=actor.user_id))
    return everything


def visible_to(
    actor: Caller | User, rows: QuerySet[Row], *, path: str = "organization"
) -> QuerySet[Row]:
    """Keep the *rows* whose organization, at *path*, *actor* may see."""
    if isinstance(actor, User) and actor.sees_all:
        return rows
    return rows.filter(**{f"{path}__in": organizations_of(actor)})


Roles = Sequence[tuple[int, str]]  # organization and role, of one person


def roles_of(user: User) -> Roles:
    """Return the roles that *user* has; none once they are not active. One query, at
    the first time."""
    return user.roles if user.is_active else ()


def roles_allow(roles: Roles, scope: str, organization: Organization | None) -> bool:
    """Tell whether *roles* give *scope* in *organization*; None: in any."""
    return any(
        scope in SCOPES_OF_ROLE[role]
        for organization_id, role in roles
        if organization is None or organization.pk == organization_id
    )


def organization_named(slug: str | None, *, caller: Caller) -> Organization:
    """Return the organization a list, summary or export is asked for.

    Raises:
        Forbidden: another organization's.
        NotFound: a platform key names one that does not exist, or names none while
            there are several.
    """
    mine = organizations_of(caller)
    if caller.organization_id is not None:
        if slug not in {None, "", caller.organization_slug}:
            raise Forbidden(caller.why_no_other)
        return mine.get()
    if not slug:
        only = list(mine[:2])
        if len(only) == 1:
            return only[0]
        raise NotFound("Name the organization with organization_id.")
    found = mine.filter(slug=slug).first()
    if found is None:
        raise NotFound(f"There is no organization “{slug}”.")
    return found


def require(caller: Caller, scope: str) -> None:
    """Refuse *caller* unless its key carries *scope*.

    Raises:
        Forbidden: it does not.
    """
    if scope not in caller.scopes:
        raise Forbidden(f"This API key lacks the scope {scope}.")


def is_platform(caller: Caller) -> bool:
    """Tell whether *caller* acts for the whole installation, not for organizations."""
    if caller.organization_id is not None:
        return False
    if caller.user_id is None:
        return True
    return User.objects.filter(pk=caller.user_id, is_superuser=True).exists()


def owner_named(data: Mapping[str, object], *, caller: Caller) -> Organization | None:
    """Return whose a new row is to be that may be for all organizations: None.

    *data* may name it as `organization_id`; a key of one organization means its own.

    Raises:
        Forbidden: for all, or for another organization, and the caller may not.
        NotFound: there is no such organization.
    """
    slug = data.get("organization_id")
    if slug or (caller.organization_id is not None and "organization_id" not in data):
        return organization_named(str(slug or ""), caller=caller)
    if not is_platform(caller):
        raise Forbidden("Only a platform key can set what is for all organizations.")
    return None
