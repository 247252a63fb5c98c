"""What a process remembers of an organization: its prices, and whom they charge."""

from collections.abc import Sequence

from accounts.revisions import (
    Revision,
    RevisionPart,
    hold_revision,
    known_revision,
    open_revision,
)
from budgets.charging import ChargedSnapshot, Charging
from budgets.opening import Opening
from budgets.refiling import refile_if_due
from ledger.snapshot import Snapshot
from ledger.usage import Usage, tag_senders


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


def hold_snapshot(
    organization_id: int, *, opens: bool = False
) -> tuple[ChargedSnapshot, Charging]:
    """Keep the organization's shape as it is until commit, and return what is known.

    The first thing in a transaction: one round trip when nothing has changed. What is
    known of the budgets that templates make may be a part: then looking for the rest
    raises NotOpened, but for a snapshot that *opens* them, one transaction at a time.
    """
    revision = hold_filed(organization_id, opens=opens)
    return opening(revision) if opens else revision.get(CHARGED)


def opening(revision: Revision) -> tuple[ChargedSnapshot, Charging]:
    """Return what is known, for a transaction that was begun to open budgets."""
    snapshot, charging = revision.get(CHARGED)
    opens = Opening(charging)
    return snapshot.charged_by(opens), opens


def lacks_budgets(organization_id: int, usage: Sequence[Usage]) -> bool:
    """Tell whether, by all that this process knows, templates make budgets for *usage*
    that are not there yet. No query."""
    revision = known_revision(organization_id)
    known = None if revision is None else revision.known(CHARGED)
    if known is None or not known[1].index.templates:
        return False
    snapshot, charging = known
    if charging.index.counts_by_key:
        tag_senders(usage)
    return bool(charging.new_values(snapshot.unknown(usage)))


def hold_filed(organization_id: int, *, opens: bool = False) -> Revision:
    """Do what `hold_snapshot` does, for whoever needs other parts of the revision.

    Who meets the organization for the first time sees to it that it is filed by the
    present names.
    """
    if known_revision(organization_id) is None:
        refile_if_due(organization_id)
    return hold_revision(organization_id, opens=opens)
