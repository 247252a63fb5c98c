"""Filing what is there anew, where names have come to mean something else.

`ledger.identity` says what a name means, and its REVISION rises when it says something
else. The attributions of an organization are filed under the names of one revision;
whoever opens its snapshot finds them filed by the present one: see `budgets.snapshots`.
"""

from collections.abc import Callable

from django.db import transaction
from django.db.models import F

from accounts.locks import hold_alone
from accounts.models import Organization
from budgets.backfill import start_backfill
from budgets.following import open_before
from budgets.models import Budget
from budgets.reservations.rehold import rehold
from budgets.rollup import roll_up
from ledger.filing import file_anew
from ledger.identity import REVISION


def refile_if_due(organization_id: int) -> None:
    """File an organization anew if that was done by an older map of names; one query
    where it was not. Call it before anything of the organization is locked."""
    due = Organization.objects.filter(
        pk=organization_id, identity_revision__lt=REVISION
    )
    if not due.exists():
        return
    with transaction.atomic():
        hold_alone(organization_id)
        if (organization := due.first()) is not None:  # nobody did so meanwhile
            refile(organization)


def refile_due() -> int:
    """File anew every organization that is due, and return how many were."""
    due = Organization.objects.filter(identity_revision__lt=REVISION)
    ids = list(due.order_by("pk").values_list("pk", flat=True))
    for organization_id in ids:
        refile_if_due(organization_id)
    return len(ids)


@transaction.atomic
def refile(organization: Organization, *, tell: Callable[[int], object] = int) -> int:
    """File attributions under what their words mean, and charge every budget by it.

    Returns how many attributions it moved; *tell* how many were looked at. Safe to
    repeat. After a long history a worker goes on charging, as after any change of the
    tree.
    """
    hold_alone(organization.pk)
    roll_up(organization.pk)  # by the coverage the deltas were made under
    moved = file_anew(organization, tell=tell)
    Organization.objects.filter(pk=organization.pk).update(
        identity_revision=REVISION, revision=F("revision") + 1
    )
    # All of them: their scopes are read by the same map.
    budgets = Budget.objects.filter(organization=organization)
    for template in budgets.templates().active().select_related("organization"):
        open_before(template, must_fit=False)
    start_backfill(organization, set(budgets.values_list("pk", flat=True)))
    rehold(organization)
    return moved
