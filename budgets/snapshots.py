"""What a process remembers of an organization: its prices, and whom they charge."""

from accounts.revisions import (
    Revision,
    RevisionPart,
    hold_revision,
    known_revision,
    open_revision,
)
from budgets.charging import ChargedSnapshot, Charging
from budgets.refiling import refile_if_due
from ledger.snapshot import Snapshot


def _charged(revision: Revision) -> tuple[ChargedSnapshot, Charging]:
    charging = Charging(revision.organization)
    return Snapshot(revision.organization, charging), charging


CHARGED = RevisionPart(_charged)


def open_snapshot(
    organization_id: int, number: int | None = None
) -> tuple[ChargedSnapshot, Charging]:
    """Return what is known of the organization as it is at this moment.

    As `accounts.revisions.open_revision`; more queries when prices, rates or budgets
    have changed.
    """
    return open_revision(organization_id, number).get(CHARGED)


def hold_snapshot(organization_id: int) -> tuple[ChargedSnapshot, Charging]:
    """Keep the organization's shape as it is until commit, and return what is known.

    The first thing in a transaction: one round trip when nothing has changed.
    """
    return hold_filed(organization_id).get(CHARGED)


def hold_filed(organization_id: int) -> Revision:
    """Do what `hold_snapshot` does, for whoever needs other parts of the revision.

    Who meets the organization for the first time sees to it that it is filed by the
    present names.
    """
    if known_revision(organization_id) is None:
        refile_if_due(organization_id)
    return hold_revision(organization_id)
