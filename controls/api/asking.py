"""What a client asks for in case its call is refused: read, and done after that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.idempotency import LONGEST_KEY, made_once
from accounts.models import Organization, User
from accounts.scopes import Scope
from accounts.types import Caller
from approvals.api.lookups import by_of, moment_in, requester_named
from approvals.people import members
from approvals.types import By
from budgets.models import Budget
from budgets.owners import owner_of, path_of
from budgets.validation import sound_amount
from controls.asks import AskOnRefusal, Hindrance, ask_instead, refusing_budget
from lib.answers import schema_of_body
from lib.errors import Conflict, Forbidden, Invalid, Refusal
from lib.query_params import moment_of

if TYPE_CHECKING:
    from controls.api.authorization_schemas import AuthorizationIn

_PURPOSE = "ask"
_SHOWN = (  # of the call, to those who decide
    *("provider", "model", "model_name", "project_id", "department_id", "team_id"),
    *("environment", "user_id", "input_tokens", "max_output_tokens"),
)


class AskIn(msgspec.Struct, gc=False):
    """What to ask people for if the call is refused: more money, for a while."""

    justification: Annotated[str, msgspec.Meta(min_length=1, max_length=10_000)]
    amount: Decimal | None = None
    raise_by: Decimal | None = None
    until: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    key: Annotated[str, msgspec.Meta(max_length=LONGEST_KEY)] = ""


_NOTES = {
    "amount": "By how much to raise the budget that refused, in its currency.",
    "raise_by": "Another name of amount; one of them is needed.",
    "until": "When the raise ends; left out: with the present period. A bare date "
    "includes that whole day, in the organization's zone.",
    "key": "What came of it first is the answer to the same key, for a day; left out: "
    "that of the Idempotency-Key.",
}


def schema_of_ask() -> dict[str, Any]:
    return schema_of_body(AskIn, name=AskIn.__name__, notes=_NOTES, raw={})


class NobodyAsks(Invalid):
    """Nobody is known whose request it could be."""

    code = "no_requester"


class AskFailed(Conflict):
    """The database could not take the request now."""

    code = "ask_failed"


def wish_of(given: AskIn) -> AskOnRefusal:
    """Return what is asked for; its end is read in UTC yet.

    Raises:
        Invalid: a field is wrong; it is named.
    """
    amount = given.raise_by if given.amount is None else given.amount
    if given.raise_by not in {None, amount}:
        raise Invalid.field("ask.raise_by", "Differs from ask.amount; send one.")
    if amount is None:
        detail = "Say by how much to raise the budget: ask.amount is required."
        raise Invalid.field("ask.amount", detail, code="required")
    try:
        sound_amount(amount)
    except Invalid as refusal:
        raise Invalid.field("ask.amount", refusal.errors[0].detail) from refusal
    if amount <= 0:
        raise Invalid.field("ask.amount", "Must be more than 0.")
    if not given.justification.strip():
        raise Invalid.field("ask.justification", "Say why.", code="required")
    until = moment_of(given.until, "ask.until") if given.until else None
    if until is not None and until <= timezone.now():
        raise Invalid.field("ask.until", "Must lie in the future.")
    return AskOnRefusal(amount, given.justification, until)


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asked for a call, and for what should it be refused."""

    request: HttpRequest
    caller: Caller
    organization_id: int
    given: "AuthorizationIn"
    wish: AskOnRefusal

    def instead_of(self, response: HttpResponse) -> HttpResponse:
        """Return *response*; if it refuses the call, with the request that was opened.

        The refusal stands whatever comes of it: then `request` is null, and a reason
        says why. With a key (of the ask, else that of the POST) the request that came
        of it first is the answer, whatever has become of that.
        """
        told: dict[str, Any] = msgspec.json.decode(response.content)
        if told["decision"] != "block":
            return response
        reasons: list[dict[str, Any]] = told["reasons"]
        told["request"] = None
        try:
            told["request"] = self._once([_hindrance(reason) for reason in reasons])
        except Refusal as refusal:
            reasons.append(_why_not(refusal, reasons[0]))
        except DatabaseError:
            failed = AskFailed("The request could not be written now; ask again.")
            reasons.append(_why_not(failed, reasons[0]))
        response.content = msgspec.json.encode(told)
        response["Content-Length"] = str(len(response.content))
        return response

    def _once(self, reasons: Sequence[Hindrance]) -> str:
        key = self.key
        if not key:
            return self._ask(reasons)
        return made_once(self.caller, _PURPOSE, key, lambda: self._ask(reasons))

    @property
    def key(self) -> str:
        own = self.given.ask.key if self.given.ask else ""
        return own or self.request.META.get("HTTP_IDEMPOTENCY_KEY", "")

    def _ask(self, reasons: Sequence[Hindrance]) -> str:
        if Scope.APPROVALS_WRITE not in self.caller.scopes:
            scope = Scope.APPROVALS_WRITE.value
            raise Forbidden(f"This API key may not ask for money: it needs {scope}.")
        organization = Organization.objects.get(pk=self.organization_id)
        by, now = by_of(self.request, self.caller), timezone.now()
        budget = refusing_budget(organization, reasons, now)
        return str(
            ask_instead(
                budget,
                self._wish_in(organization),
                requester=self._requester(budget, by),
                by=by,
                now=now,
            ).uid
        )

    def _wish_in(self, organization: Organization) -> AskOnRefusal:
        """Return the wish; a bare date is the end of that day in the organization's
        zone."""
        said = {"until": self.given.ask.until if self.given.ask else None}
        until = moment_in(said, "until", organization.timezone)
        return replace(self.wish, until=until, call=_shown(self.given))

    def _requester(self, budget: Budget, by: By) -> User:
        """Return whose request it is: the key's person, else the user as the address
        of one, else who owns the budget."""
        if by.person is not None:
            return by.person
        organization, user = budget.organization, self.given.user_id or ""
        if "@" in user:
            try:
                return requester_named(user, organization, by, self.caller)
            except Invalid:  # nobody of theirs: the budget's owner asks
                pass
        owner = owner_of(path_of(budget))
        if owner is None or not members(organization).filter(pk=owner.pk).exists():
            raise NobodyAsks(
                "Nobody is known whose request it could be: send the API key of a "
                "person, their address as user_id, or give the budget an owner."
            )
        return owner


def _hindrance(reason: Mapping[str, Any]) -> Hindrance:
    left = reason["left"]
    return Hindrance(
        reason["budget"], reason["rule"], None if left is None else Decimal(left)
    )


def _why_not(refusal: Refusal, first: Mapping[str, Any]) -> dict[str, Any]:
    """Return why nothing was asked for, as one more reason: `rule` is its code."""
    return {
        "budget": first["budget"],
        "budget_name": first["budget_name"],
        "rule": refusal.code,
        "message": f"Nothing was asked for: {refusal}",
        "left": None,
        "currency": "",
    }


def _shown(given: "AuthorizationIn") -> dict[str, Any]:
    said = {name: getattr(given, name) for name in _SHOWN}
    if given.estimated_cost is not None:
        said["estimated_cost"] = f"{given.estimated_cost:f}"
    return {name: value for name, value in said.items() if value is not None}
