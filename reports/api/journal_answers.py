"""Journals, and what they are made by, as the API answers them."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from accounts.models import Organization
from lib.answers import Moment, Money, Out, choices, note
from lib.money import wire
from reports.journals.mappings import FIELDS
from reports.journals.services import JournalDraft
from reports.journals.spend import is_over
from reports.journals.systems import SYSTEMS
from reports.models import DateOrder, Journal, JournalKind, JournalSetup

Day = date


class JournalMappingOut(Out, frozen=True, rename={"class_name": "class"}):
    """The accounts that costs of a scope go to; of several the most specific holds."""

    scope: Annotated[dict[str, Any], note("As a budget's; empty: everything.")]
    expense_account: Annotated[str, note("What is debited.")]
    liability_account: Annotated[str, note("What is credited.")]
    cost_center: str
    department: str
    class_name: str


class JournalSettingsOut(Out, frozen=True):
    """How the files of journals are written."""

    rounding_account: Annotated[
        str, note("Gets what rounding leaves; empty: where the dearest amount goes.")
    ]
    decimals: Annotated[int | None, note("Null: as many as the currency has.")]
    date_order: Annotated[
        str,
        choices(DateOrder.values),
        note("Of days in files for NetSuite and QuickBooks."),
    ]
    subsidiary: Annotated[str, note("In NetSuite.")]
    tax_rate: Annotated[str, note("In Xero: its full name.")]
    tracking_department: Annotated[str, note("Xero's category; empty: not tracked.")]
    tracking_cost_center: str
    tracking_class: str


class JournalFileOut(Out, frozen=True):
    """A file, and what its bytes have to be."""

    name: str
    sha256: str


class JournalOut(Out, frozen=True):
    """One posting of a month: its accrual or a correction, and its reversal."""

    external_id: str
    month: Annotated[str, note("Such as 2025-01, in the organization's time zone.")]
    posting: Annotated[int, note("1 is the accrual, those after it are corrections.")]
    kind: Annotated[str, choices(JournalKind.values)]
    date: Day
    reversal_id: str
    reversal_date: Day
    currency: str
    amount: Annotated[Money, note("What is posted, in whole cents.")]
    month_total: Annotated[Money, note("What the ledger had for the month, exactly.")]
    unpriced_requests: Annotated[int, note("Not in it, for want of a price.")]
    cut_off: Annotated[Moment, note("What was booked later is not in it.")]
    reason: str
    posted_by: str
    posted_at: Moment
    files: Annotated[
        dict[str, list[JournalFileOut]], note("By system, those that can take it.")
    ]


class JournalLineOut(Out, frozen=True, rename={"class_name": "class"}):
    """One amount: debited to an expense, credited to a liability."""

    expense_account: str
    liability_account: str
    cost_center: str
    department: str
    class_name: str
    rounding: Annotated[bool, note("It is what rounding leaves of the total.")]
    amount: Annotated[Money, note("Negative: credited and debited.")]


class UnmappedSpendOut(Out, frozen=True):
    """Spend that has no account."""

    dimensions: dict[str, str]
    cost: Money


class JournalPreviewOut(Out, frozen=True):
    """What would be posted of a month now."""

    external_id: str
    month: str
    posting: int
    kind: Annotated[str, choices(JournalKind.values)]
    date: Day
    reversal_date: Day
    currency: str
    month_over: Annotated[bool, note("Only then can it be posted.")]
    amount: Money
    month_total: Annotated[Money, note("What is mapped, exactly.")]
    unpriced_requests: int
    cut_off: Moment
    lines: list[JournalLineOut]
    unmapped: Annotated[
        list[UnmappedSpendOut], note("While there is any, nothing can be posted.")
    ]
    unmapped_total: Money
    warnings: Annotated[dict[str, list[str]], note("By system.")]


class JournalManifestFileOut(Out, frozen=True):
    """One file of an export, and its totals."""

    name: str
    part: int
    rows: Annotated[int, note("The heading aside.")]
    debits: Money
    credits: Money
    sha256: str


class JournalEntryOut(Out, frozen=True):
    """One journal in a file; one that was cut is several."""

    external_id: str
    date: Day
    memo: str
    rows: int
    debits: Money


class JournalManifestOut(Out, frozen=True):
    """What to hold an import against."""

    organization_id: str
    month: str
    posting: int
    state: Annotated[str, choices(["posted", "preview"])]
    system: Annotated[str, choices(SYSTEMS)]
    currency: str
    cut_off: Moment
    unpriced_requests: int
    rows: int
    debits: Money
    credits: Money
    files: list[JournalManifestFileOut]
    journals: list[JournalEntryOut]
    warnings: list[str]


def mappings_out(setup: JournalSetup) -> list[JournalMappingOut]:
    return [
        JournalMappingOut(one["scope"], *(one[name] for name in FIELDS))
        for one in setup.mappings
    ]


def settings_out(setup: JournalSetup) -> JournalSettingsOut:
    names = JournalSettingsOut.__struct_fields__
    return JournalSettingsOut(**{name: getattr(setup, name) for name in names})


def journal_out(journal: Journal) -> JournalOut:
    return JournalOut(
        external_id=journal.external_id,
        month=f"{journal.month:%Y-%m}",
        posting=journal.number,
        kind=journal.kind,
        date=journal.dated_on,
        reversal_id=journal.reversal_id,
        reversal_date=journal.reversed_on,
        currency=journal.currency,
        amount=wire(journal.amount),
        month_total=wire(journal.total),
        unpriced_requests=journal.unpriced,
        cut_off=journal.cut_off,
        reason=journal.reason,
        posted_by=journal.posted_by,
        posted_at=journal.posted_at,
        files={
            system: [JournalFileOut(**one) for one in files]
            for system, files in journal.files.items()
        },
    )


def preview_out(organization: Organization, draft: JournalDraft) -> JournalPreviewOut:
    facts, spend = draft.facts, draft.spend
    accounts = sorted({name for key in facts.amounts for name in key.accounts[:2]})
    return JournalPreviewOut(
        external_id=facts.external_id,
        month=f"{facts.month:%Y-%m}",
        posting=facts.number,
        kind=draft.kind,
        date=facts.dated_on,
        reversal_date=facts.reversed_on,
        currency=facts.style.currency,
        month_over=is_over(organization, facts.month, draft.cut_off),
        amount=wire(sum(facts.amounts.values(), Decimal(0))),
        month_total=wire(spend.total),
        unpriced_requests=spend.unpriced,
        cut_off=draft.cut_off,
        lines=[
            JournalLineOut(*key.accounts, key.is_rounding, wire(amount))
            for key, amount in facts.amounts.items()
        ],
        unmapped=[
            UnmappedSpendOut(dict(one.values), wire(one.cost)) for one in spend.unmapped
        ],
        unmapped_total=wire(spend.left_out),
        warnings=_warnings(accounts),
    )


def _warnings(accounts: Sequence[str]) -> dict[str, list[str]]:
    told = {name: one.warnings(accounts) for name, one in SYSTEMS.items()}
    return {name: found for name, found in told.items() if found}
