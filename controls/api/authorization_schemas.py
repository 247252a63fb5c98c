"""What comes in at the doors of authorizations and leases, read and checked."""

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, TypeVar

import msgspec

from accounts.access import organization_named
from accounts.types import Caller
from budgets.models import Reservation
from controls.api.asking import AskIn, schema_of_ask
from controls.decisions.types import CallRequest, LeaseRequest
from controls.policy import TokenEstimate, Where
from ledger.usage import MOST_COST, MOST_TOKENS, decode_error, parse_tags
from lib.answers import schema_of_body
from lib.errors import Forbidden, Invalid
from lib.money import PLACES, to_units
from lib.texts import NO_ODD, odd_place_in

CALL_TTL_S = 600  # how long an authorization waits for its usage record
LEASE_TTL_S = 60

_Name = Annotated[str, msgspec.Meta(max_length=200)]
_Tokens = Annotated[int, msgspec.Meta(ge=0, le=MOST_TOKENS)]
_Seconds = Annotated[int, msgspec.Meta(ge=1, le=3_600)]


class DimensionsIn(msgspec.Struct, gc=False):
    """What a call belongs to, by the names usage records have."""

    provider: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    model: _Name | None = None
    model_name: _Name | None = None
    organization_id: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    project_id: _Name | None = None
    department_id: _Name | None = None
    team_id: _Name | None = None
    environment: _Name | None = None
    user_id: _Name | None = None
    tags: msgspec.Raw = msgspec.Raw()
    service_tier: Annotated[str, msgspec.Meta(max_length=50)] | None = None

    @property
    def where(self) -> Where:
        return Where(
            self.provider,
            self.department_id or "",
            self.team_id or "",
            self.project_id or "",
            self.environment or "",
            self.user_id or "",
            bytes(self.tags),
            self.service_tier or "",
        )


class AuthorizationIn(DimensionsIn, gc=False):
    """A call somebody is about to make, and the most it can cost."""

    estimated_cost: Decimal | None = None
    input_tokens: _Tokens | None = None
    cached_tokens: _Tokens | None = None
    cache_write_tokens: _Tokens | None = None
    max_output_tokens: _Tokens | None = None
    ttl_s: _Seconds = CALL_TTL_S
    durable: bool = True  # ignored: every answer is
    ask: AskIn | None = None
    run_id: _Name | None = None
    run_cap: Decimal | None = None


class LeaseIn(DimensionsIn, gc=False):
    """Money that is to be set aside for calls of one kind."""

    amount: Decimal | None = None
    minimum: Decimal = Decimal(0)
    ttl_s: _Seconds = LEASE_TTL_S


class RenewalIn(msgspec.Struct, gc=False):
    """More money, or more time, for a lease."""

    amount: Decimal | None = None
    minimum: Decimal = Decimal(0)
    ttl_s: _Seconds = LEASE_TTL_S


class ReturnIn(msgspec.Struct, gc=False):
    """Money of a lease that is not needed."""

    amount: Decimal | None = None


_TAGS = {
    "oneOf": [
        {"type": "array", "items": {"type": "string"}},
        {"type": "object", "additionalProperties": {"type": "string"}},
    ]
}
_NOTES = {
    "model_name": "Another name of model.",
    "estimated_cost": "The most it can cost, in the organization's currency.",
    "max_output_tokens": "With input_tokens: the worst case is priced and set aside.",
    "ttl_s": "What is not settled by then expires.",
    "durable": "Ignored: every decision is durable when it is answered.",
    "ask": "What to ask people for if it is refused for want of money; needs the scope "
    "approvals:write. Equal asks join one request.",
    "run_id": "The run of an agent or a job that the call is of.",
    "run_cap": "The most that all calls of the run may cost, in the organization's "
    "currency. The first that is named holds; a later one may only lower it.",
    "amount": "Wanted; at most an eighth of what is left is given.",
    "minimum": "Less is of no use: what the call at hand needs.",
}


def shape_of(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the schema of a body."""
    raw = {"tags": _TAGS, "ask": schema_of_ask()}
    return schema_of_body(kind, name=kind.__name__, notes=_NOTES, raw=raw)


Shape = TypeVar("Shape")
_decoders: dict[type[Any], msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(kind)
    for kind in (AuthorizationIn, LeaseIn, RenewalIn, ReturnIn)
}


def read(body: bytes, kind: type[Shape]) -> Shape:
    """Decode a body.

    Raises:
        Invalid: it is no JSON, or a field is wrong; it is named.
    """
    try:
        shape = _decoders[kind].decode(body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        found = decode_error(error, body)
        raise Invalid(found.detail, errors=(found,)) from error
    if (place := odd_place_in(body)) is not None:
        raise Invalid.field(place, NO_ODD)
    return shape  # type: ignore[no-any-return]  # it is of its decoder's kind


def call_of(given: AuthorizationIn, *, by: str = "") -> CallRequest:
    """Return what is asked of the desk.

    Raises:
        Invalid: the model, or what it may cost, is missing; or a value is wrong.
    """
    model = _checked(given)
    estimate = _units("estimated_cost", given.estimated_cost)
    tokens = _tokens_of(given)
    if estimate is None and tokens is None:
        raise Invalid.field(
            "estimated_cost",
            "Say what the call may cost at most: estimated_cost, or input_tokens and "
            "max_output_tokens.",
            code="required",
        )
    cap = _units("run_cap", given.run_cap)
    if cap is not None and not given.run_id:
        raise Invalid.field(
            "run_id", "Say which run the run_cap is of.", code="required"
        )
    return CallRequest(
        where=given.where._replace(api_key=by),
        model=model,
        tokens=tokens,
        estimate=estimate,
        ttl=timedelta(seconds=given.ttl_s),
        run_id=given.run_id or None,
        run_cap=cap,
    )


def lease_of(given: LeaseIn, *, by: str = "") -> LeaseRequest:
    """Return the lease that is asked for.

    Raises:
        Invalid: the model is missing, or a value is wrong.
    """
    model = _checked(given)
    return LeaseRequest(
        where=given.where._replace(api_key=by),
        model=model,
        ttl=timedelta(seconds=given.ttl_s),
        wanted=_units("amount", given.amount),
        least=_units("minimum", given.minimum) or 0,
    )


def renewal_of(given: RenewalIn, lease: Reservation) -> LeaseRequest:
    """Return what is asked for *lease*.

    Raises:
        Invalid: a value is wrong.
    """
    path = dict(lease.path)
    return LeaseRequest(
        model=path.pop("model"),
        where=Where(**{**path, "tags": msgspec.json.encode(path["tags"])}),
        ttl=timedelta(seconds=given.ttl_s),
        wanted=_units("amount", given.amount),
        least=_units("minimum", given.minimum) or 0,
        lease=lease.uid,
    )


def organization_id_of(caller: Caller, slug: str | None) -> int:
    """Return whose money is asked for.

    Raises:
        Forbidden: another organization's.
        NotFound: a platform key names none that exists.
    """
    if caller.organization_id is not None:
        if slug and slug != caller.organization_slug:
            raise Forbidden(caller.why_no_other)
        return caller.organization_id
    return organization_named(slug, caller=caller).pk


def amount_of(given: ReturnIn) -> Decimal | None:
    _units("amount", given.amount)
    return given.amount


def _checked(given: DimensionsIn) -> str:
    if given.model and given.model_name and given.model != given.model_name:
        raise Invalid.field("model_name", "Differs from model; send one of them.")
    model = given.model or given.model_name
    if not model:
        raise Invalid.field("model", "model is required.", code="required")
    try:
        parse_tags(bytes(given.tags))
    except (ValueError, RecursionError) as error:
        detail = str(error) or "Too deeply nested."
        raise Invalid.field("tags", detail) from error
    return model


def _required_beside(name: str) -> Invalid:
    return Invalid.field(
        name,
        f"{name} is required beside the other: the worst case is reserved.",
        code="required",
    )


def _tokens_of(given: AuthorizationIn) -> TokenEstimate | None:
    if given.input_tokens is None and given.max_output_tokens is None:
        return None
    if given.input_tokens is None:
        raise _required_beside("input_tokens")
    if given.max_output_tokens is None:
        raise _required_beside("max_output_tokens")
    cached, written = given.cached_tokens or 0, given.cache_write_tokens or 0
    if cached + written > given.input_tokens:
        raise Invalid.field(
            "cached_tokens", "More cached tokens than input tokens, which include them."
        )
    return TokenEstimate(given.input_tokens, given.max_output_tokens, cached, written)


def _units(name: str, amount: Decimal | None) -> int | None:
    if amount is None:
        return None
    if not amount.is_finite() or not 0 <= amount <= MOST_COST:
        raise Invalid.field(name, f"Must be an amount from 0 to {MOST_COST:,}.")
    try:
        return to_units(amount)
    except ValueError as error:
        detail = f"At most {PLACES} decimal places."
        raise Invalid.field(name, detail) from error
