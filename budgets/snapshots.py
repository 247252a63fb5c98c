"""What a process remembers of an organization: its prices, and whom they charge."""

from django.db import transaction

from accounts.locks import hold_shared
from accounts.models import Organization
from budgets.charging import ChargedSnapshot, Charging
from budgets.refiling import refile_if_due
from ledger.snapshot import Snapshot
from lib.roundtrips import cursor_that_prepares, one_round_trip

_REVISION = "SELECT revision FROM accounts_organization WHERE id = %s"

_books: dict[int, tuple[ChargedSnapshot, Charging]] = {}  # by organization


def open_snapshot(
    organization_id: int, revision: int | None = None
) -> tuple[ChargedSnapshot, Charging]:
    """Return what is known of the organization as it is at this moment.

    One query, none when *revision* says which moment; more when prices, rates or
    budgets have changed. Call it in a transaction that holds the organization's lock.
    """
    known = _books.get(organization_id)
    if known is not None:
        if revision is None:
            revision = revision_of(organization_id)
        if revision == known[0].revision:
            return known
    organization = Organization.objects.get(pk=organization_id)
    charging = Charging(organization)
    opened = Snapshot(organization, charging), charging
    # What another transaction has not committed may never come to be.
    transaction.on_commit(lambda: _books.__setitem__(organization_id, opened))
    return opened


def hold_snapshot(organization_id: int) -> tuple[ChargedSnapshot, Charging]:
    """Keep the organization's shape as it is until commit, and return what is known.

    The first thing in a transaction: one round trip when nothing has changed. Who opens
    the snapshot for the first time sees to it that it is filed by the present names.
    """
    if organization_id not in _books:
        refile_if_due(organization_id)
    with one_round_trip():
        hold_shared(organization_id)
        revision = revision_of(organization_id)
    return open_snapshot(organization_id, revision)


def revision_of(organization_id: int) -> int | None:
    """Return the number that rises with every change of prices, rates or budgets."""
    # Asked for every batch: the ORM would take five times as long.
    with cursor_that_prepares() as cursor:
        cursor.execute(_REVISION, [organization_id])
        found = cursor.fetchone()
    return found[0] if found else None


def forget() -> None:
    """Drop everything this process remembers."""
    _books.clear()
