"""Posting journals: a month's accrual once, then what changed since, by differences."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from django.db import transaction

from accounts.locks import hold_shared
from accounts.models import Organization
from ledger.closed_months import month_after
from ledger.models import MonthLock
from ledger.months import MonthNotOver
from lib.errors import Conflict, FieldError
from lib.money import wire
from lib.periods import DAY
from reports.journals.amounts import (
    ZERO,
    PairKey,
    accrued,
    added,
    changed,
    rounding_of,
    unit_of,
)
from reports.journals.files import (
    JournalFile,
    PostedFacts,
    Side,
    digests_of,
    external_ids,
    files_of,
)
from reports.journals.mappings import AccountMapping, Accounts, Mappings
from reports.journals.setups import setup_of
from reports.journals.spend import MonthSpend, Unmapped, is_over, spend_of
from reports.journals.systems import (
    SYSTEMS,
    JournalSystem,
    Style,
    TooManyDecimals,
)
from reports.models import Journal, JournalKind, JournalLine, JournalSetup

_MOST_NAMED = 50  # of what has no account


class UnmappedSpend(Conflict):
    """Some of the month's spend has no account; `errors` names it."""

    code = "unmapped_spend"


class NothingToPost(Conflict):
    """The month has no amount that isn't posted already."""

    code = "nothing_to_post"


class AlreadyPosted(Conflict):
    """The month has its accrual: what changed since is a correction."""

    code = "already_posted"


class NotPosted(Conflict):
    """The month has no accrual that could be corrected."""

    code = "not_posted"


class MonthChanged(Conflict):
    """What would be posted is no longer what somebody saw."""

    code = "month_changed"


class FileChanged(Conflict):
    """A file would not be the one that was posted."""

    code = "file_changed"


@dataclass(frozen=True, slots=True)
class JournalDraft:
    """What would be posted of a month now."""

    facts: PostedFacts
    kind: JournalKind
    spend: MonthSpend
    mappings: list[list[dict[str, Any]]]  # as the journal keeps them
    cut_off: datetime

    @property
    def token(self) -> str:
        """Return what stands for what would be posted: whoever saw it posts that."""
        said = (self.facts.number, list(self.facts.amounts.items()))
        return sha256(repr(said).encode()).hexdigest()[:16]

    def require_accounts(self) -> None:
        """Refuse it where something has no account.

        Raises:
            UnmappedSpend: it names what, and how much it is.
        """
        missing = self.spend.unmapped
        if not missing:
            return
        currency = self.facts.style.currency
        total = wire(self.spend.left_out)
        raise UnmappedSpend(
            f"{total} {currency} of {self.facts.month:%Y-%m} has no account: "
            f"{missing[0].words}{_and_more(missing)}. Map it, or add a mapping of "
            "everything with an empty scope.",
            errors=tuple(_named(one, currency) for one in missing[:_MOST_NAMED]),
        )


def _and_more(missing: Sequence[Unmapped]) -> str:
    more = len(missing) - 1
    return f", and {more:,} more" if more else ""


def _named(one: Unmapped, currency: str) -> FieldError:
    attr = ", ".join(f"{name}={value}" for name, value in one.values) or "scope"
    detail = f"{one.words}: {wire(one.cost)} {currency} has no account."
    return FieldError(attr, "unmapped", detail)


def draft_of(
    organization: Organization,
    month: date,
    *,
    now: datetime,
    anew: bool = False,
    setup: JournalSetup | None = None,
) -> JournalDraft:
    """Return what would be posted of the month that begins on *month*: its accrual, or
    after that what changed since.

    Corrections keep to the accounts of the accrual, and ask today's mappings only for
    what had no account then; *anew*: all goes where today's mappings say.
    """
    setup = setup or setup_of(organization)
    posted = list(Journal.objects.filter(organization=organization).of_month(month))
    kept = posted[-1].mappings if posted and not anew else []
    mappings = kept if setup.mappings in kept else [*kept, setup.mappings]
    spend = spend_of(organization, month, [_read(one) for one in mappings])
    before = added(amounts_of(journal) for journal in posted)
    style = _style_of(setup, organization)
    if posted:
        style = replace(style, unit=Decimal(posted[0].style["unit"]))
    rounding = next((key.accounts for key in before if key.is_rounding), None)
    if rounding is None and spend.exact:
        rounding = rounding_of(setup.rounding_account, spend.exact)
    amounts = changed(accrued(spend.exact, style.unit, rounding), before)
    number = len(posted) + 1
    external_id, reversal_id = external_ids(organization.slug, month, number)
    dated_on, reversed_on = _dates_of(organization, month, number)
    facts = PostedFacts(
        slug=organization.slug,
        month=month,
        number=number,
        external_id=external_id,
        dated_on=dated_on,
        reversal_id=reversal_id,
        reversed_on=reversed_on,
        amounts=amounts,
        style=style,
    )
    kind = JournalKind.CORRECTION if posted else JournalKind.ACCRUAL
    return JournalDraft(facts, kind, spend, mappings, now)


def _dates_of(
    organization: Organization, month: date, number: int
) -> tuple[date, date]:
    """Return the day of a posting, and that of its reversal.

    The last day of the month and the first of the next; a correction of a month that
    is closed belongs to the first open one after it, and stands on its first day.
    """
    open_month = month
    if number > 1:
        locks = MonthLock.objects.standing().filter(organization=organization)
        closed = set(locks.values_list("month", flat=True))
        while open_month in closed:
            open_month = month_after(open_month)
    reversed_on = month_after(open_month)
    return reversed_on - DAY if open_month == month else open_month, reversed_on


def _read(stored: list[dict[str, Any]]) -> Mappings:
    return Mappings(
        AccountMapping.of(
            one["scope"],
            Accounts(
                one["expense_account"],
                one["liability_account"],
                one["cost_center"],
                one["department"],
                one["class"],
            ),
        )
        for one in stored
    )


_OF_STYLE = (
    *("date_order", "tax_rate", "subsidiary"),
    *("tracking_department", "tracking_cost_center", "tracking_class"),
)


def _style_of(setup: JournalSetup, organization: Organization) -> Style:
    said = {name: getattr(setup, name) for name in _OF_STYLE}
    unit = unit_of(organization.currency, setup.decimals)
    return Style(organization.currency, unit, **said)


def unmapped_of(
    organization: Organization, month: date, mappings: list[dict[str, Any]]
) -> list[Unmapped]:
    """Return what of a month has no account by *mappings*, as a setup keeps them."""
    return spend_of(organization, month, [_read(mappings)]).unmapped


@transaction.atomic
def post(
    organization: Organization,
    month: date,
    *,
    now: datetime,
    correct: bool = False,
    anew: bool = False,
    reason: str = "",
    seen: str | None = None,
) -> Journal:
    """Post the accrual of a month with its reversal; *correct*: what changed since.

    Of two at once the second finds what the first posted. *seen*, the `token` of a
    draft, has that posted or nothing.

    Raises:
        MonthChanged, MonthNotOver, AlreadyPosted, NotPosted, UnmappedSpend,
            NothingToPost: nothing is posted.
    """
    hold_shared(organization.pk)  # no month is closed meanwhile
    rows = JournalSetup.objects.filter(organization=organization)
    setup = rows.select_for_update().first()  # the mutex of an organization's journals
    if not is_over(organization, month, now):
        raise MonthNotOver(f"{month:%Y-%m} is not over in {organization.timezone} yet.")
    journals = Journal.objects.filter(organization=organization).of_month(month)
    if journals.exists() is not correct:
        raise _other_way(month, correct=correct)
    draft = draft_of(organization, month, now=now, anew=anew, setup=setup)
    draft.require_accounts()
    if not draft.facts.amounts:
        since = "nothing that changed since it was posted" if correct else "no amount"
        raise NothingToPost(f"{month:%Y-%m} has {since}.")
    if seen is not None and seen != draft.token:
        raise MonthChanged(
            f"{month:%Y-%m} has changed since it was shown, and nothing is posted."
        )
    return _kept(organization, draft, reason)


def _other_way(month: date, *, correct: bool) -> Conflict:
    if correct:
        return NotPosted(f"{month:%Y-%m} has no accrual to correct: post that first.")
    return AlreadyPosted(
        f"{month:%Y-%m} is posted. What changed since can be posted as a correction."
    )


def _kept(organization: Organization, draft: JournalDraft, reason: str) -> Journal:
    facts = draft.facts
    journal = Journal.objects.create(
        organization=organization,
        month=facts.month,
        number=facts.number,
        kind=draft.kind,
        external_id=facts.external_id,
        dated_on=facts.dated_on,
        reversal_id=facts.reversal_id,
        reversed_on=facts.reversed_on,
        currency=facts.style.currency,
        amount=sum(facts.amounts.values(), ZERO),
        total=draft.spend.total,
        unpriced=draft.spend.unpriced,
        cut_off=draft.cut_off,
        style={**asdict(facts.style), "unit": f"{facts.style.unit:f}"},
        mappings=draft.mappings,
        files={
            name: digests_of(files_of(facts, system))
            for name, system in SYSTEMS.items()
            if _takes(system, facts.style)
        },
        reason=reason,
    )
    JournalLine.objects.bulk_create(
        JournalLine(
            organization=organization,
            journal=journal,
            number=number,
            is_rounding=key.is_rounding,
            amount=amount,
            **key.accounts._asdict(),
        )
        for number, (key, amount) in enumerate(facts.amounts.items(), 1)
    )
    return journal


def _takes(system: JournalSystem, style: Style) -> bool:
    try:
        system.check(style)
    except TooManyDecimals:
        return False
    return True


def amounts_of(journal: Journal) -> dict[PairKey, Decimal]:
    """Return the amounts of a journal. One query, where its lines are not at hand."""
    return {
        PairKey(
            Accounts(
                line.expense_account,
                line.liability_account,
                line.cost_center,
                line.department,
                line.class_name,
            ),
            line.is_rounding,
        ): line.amount
        for line in sorted(journal.lines.all(), key=lambda one: one.number)
    }


def facts_of(journal: Journal) -> PostedFacts:
    """Return what the files of a journal are made of. A query for its lines."""
    return PostedFacts(
        slug=journal.organization.slug,
        month=journal.month,
        number=journal.number,
        external_id=journal.external_id,
        dated_on=journal.dated_on,
        reversal_id=journal.reversal_id,
        reversed_on=journal.reversed_on,
        amounts=amounts_of(journal),
        style=Style(**{**journal.style, "unit": Decimal(journal.style["unit"])}),
    )


def posted_files(
    journal: Journal, system: JournalSystem, side: Side = Side.BOTH
) -> list[JournalFile]:
    """Return the files of a journal, as they were when it was posted.

    Raises:
        FileChanged: they would not be the same, so there are none.
        TooManyDecimals: the system can't take them.
    """
    facts = facts_of(journal)
    whole = files_of(facts, system)
    if digests_of(whole) != journal.files.get(system.name):
        raise FileChanged(
            f"The file of {journal.external_id} for {system.title} would not be the "
            "one that was posted. Compare the copy you have, and ask for support."
        )
    return whole if side is Side.BOTH else files_of(facts, system, side)
