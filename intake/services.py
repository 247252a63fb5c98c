"""Taking usage from a caller: whose it is, what is turned down, what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.db import transaction

from accounts.access import organizations_of
from accounts.models import Organization
from accounts.organizations import organization_for
from accounts.types import Caller
from intake.grouping import take_together
from intake.pipeline import take
from ledger.models.fixed_charges import USAGE_IDS
from ledger.types import UsageOutcome
from ledger.usage import Rejected, Usage
from lib.errors import FieldError, Invalid, Refusal
from lib.memories import Memory

SMALL = 500  # records: up to here a request shares a transaction with others
_NO_MEMBER = FieldError(
    "organization_id", "forbidden", "This key's person is not in this organization."
)
_NAMELESS = FieldError(
    "organization_id", "required", "A platform key must name the organization."
)
_RESERVED = FieldError(
    "id", "invalid", f"Ids that begin with “{USAGE_IDS}” are those of fixed charges."
)

# By slug: id and currency, for platform keys.
_known: Memory[str, tuple[int, str]] = Memory(most=10_000)


@dataclass(slots=True)
class Receipt:
    """What became of a batch; `totals` by currency are of what was accepted."""

    outcomes: dict[int, UsageOutcome]  # by the record's place in the batch
    rejected: list[Rejected]
    totals: dict[str, Decimal] = field(default_factory=dict)

    @property
    def accepted(self) -> int:
        return sum(not outcome.duplicate for outcome in self.outcomes.values())

    @property
    def duplicates(self) -> int:
        return len(self.outcomes) - self.accepted


class BatchRefused(Invalid):
    """An atomic batch had bad records, so none of it was taken."""

    code = "batch_rejected"

    def __init__(self, rejected: list[Rejected]) -> None:
        errors = tuple(
            FieldError(f"[{index}].{error.attr}", error.code, error.detail)
            for index, _, found in rejected
            for error in found
        )
        count = len(rejected)
        super().__init__(
            f"{count} {'record is' if count == 1 else 'records are'} wrong, "
            "so nothing was taken.",
            errors=errors,
        )


def receive(
    records: Sequence[Usage | None],
    rejected: list[Rejected],
    *,
    caller: Caller,
    atomic: bool = False,
) -> Receipt:
    """Book the *records* that are not None, each in its organization.

    Good records are taken whatever the others are, one transaction an organization;
    with *atomic* all or none are, in one.

    Raises:
        BatchRefused: *atomic*, and a record is bad.
    """
    by_organization = parted(records, rejected, caller)
    rejected.sort(key=lambda bad: bad[0])
    receipt = Receipt({}, rejected)
    if not atomic:
        for (organization_id, currency), places in by_organization.items():
            _take(receipt, organization_id, currency, places, records)
        return receipt
    if rejected:
        raise BatchRefused(rejected)
    with transaction.atomic():
        # In one order for every caller, for each takes the organization's lock.
        for (organization_id, currency), places in sorted(by_organization.items()):
            _take(receipt, organization_id, currency, places, records)
    return receipt


def _take(
    receipt: Receipt,
    organization_id: int,
    currency: str,
    places: list[int],
    records: Sequence[Usage | None],
) -> None:
    usage = [one for place in places if (one := records[place]) is not None]
    shared = len(usage) <= SMALL and not transaction.get_connection().in_atomic_block
    outcomes = (take_together if shared else take)(organization_id, usage)
    total = receipt.totals.get(currency, Decimal(0))
    for place, outcome in zip(places, outcomes, strict=True):
        receipt.outcomes[place] = outcome
        if outcome.cost is not None and not outcome.duplicate:
            total += outcome.cost
    receipt.totals[currency] = total


def parted(
    records: Sequence[Usage | None], rejected: list[Rejected], caller: Caller
) -> dict[tuple[int, str], list[int]]:
    """Return the places of the records of each (organization id, currency).

    Each organization is looked up once, however many records name it.
    """
    parted: dict[tuple[int, str], list[int]] = {}
    for slug, named in _by_slug(records, rejected, caller).items():
        try:
            parted[_organization(slug)] = list(named)
        except Refusal as refusal:
            rejected += [(place, id_, refusal.errors) for place, id_ in named.items()]
    return parted


def _by_slug(
    records: Sequence[Usage | None], rejected: list[Rejected], caller: Caller
) -> dict[str, dict[int, str | None]]:
    """Return places and ids of the records of each organization *caller* may name."""
    own, mine = caller.organization_slug, _slugs_of(caller)
    found: dict[str, dict[int, str | None]] = {}
    for place, record in enumerate(records):
        if record is None:
            continue
        named = record.organization_id
        if own is not None and named not in {None, "", own}:
            why = FieldError("organization_id", "forbidden", caller.why_no_other)
            rejected.append((place, record.id, (why,)))
        elif not (slug := own or named):
            rejected.append((place, record.id, (_NAMELESS,)))
        elif mine is not None and slug not in mine:
            rejected.append((place, record.id, (_NO_MEMBER,)))
        elif record.id.startswith(USAGE_IDS):
            rejected.append((place, record.id, (_RESERVED,)))
        else:
            record.sent_by = caller.key_prefix
            found.setdefault(slug, {})[place] = record.id
    return found


def _slugs_of(caller: Caller) -> frozenset[str] | None:
    """Return the organizations of a person whose key is good for several; None: the
    key is not a person's, or belongs to one organization.
    """
    if caller.user_id is None or caller.organization_id is not None:
        return None
    return frozenset(organizations_of(caller).values_list("slug", flat=True))


def _organization(slug: str) -> tuple[int, str]:
    known = _known.get(slug)
    if known is None:
        organization: Organization = organization_for(slug)
        known = organization.pk, organization.currency
        if not transaction.get_connection().in_atomic_block:
            _known.remember(slug, known)
    return known
