"""What became of reported usage, and of repricings, as the API answers it."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from intake.booking import booked_in
from intake.repricing import RepricingOutcome as Repriced
from intake.repricing import body_of
from ledger.models import Repricing
from ledger.types import Difference, Settled, UsageOutcome
from ledger.usage import Usage, is_rounded
from lib.answers import FieldProblemOut, Moment, Money, Out, note
from lib.money import wire


class DifferenceOut(Out, frozen=True):
    """What a record says otherwise than the decision it settles."""

    field: str
    asked: Annotated[Any, note("Null: the decision left it open.")]
    sent: Any


class SettledOut(Out, frozen=True):
    """What became of the authorization or lease that a record names."""

    id: str
    known: bool
    reserved: Annotated[Money | None, note("Null: it was drawn from a lease.")]
    over: Annotated[Money, note("What it cost more than was set aside.")]
    differs: Annotated[
        list[DifferenceOut],
        note(
            "What the record says otherwise than the decision, whose dimensions "
            "stand; neither what it leaves out nor another spelling of the same."
        ),
    ]
    without_leave: Annotated[
        bool, note("Another model was used than the decision allowed.")
    ]


class UsageReceiptOut(Out, frozen=True):
    """What became of one usage record."""

    status: Literal["success"]
    id: str
    usage_id: str
    cost: Annotated[Money | None, note("Null: no price is known.")]
    currency: str
    priced: bool
    duplicate: bool
    conflict: Annotated[
        bool | UnsetType, note("A repeat with other content: the first stands.")
    ] = UNSET
    duplicate_of: Annotated[
        str | UnsetType, note("The usage that the same response is booked for.")
    ] = UNSET
    booked_in: Annotated[
        str | UnsetType,
        note("The month it counts in: another than its own if that was closed."),
    ] = UNSET
    cost_rounded: Annotated[
        bool | UnsetType,
        note(
            "The reported cost was rounded, half to even, to ten decimals; what "
            "was sent stands in the metadata as `cost_sent`."
        ),
    ] = UNSET
    authorization: SettledOut | UnsetType = UNSET
    unpriced_kinds: Annotated[
        list[str] | UnsetType,
        note("Kinds for want of whose price none of it has one."),
    ] = UNSET
    assumed_kinds: Annotated[
        list[str] | UnsetType,
        note("Kinds whose price stands in for one of their own."),
    ] = UNSET
    ignored: Annotated[
        list[str] | UnsetType, note("Fields that mean nothing here.")
    ] = UNSET
    corrected: Annotated[
        bool | UnsetType,
        note("Of a correction: false if it has this content already."),
    ] = UNSET
    detail: Annotated[str | UnsetType, note("Of a correction of nothing.")] = UNSET


class RejectedOut(Out, frozen=True):
    """A record of a batch that was not booked, by its place in the batch."""

    index: int
    id: str | None
    errors: list[FieldProblemOut]


class ConflictingOut(Out, frozen=True):
    """A record of a batch, by its place in the batch."""

    index: int
    id: str


class RepeatedResponseOut(Out, frozen=True):
    """A record whose response is booked for another usage already."""

    index: int
    id: str
    duplicate_of: str


class UnpricedRecordOut(Out, frozen=True):
    """A record that no price is known for, and for want of which kinds."""

    index: int
    id: str
    unpriced_kinds: list[str]
    assumed_kinds: list[str] | UnsetType = UNSET


class BookedElsewhereOut(Out, frozen=True):
    """A record that counts in another month than its own, which was closed."""

    index: int
    id: str
    booked_in: Annotated[str, note("Such as 2025-02.")]


class IgnoredFieldsOut(Out, frozen=True):
    """Fields of a record that mean nothing here."""

    index: int
    id: str
    fields: list[str]


class SettledPlaceOut(Out, frozen=True):
    """What became of what a record of a batch settles, by its place in the batch."""

    index: int
    authorization: SettledOut


class BatchReceiptOut(Out, frozen=True):
    """What became of a batch."""

    status: Literal["success"]
    accepted: int
    duplicates: int
    rejected: list[RejectedOut]
    conflicts: Annotated[
        list[ConflictingOut], note("Duplicates with other content: the first stands.")
    ]
    repeated_responses: Annotated[
        list[RepeatedResponseOut],
        note("Duplicates whose id is new, and whose response is booked for another."),
    ]
    rounded: Annotated[
        list[ConflictingOut],
        note("Whose reported costs were rounded to ten decimals."),
    ]
    unpriced: list[UnpricedRecordOut]
    ignored: list[IgnoredFieldsOut]
    unsettled: Annotated[
        list[SettledPlaceOut],
        note("Whose authorization is unknown, or was not enough."),
    ]
    differing: Annotated[
        list[SettledPlaceOut],
        note("Which say otherwise than their decisions, or had no leave."),
    ]
    booked_in: Annotated[
        list[BookedElsewhereOut],
        note("Which count in another month than their own, for that was closed."),
    ]
    total_cost: Annotated[
        Money | None, note("Of the accepted ones. Null: in several currencies.")
    ]
    currency: str | None
    processing_time_ms: float
    total_costs: Annotated[
        dict[str, Money] | UnsetType,
        note("By currency, where the batch has several."),
    ] = UNSET


class RepricedPeriodOut(Out, frozen=True):
    """What a repricing changes in one budget period."""

    budget: Annotated[str, note("Its id.")]
    name: str
    currency: str
    period_start: Moment
    period_end: Annotated[Moment, note("Exclusive.")]
    old: Money
    new: Money
    difference: Money


class RepricingOut(Out, frozen=True):
    """One audited correction of what usage was charged at."""

    id: int
    organization_id: str
    reason: str
    actor: str
    filters: dict[str, Any]
    records: Annotated[int, note("How many were corrected.")]
    difference: Money
    currency: str
    undoes: Annotated[int | None, note("The id of the one that it takes back.")]
    created_at: Moment


class RepricingResultOut(Out, frozen=True):
    """What a repricing changed, or would change."""

    id: Annotated[int | None, note("Null: nothing was corrected.")]
    dry_run: bool
    organization_id: str
    filters: dict[str, Any]
    currency: str
    records: int
    newly_priced: int
    still_unpriced: int
    old: Money
    new: Money
    difference: Money
    budgets: list[RepricedPeriodOut]


def receipt_out(
    record: Usage,
    outcome: UsageOutcome,
    currency: str,
    *,
    corrected: bool | None = None,
) -> UsageReceiptOut:
    """Tell what became of one record; of a correction, whether it was one."""
    marks = outcome.marks
    return UsageReceiptOut(
        status="success",
        id=record.id,
        usage_id=record.id,
        cost=wire(outcome.cost),
        currency=currency,
        priced=outcome.cost is not None,
        duplicate=outcome.duplicate,
        conflict=outcome.conflict if outcome.duplicate else UNSET,
        duplicate_of=UNSET if outcome.duplicate_of is None else outcome.duplicate_of,
        booked_in=booked_in(record, outcome),
        cost_rounded=is_rounded(record) or UNSET,
        authorization=settled_out(outcome.settled) if outcome.settled else UNSET,
        unpriced_kinds=words_out(marks and marks.unpriced),
        assumed_kinds=words_out(marks and marks.assumed),
        ignored=words_out(record.ignored),
        corrected=UNSET if corrected is None else corrected,
        detail=_NOTHING if corrected is False else UNSET,
    )


_NOTHING = "It counts with this content already: nothing to correct."


def words_out(words: tuple[str, ...] | None) -> list[str] | UnsetType:
    """Return words where there are any."""
    return list(words) if words else UNSET


def settled_out(settled: Settled) -> SettledOut:
    """Tell what became of an authorization: unknown, or what it cost beyond, and what
    the record says otherwise than the decision, whose dimensions stand."""
    said = settled.said
    return SettledOut(
        id=settled.authorization_id,
        known=settled.known,
        reserved=wire(settled.reserved),
        over=wire(settled.over),
        differs=[_difference_out(one) for one in said.differs] if said else [],
        without_leave=said is not None and said.without_leave,
    )


def _difference_out(one: Difference) -> DifferenceOut:
    return DifferenceOut(one.field, one.asked, one.sent)


def repricing_out(repricing: Repricing) -> RepricingOut:
    organization = repricing.organization
    return RepricingOut(
        id=repricing.pk,
        organization_id=organization.slug,
        reason=repricing.reason,
        actor=repricing.actor,
        filters=repricing.filters,
        records=repricing.records,
        difference=wire(repricing.difference),
        currency=organization.currency,
        undoes=repricing.undoes_id,
        created_at=repricing.created_at,
    )


def result_out(outcome: Repriced, *, dry_run: bool) -> RepricingResultOut:
    """Return what a repricing changed, or would change. Two queries."""
    booked = outcome.repricing
    body = {**body_of(outcome), "id": booked and booked.pk, "dry_run": dry_run}
    return msgspec.convert(body, RepricingResultOut)
