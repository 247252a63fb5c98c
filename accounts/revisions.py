"""What a process remembers of organizations: of each one revision, loaded in parts.

Every change that pricing, charging or guarding depends on raises the organization's
revision in its transaction. A process that finds another revision drops what it
remembered of the one before.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from django.db import transaction

from accounts.locks import hold_shared, hold_to_open
from accounts.models import Organization
from lib.memories import Memory
from lib.sql import cursor_that_prepares, one_round_trip

_MOST_ORGANIZATIONS = 10_000  # remembered
_REVISION = "SELECT revision FROM accounts_organization WHERE id = %s"

Part = TypeVar("Part")


class RevisionPart(Generic[Part]):
    """One part of what is remembered of an organization, and how to load it.

    Made once, by the module whose part it is. *load* runs in a transaction that holds
    the organization, and what it returns is shared between threads.
    """

    def __init__(self, load: Callable[["Revision"], Part]) -> None:
        self.load = load


class Revision:
    """An organization as of one revision, with the parts loaded of it so far.

    Safe to share between threads: parts are only ever added, complete. Parts loaded in
    a transaction are there for others when it has committed, for what another one has
    not committed may never come to be.
    """

    def __init__(self, organization: Organization) -> None:
        self.organization = organization
        self.number = organization.revision
        self._parts: dict[RevisionPart[Any], Any] = {}
        self._is_shared = False

    def get(self, entry: RevisionPart[Part]) -> Part:
        """Return a part, loaded if it is not there yet."""
        known = self.known(entry)
        if known is not None:
            return known
        part = entry.load(self)
        if self._is_shared:
            transaction.on_commit(lambda: self._add(entry, part))
        else:
            self._add(entry, part)
        return part

    def known(self, entry: RevisionPart[Part]) -> Part | None:
        """Return a part if it is there."""
        found: Part | None = self._parts.get(entry)
        return found

    def share(self) -> None:
        """Have every thread find it from now on."""
        self._is_shared = True
        _revisions.remember(self.organization.pk, self)

    def _add(self, entry: RevisionPart[Part], part: Part) -> None:
        self._parts.setdefault(entry, part)


_revisions: Memory[int, Revision] = Memory(most=_MOST_ORGANIZATIONS)


def hold_revision(organization_id: int, *, opens: bool = False) -> Revision:
    """Keep the organization's shape as it is until commit, and return what is known.

    The first thing in a transaction: one round trip when nothing has changed. *opens*:
    budgets of templates may be opened in it, one transaction at a time.
    """
    hold = hold_to_open if opens else hold_shared
    with one_round_trip():
        hold(organization_id)
        number = revision_of(organization_id)
    return open_revision(organization_id, number)


def open_revision(organization_id: int, number: int | None = None) -> Revision:
    """Return what is known of the organization as it is at this moment.

    One query, none when *number* says which revision it has; one more when it is
    another than was known. Call it in a transaction that holds the organization's lock.
    """
    known = _revisions.get(organization_id)
    if known is not None:
        if number is None:
            number = revision_of(organization_id)
        if number == known.number:
            return known
    opened = Revision(Organization.objects.get(pk=organization_id))
    transaction.on_commit(opened.share)
    return opened


def known_revision(organization_id: int) -> Revision | None:
    """Return what this process last saw of the organization: maybe old news."""
    return _revisions.get(organization_id)


def revision_of(organization_id: int) -> int | None:
    """Return the number that rises with every change of prices, rates or budgets."""
    # Asked for every batch: the ORM would take five times as long.
    with cursor_that_prepares() as cursor:
        cursor.execute(_REVISION, [organization_id])
        found = cursor.fetchone()
    return found[0] if found else None
