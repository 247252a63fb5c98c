"""Chargeback as it stands, frozen, and by which shares."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import transaction
from django.db.models import QuerySet

from accounts.audit import MOST_REASON, TOO_LONG, giving
from accounts.locks import hold_alone
from accounts.models import Organization
from lib.errors import Invalid
from lib.texts import NO_ODD, ODD
from reports.chargeback.allocation import AllocationKey, allocate
from reports.chargeback.figures import (
    ChargebackFigures,
    digest_of,
    figures_of,
    written,
)
from reports.chargeback.reading import used_in
from reports.models import AllocationShare, ChargebackStatement
from reports.models.chargeback import LONGEST_NAME

MOST_SHARES = 5_000  # units of one organization and kind


@dataclass(frozen=True, slots=True)
class Given:
    """What somebody sets of one unit; None: nothing."""

    name: str
    share: Decimal | None = None  # 0 to 1
    heads: int | None = None


def charged_back(
    organization: Organization, month: date, by: str, key: AllocationKey
) -> ChargebackFigures:
    """Return a month's chargeback as it is now. Two queries."""
    used = used_in(organization, month, by)
    return figures_of(
        allocate(used.units, used.shared, key),
        organization=(organization.slug, organization.name),
        currency=organization.currency,
        month=month,
        by=by,
        key=key,
        requests=used.requests,
    )


def statements_of(
    organization: Organization, month: date | None = None
) -> QuerySet[ChargebackStatement]:
    """Return what was frozen, the newest first."""
    found = ChargebackStatement.objects.filter(organization=organization)
    found = found if month is None else found.filter(month=month)
    return found.select_related("organization", "replaces", "replaced_by")


def last_statement(
    organization: Organization, month: date, by: str, key: AllocationKey
) -> ChargebackStatement | None:
    """Return what holds of a month; None: nothing was frozen."""
    rows = statements_of(organization, month).filter(by=by, key=key.value)
    return rows.order_by("-revision").first()


@transaction.atomic
def freeze(
    organization: Organization, month: date, by: str, key: AllocationKey, *, reason: str
) -> tuple[ChargebackStatement, bool]:
    """Keep a month's chargeback as it is now, while nobody books.

    Returns what is kept, and whether it is new: where nothing has changed since the
    last one, that holds. A new one replaces it, and says so.

    Raises:
        Invalid: a later one has no reason, or one that is too long.
    """
    hold_alone(organization.pk)
    text = written(charged_back(organization, month, by, key))
    digest = digest_of(text)
    last = last_statement(organization, month, by, key)
    if last is not None and last.sha256 == digest:
        return last, False
    why = _reason(reason)
    if last is not None and not why:
        detail = "Say why it is made again: figures are not those of the last one."
        raise Invalid.field("reason", detail, code="required")
    made = ChargebackStatement.objects.create(
        organization=organization,
        month=month,
        by=by,
        key=key.value,
        revision=last.revision + 1 if last else 1,
        figures=text,
        sha256=digest,
        replaces=last,
        reason=why,
    )
    made.refresh_from_db(fields=["made_at"])
    return made, True


def shares_of(organization: Organization, by: str) -> QuerySet[AllocationShare]:
    return AllocationShare.objects.filter(organization=organization, by=by)


@transaction.atomic
def set_shares(
    organization: Organization, by: str, given: Iterable[Given], *, reason: str = ""
) -> None:
    """Have shared costs allocated by these, and by no others. History keeps all.

    Raises:
        Invalid: a name comes twice or is none, or shares come to more than 1.
    """
    wanted = {one.name: one for one in _checked(list(given))}
    hold_alone(organization.pk)
    with giving(reason):
        for row in shares_of(organization, by).order_by("name"):
            one = wanted.pop(row.name, None)
            if one is None:
                row.delete()
            elif (row.share, row.heads) != (one.share, one.heads):
                row.share, row.heads = one.share, one.heads
                row.save()
        for one in sorted(wanted.values(), key=lambda one: one.name):
            AllocationShare.objects.create(
                organization=organization,
                by=by,
                name=one.name,
                share=one.share,
                heads=one.heads,
            )


def _checked(given: list[Given]) -> list[Given]:
    if len(given) > MOST_SHARES:
        raise Invalid.field("shares", f"At most {MOST_SHARES:,} at once.")
    names = [one.name for one in given]
    for place, name in enumerate(names):
        attr = f"shares.{place}.name"
        if not name or len(name) > LONGEST_NAME:
            raise Invalid.field(attr, f"A name of 1 to {LONGEST_NAME} characters.")
        if ODD.search(name):
            raise Invalid.field(attr, NO_ODD)
        if name in names[:place]:
            raise Invalid.field(attr, f"“{name}” comes twice.")
    if sum((one.share or Decimal(0) for one in given), Decimal(0)) > 1:
        raise Invalid.field("shares", "Shares come to more than 1, which is all.")
    return given


def differences(organization: Organization) -> Iterator[str]:
    """Yield, in sentences, which statements were changed after they were frozen."""
    for row in statements_of(organization).iterator(chunk_size=500):
        if digest_of(row.figures) != row.sha256:
            yield f"The chargeback statement {row} was changed after it was frozen."


def _reason(text: str) -> str:
    why = text.strip()
    if len(why) > MOST_REASON:
        raise Invalid.field("reason", TOO_LONG)
    if ODD.search(why):
        raise Invalid.field("reason", NO_ODD)
    return why
