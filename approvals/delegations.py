"""Standing in: from when until when, up to which amount."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from accounts.audit import acting_as
from accounts.locks import hold_trail
from accounts.models import Organization, User
from approvals import trail
from approvals.errors import NotYourRequest
from approvals.models import Delegation
from approvals.people import members
from approvals.permissions import is_admin
from approvals.types import By
from approvals.voices import MOST_LINKS
from budgets.validation import sound_amount, sound_currency
from lib.errors import Conflict, Forbidden, Invalid
from lib.money import wire


@transaction.atomic
def delegate(
    organization: Organization,
    delegator: User,
    to: User,
    *,
    starts_at: datetime,
    ends_at: datetime,
    by: By,
    now: datetime,
    limit: Decimal | None = None,
    currency: str = "",
    reason: str = "",
) -> Delegation:
    """Have *to* stand in for *delegator*: for oneself, or by a finance admin.

    A limit binds along a chain: nobody passes on more than they have.

    Raises:
        Forbidden: *by* is neither *delegator* nor a finance admin.
        Invalid: a field is wrong, or people would stand in for each other in a circle.
    """
    _require(by, delegator, organization)
    _check(organization, delegator, to, starts_at, ends_at, now)
    if limit is not None:
        currency = sound_currency(currency or organization.currency, organization)
        if sound_amount(limit) <= 0:
            raise Invalid.field("limit", "Must be more than 0, or left out.")
    hold_trail(organization.pk)  # two at once could close a circle
    _refuse_circle(organization, delegator, to, starts_at, ends_at)
    made = Delegation(
        organization=organization,
        delegator=delegator,
        delegate=to,
        starts_at=starts_at,
        ends_at=ends_at,
        limit=limit,
        currency="" if limit is None else currency,
        reason=reason[:500],
    )
    with acting_as(by.name):
        made.save()
    trail.append(organization.pk, _note("delegation.made", made), by=by, now=now)
    return made


@transaction.atomic
def end(delegation: Delegation, *, by: By, now: datetime) -> Delegation:
    """End *delegation* early. What was decided by it stands.

    Raises:
        Forbidden: *by* is neither its delegator nor a finance admin.
        Conflict: it has ended.
    """
    _require(by, delegation.delegator, delegation.organization)
    running = Delegation.objects.filter(ended_at=None, ends_at__gt=now)
    if not running.filter(pk=delegation.pk).update(ended_at=now):
        raise Conflict("It has ended already.")
    delegation.refresh_from_db()
    with acting_as(by.name):
        delegation.save()
    note = _note("delegation.ended", delegation)
    trail.append(delegation.organization_id, note, by=by, now=now)
    return delegation


def _require(by: By, delegator: User, organization: Organization) -> None:
    if by.person is None:
        raise Forbidden("Only a person says who stands in for them.")
    if by.person.pk != delegator.pk and not is_admin(by.person, organization):
        raise NotYourRequest("Only they themselves, or a finance admin, may say this.")


def _check(
    organization: Organization,
    delegator: User,
    to: User,
    starts_at: datetime,
    ends_at: datetime,
    now: datetime,
) -> None:
    inside = members(organization)
    for attr, person in (("delegator", delegator), ("delegate", to)):
        if not inside.filter(pk=person.pk).exists():
            raise Invalid.field(attr, "There is no such person in the organization.")
    if delegator.pk == to.pk:
        raise Invalid.field("delegate", "Nobody stands in for themself.")
    if ends_at <= max(starts_at, now):
        raise Invalid.field("end_date", "Must be after the start, and to come.")


def _refuse_circle(
    organization: Organization,
    delegator: User,
    to: User,
    starts_at: datetime,
    ends_at: datetime,
) -> None:
    """Refuse what would make a circle, or too long a chain, at any of its moments."""
    rows = Delegation.objects.filter(
        organization=organization,
        ended_at=None,
        starts_at__lt=ends_at,
        ends_at__gt=starts_at,
    )
    pairs = list(rows.values_list("delegator_id", "delegate_id"))
    after = _reach(pairs, to.pk)
    if delegator.pk in after:
        raise Invalid.field(
            "delegate", f"{to} has {delegator} stand in, in the end.", code="cycle"
        )
    before = _reach([(two, one) for one, two in pairs], delegator.pk)
    if max(after.values()) + 1 + max(before.values()) > MOST_LINKS:
        raise Invalid.field(
            "delegate",
            f"At most {MOST_LINKS} people in a row stand in for one another.",
            code="too_long",
        )


def _reach(pairs: list[tuple[int, int]], start: int) -> dict[int, int]:
    """Return who is reached from *start* along *pairs*, by how many links at most."""
    found, newest, links = {start: 0}, {start}, 0
    while newest and links <= MOST_LINKS:
        links += 1
        newest = {two for one, two in pairs if one in newest}
        found |= dict.fromkeys(newest, links)
    return found


def _note(event: str, made: Delegation) -> trail.Note:
    details = {
        "delegation": str(made.uid),
        "delegator": made.delegator.email,
        "delegate": made.delegate.email,
        "starts_at": made.starts_at.isoformat(),
        "ends_at": made.ends_at.isoformat(),
        "limit": wire(made.limit),
        "currency": made.currency,
        "reason": made.reason,
    }
    return trail.Note(event, None, details)
