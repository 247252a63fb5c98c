"""Plain values that guardrails are made of. Money is in units of 10^-10."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, Protocol, Self
from zoneinfo import ZoneInfo

from django.db.models import TextChoices

from controls.expressions import Expression

Decision = Literal["allow", "downgrade", "rate_limit", "block"]


class Action(TextChoices):
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
    action: Action
    trigger: Expression
    notify: bool
    exempt_users: frozenset[str]  # whom no rule of its budget concerns
    message: str  # of a block; "": one is made up
    downgrades: Mapping[str, str]  # model, exact or with * at its end -> cheaper model
    blocked_models: tuple[str, ...]  # exact, or with * at the end
    allowed_models: tuple[str, ...]  # likewise; empty: all that are not blocked
    max_requests_per_minute: int | None
    max_cost_per_hour: int | None  # organization's currency
    currency: str = "USD"  # the organization's


@dataclass(frozen=True, slots=True)
class Figures:
    """Where a budget stands in its present period; money in its own currency."""

    spent: int
    reserved: int
    limit: int
    zone: ZoneInfo
    forecast_probability: Decimal | None  # None: too little is known to tell


class Place(Protocol):
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
class Call:
    """A call of a model that somebody is about to make; "" is what was not said."""

    provider: str
    model: str
    department: str
    team: str
    project: str
    environment: str
    user: str
    tags: list[str] | dict[str, str]
    estimate: int | None  # organization's currency; None: no price is known
    input_tokens: int

    @classmethod
    def of(
        cls, where: Place, model: str, tags: Any, estimate: int | None, tokens: int
    ) -> Self:
        """Return a call of *model* with so many input tokens."""
        return cls(
            provider=where.provider,
            model=model,
            department=where.department,
            team=where.team,
            project=where.project,
            environment=where.environment,
            user=where.user,
            tags=tags,
            estimate=estimate,
            input_tokens=tokens,
        )


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a call was not simply allowed, in words for developers and finance alike."""

    budget: str  # its uid
    budget_name: str
    rule: str  # its uid, or "hard_limit", "kill_switch", "unpriced"
    message: str
    left: int | None = None
    currency: str = ""  # of what is left


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say to one call of one model."""

    decision: Decision
    model: str  # to use; of a downgrade: to go on with
    reasons: tuple[Reason, ...] = ()
    acted: tuple[Rule, ...] = ()  # that had an effect: people may want to be told
    rates: tuple[Rule, ...] = ()  # limits in force: count the call in each if allowed
    retry_after_s: int | None = None  # None: nothing to wait for
