"""Plain values that cross the edge of the ledger."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Generic, NamedTuple, Protocol, TypeVar
from uuid import UUID

from ledger.identity import identify, person_named
from ledger.tariffs import Tariff

OPEN_START = datetime(1900, 1, 1, tzinfo=UTC)  # of a price that always was
OPEN_END = datetime(2200, 1, 1, tzinfo=UTC)
LISTED_IN = "USD"  # the bundled catalogue's only currency
LIST_PRICE_TIERS = frozenset({"", "default", "standard", "auto", "on_demand"})


class Dimensions(NamedTuple):
    """What a cost belongs to, each under its one name; "" where it was not given."""

    department: str
    team: str
    project: str
    environment: str
    user: str
    provider: str
    model: str
    model_version: str  # "": the name did not say
    sent_model: str  # as it came: prices are found by it


class Sent(NamedTuple):
    """What a cost belongs to in its sender's words; "" where it was not given."""

    department: str
    team: str
    project: str
    environment: str
    user: str
    provider: str
    model: str

    def filed(self) -> Dimensions:
        """Return what it is filed under: what these words mean."""
        meant = identify(self.provider, self.model)
        return Dimensions(
            *self[:4],
            user=person_named(self.user),
            provider=meant.provider,
            model=meant.model,
            model_version=meant.version,
            sent_model=self.model,
        )


Tags = list[str] | dict[str, str]


@dataclass(frozen=True, slots=True)
class Rate:
    """1 of the one currency = `rate` of the other, as known on `date`."""

    rate: Decimal
    date: date


ChargesT = TypeVar("ChargesT")  # whom an attribution charges, and when
TargetT = TypeVar("TargetT")  # what is charged at one moment
DueT = TypeVar("DueT")  # what the totals of a batch charge


@dataclass(frozen=True, slots=True)
class Cut(Generic[TargetT]):
    """A stretch of time around a moment in which the same targets are charged.

    `currencies` are the foreign ones that they need amounts in.
    """

    start: datetime
    end: datetime
    targets: tuple[TargetT, ...] = ()
    currencies: tuple[str, ...] = ()


class Charger(Protocol[ChargesT, TargetT]):
    """Knows who is charged for an attribution: budgets, as the ledger sees them."""

    def meet(self, attributions: Iterable[tuple[Dimensions, Tags]]) -> None:
        """See to it that all are known whom *attributions* charge; may raise."""

    def charges_of(self, dimensions: Dimensions, tags: Tags) -> ChargesT:
        """Return whom an attribution charges, and when."""

    def cut(self, charges: ChargesT, at: datetime) -> Cut[TargetT]:
        """Return what is charged at a moment, and for how long around it."""

    def cover(self, attribution_ids: Mapping[int, ChargesT]) -> None:
        """Keep whom new attributions charge."""


@dataclass(slots=True, eq=False)
class ChargedSpan(Generic[TargetT]):
    """A stretch of time in which pricing and charging of one attribution stay the same.

    `rate` turns the tariff's currency into the organization's: None when they are the
    same, and `tariff` is None when no price or no rate is known. What is used in it is
    booked, and charges whom it charges, at `booked_at` if that is given: its month is
    closed.
    """

    attribution_id: int
    start: datetime
    end: datetime
    tariff: Tariff | None
    rate: Decimal | None
    targets: tuple[TargetT, ...]
    # Foreign ones of budgets, with rates; and what budgets count instead: no rate.
    currencies: tuple[tuple[str, Decimal | None], ...]
    booked_at: datetime | None = None
    paid_by: int | None = None  # the fixed charge that pays for what is used in it

    @property
    def charged_at(self) -> datetime:
        """When what it adds up to counts, for days and hours."""
        return self.booked_at or self.start

    def times_of(self, used_at: datetime) -> tuple[datetime, datetime | None]:
        """Return when what was used at *used_at* is booked, and that moment itself
        where it is another one."""
        if self.booked_at is None:
            return used_at, None
        return self.booked_at, used_at


@dataclass(slots=True)
class Totals:
    """What one batch adds to a span; costs in units of 10^-10."""

    requests: int = 0
    unpriced: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost: int = 0
    converted: list[int] = field(default_factory=list)  # beside ChargedSpan.currencies


@dataclass(slots=True)
class RunTotals:
    """What one batch adds to a run; costs in units of 10^-10."""

    cost: int = 0
    requests: int = 0
    last_at: datetime | None = None  # of its usage; None: nothing was used

    def add(self, cost: int | None, requests: int, at: datetime | None = None) -> None:
        """Count a row; *at* is when something was used by it."""
        self.cost += cost or 0
        self.requests += requests
        if at is not None and (self.last_at is None or at > self.last_at):
            self.last_at = at


RunSums = dict[str, RunTotals]  # by run


def count_in_run(
    runs: RunSums,
    run_id: str | None,
    cost: int | None,
    requests: int,
    at: datetime | None = None,
) -> None:
    """Count a row in what its run adds up to, if it is of one."""
    if run_id:
        runs.setdefault(run_id, RunTotals()).add(cost, requests, at)


class Named(NamedTuple):
    """That a record just booked names what was set aside for it."""

    usage_id: str
    authorization_id: str
    cost: int | None  # in units of 10^-10; None: no price is known


class Difference(NamedTuple):
    """What a record says otherwise than the decision it settles; None: it was open."""

    field: str  # as usage records have it
    asked: object
    sent: object


class Said(NamedTuple):
    """How what a record says compares with what it was given leave for."""

    reservation: UUID
    differs: tuple[Difference, ...] = ()
    without_leave: bool = False  # another model was used than was allowed

    @property
    def stored(self) -> dict[str, object] | None:
        """Return what is kept beside the record; None: it says nothing else."""
        if not self.differs:
            return None
        differs = [one._asdict() for one in self.differs]
        return {"differs": differs, "without_leave": self.without_leave}


class Settled(NamedTuple):
    """What became of the authorization that a usage record names."""

    authorization_id: str
    known: bool  # False: there is none with this id
    reserved: Decimal | None = None  # for this call; None: it was drawn from a lease
    over: Decimal = Decimal(0)  # by how much it cost more than was set aside
    said: Said | None = None  # None where there is none with this id


class Marks(NamedTuple):
    """Kinds for want of a price, or with one that stands in for their own."""

    unpriced: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()


class UsageOutcome(NamedTuple):
    """What became of one usage record."""

    cost: Decimal | None  # organization's currency; None: no price is known
    duplicate: bool = False
    conflict: bool = False  # a duplicate with other content: the first stands
    duplicate_of: str | None = None  # the usage the same response is booked for
    settled: Settled | None = None  # where it names an authorization
    marks: Marks | None = None
    booked_at: datetime | None = None  # if not at its own time; its month was closed


@dataclass(frozen=True, slots=True)
class Recorded(Generic[DueT]):
    """What became of a batch: an outcome per record, and what follows for budgets."""

    outcomes: Sequence[UsageOutcome]
    due: DueT  # what the totals charge
    named: Sequence[Named] = ()  # of the records that are not duplicates
    runs: Mapping[str, RunTotals] = field(default_factory=dict)  # by run
