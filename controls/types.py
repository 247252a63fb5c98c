"""Plain values that guardrails are made of. Money is in units of 10^-10."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal, Protocol, Self
from zoneinfo import ZoneInfo

from django.db.models import TextChoices

from controls.downgrades import Downgrades
from controls.stops import stops_at_the_amount
from ledger.identity import ModelName, model_named, person_named, provider_named
from ledger.patterns import ModelSet
from lib.periods import Window
from lib.rules.expressions import Expression

_EVER = Window(
    datetime.min.replace(tzinfo=UTC),
    datetime.max.replace(tzinfo=UTC),
)
Decision = Literal["allow", "downgrade", "rate_limit", "block"]


class ControlAction(TextChoices):
    """What a rule does once its trigger holds; in the order in which they take effect.

    See `controls.rules` for what each of them means.
    """

    BLOCK = "block", "Block the call"
    MODEL_BLOCKLIST = "model_blocklist", "Allow some models only"
    MODEL_DOWNGRADE = "model_downgrade", "Use a cheaper model"
    RATE_LIMIT = "rate_limit", "Limit the rate"
    NOTIFY = "notify", "Only tell people"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as it guards its budget and those below it."""

    id: int
    uid: str
    budget_id: int
    budget_uid: str
    budget_name: str
    action: ControlAction
    trigger: Expression
    notify: bool
    exempt_users: frozenset[str]  # whom no rule of its budget concerns; person_named
    message: str  # of a block; "": one is made up
    # Models as they were written: see ledger.patterns.ModelPattern for what is meant.
    downgrades: Mapping[str, str]  # model or pattern -> cheaper model
    blocked_models: tuple[str, ...]
    allowed_models: tuple[str, ...]  # empty: all that are not blocked
    max_requests_per_minute: int | None
    max_cost_per_hour: int | None  # organization's currency
    currency: str = "USD"  # the organization's
    hardens: bool = False  # its budget's limit was soft before it came
    needs_approval: bool = False  # it acts only while people have approved it
    approved: Window | None = None  # when that is
    # The same, made ready.
    cheaper: Downgrades = field(init=False, compare=False, repr=False)
    blocked: ModelSet = field(init=False, compare=False, repr=False)
    allowed: ModelSet = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "cheaper", Downgrades(self.downgrades))
        put(self, "blocked", ModelSet.of(self.blocked_models))
        put(self, "allowed", ModelSet.of(self.allowed_models))

    @property
    def is_hard_stop(self) -> bool:
        """Tell whether it stops all calls at the amount: that is a hard limit then."""
        stops = self.action is ControlAction.BLOCK and not self.needs_approval
        return stops and stops_at_the_amount(self.trigger)

    def waits(self, now: datetime) -> bool:
        """Tell whether it does nothing yet: nobody has approved that it acts."""
        return self.needs_approval and (
            self.approved is None or now not in self.approved
        )

    @property
    def as_approved(self) -> Self:
        """The same, as if people had approved it for ever."""
        return replace(self, approved=_EVER)

    @property
    def passing(self) -> frozenset[str]:
        """Return whom the limit does not bind that is hard by this rule alone."""
        return self.exempt_users if self.is_by_it else frozenset()

    @property
    def is_by_it(self) -> bool:
        """Tell whether its budget's limit is hard by this rule alone."""
        return self.hardens and self.is_hard_stop

    def forbids(self, name: ModelName) -> bool:
        """Tell whether a blocklist keeps a model from being used."""
        if self.blocked.reaches(name):
            return True
        return bool(self.allowed_models) and not self.allowed.reaches(name)


@dataclass(frozen=True, slots=True)
class BudgetFigures:
    """Where a budget stands in its present period; money in its own currency."""

    spent: int
    reserved: int
    limit: int
    zone: ZoneInfo
    forecast_probability: Decimal | None  # None: too little is known to tell


class HasDimensions(Protocol):
    """Whatever says what a call belongs to."""

    @property
    def provider(self) -> str: ...
    @property
    def department(self) -> str: ...
    @property
    def team(self) -> str: ...
    @property
    def project(self) -> str: ...
    @property
    def environment(self) -> str: ...
    @property
    def user(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Subject:
    """What a call is of and what it belongs to, under the names that all file by; ""
    is what was not said."""

    provider: str
    model: str  # as it was asked for
    name: ModelName  # what that means
    department: str
    team: str
    project: str
    environment: str
    user: str
    tags: list[str] | dict[str, str]

    @classmethod
    def of(cls, where: HasDimensions, model: str, tags: Any) -> Self:
        """Return what a call of *model* is of, whatever the spelling."""
        return cls(
            provider=provider_named(where.provider),
            model=model,
            name=model_named(model),
            department=where.department,
            team=where.team,
            project=where.project,
            environment=where.environment,
            user=person_named(where.user),
            tags=tags,
        )


@dataclass(slots=True)  # not frozen: one is made at every decision
class ProposedCall:
    """A call of a model that somebody is about to make."""

    subject: Subject
    estimate: int | None  # organization's currency; None: no price is known
    input_tokens: int


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a call was not simply allowed, in words for developers and finance alike."""

    budget: str  # its uid
    budget_name: str
    rule: str  # its uid, or "hard_limit", "run_cap", "kill_switch", "unpriced"
    message: str
    left: int | None = None
    currency: str = ""  # of what is left


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the rules say to one call of one model."""

    decision: Decision
    model: str  # to use; of a downgrade: to go on with
    reasons: tuple[Reason, ...] = ()
    acted: tuple[Rule, ...] = ()  # that had an effect: people may want to be told
    rates: tuple[Rule, ...] = ()  # limits in force: count the call in each if allowed
    retry_after_s: int | None = None  # None: nothing to wait for
    waiting: tuple[Rule, ...] = ()  # that would act, if people approved it
