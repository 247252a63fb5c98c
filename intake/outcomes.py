"""Taking outcomes in: whose they are, and where they belong."""

from django.db import transaction

from accounts.types import Caller
from budgets.snapshots import hold_snapshot
from intake.services import parted
from ledger.outcomes import OutcomeKept, OutcomeReport, keep_outcome
from ledger.usage import Rejected
from lib.errors import Forbidden, Invalid


def take_outcome(report: OutcomeReport, *, caller: Caller) -> OutcomeKept:
    """Keep an outcome, once, for the budgets whose scopes it is in.

    Raises:
        Invalid: the organization is not named.
        Forbidden: it is another one's.
    """
    rejected: list[Rejected] = []
    found = parted([report.belonging()], rejected, caller)
    if rejected:
        (_, _, errors) = rejected[0]
        kind = Forbidden if errors[0].code == "forbidden" else Invalid
        raise kind(errors[0].detail, errors=errors)
    ((organization_id, _),) = found
    return _keep(organization_id, report)


@transaction.atomic
def _keep(organization_id: int, report: OutcomeReport) -> OutcomeKept:
    snapshot, _ = hold_snapshot(organization_id)
    (entry,) = snapshot.entries_for([report.belonging()])
    return keep_outcome(organization_id, report, entry.attribution_id)
