"""What a scenario takes for granted, as people and programs write it. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from lib.errors import FieldError, Invalid
from lib.money import COUNTED, PLACES, wire
from lib.wirefields import snake

CURRENT_RATE = "current_rate"
REQUESTED = "requests"  # of which one request takes one
MOST_SWAPS = 20
MOST_REQUESTS = 10**9
MOST_COST = Decimal(10**6)  # of one request
MOST_LIMIT = Decimal(10**15)
MOST_GROWTH = Decimal(100)  # 10,000 %
_LONGEST = 200  # a model's or a provider's name
_ONE, _ZERO = Decimal(1), Decimal(0)


@dataclass(frozen=True, slots=True)
class Swap:
    """That one model does what another did, or a share of it."""

    model: str  # it stands for its versions; with * at its end, for what goes on
    to: str
    provider: str = ""  # of the new one; "": the same as before, or the one that has it
    share: Decimal = _ONE

    def told(self) -> dict[str, Any]:
        provider = {"provider": self.provider} if self.provider else {}
        return {
            "from": self.model,
            "to": self.to,
            **provider,
            "share": _num(self.share),
        }


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What is taken for granted of the time that is left; nothing: the current rate."""

    additional_requests: int = 0
    average_cost: Decimal = _ZERO  # of each, whatever else is assumed; or tokens
    cost_reduction: Decimal = _ZERO  # a share of what would be spent
    growth: Decimal = _ZERO  # likewise; below 0 it shrinks
    model_swap: tuple[Swap, ...] = ()
    limit: Decimal | None = None  # None: as it is

    @property
    def added(self) -> Decimal:
        """What the additional requests cost, exactly."""
        return self.additional_requests * self.average_cost

    @property
    def factor(self) -> Decimal:
        """What would be spent is multiplied by it."""
        return (1 + self.growth) * (1 - self.cost_reduction)

    def told(self) -> str | dict[str, Any]:
        """Return what `read` makes these of: money as text, all else as numbers."""
        found: dict[str, Any] = {}
        if self.additional_requests:
            found["additional_requests"] = self.additional_requests
            found["average_cost"] = wire(self.average_cost)
        for name in ("cost_reduction", "growth"):
            if share := getattr(self, name):
                found[name] = _num(share)
        if self.model_swap:
            found["model_swap"] = [swap.told() for swap in self.model_swap]
        if self.limit is not None:
            found["limit"] = wire(self.limit)
        return found or CURRENT_RATE


@dataclass(frozen=True, slots=True)
class Scenario:
    """Assumptions with a name."""

    name: str
    assumed: Assumptions = Assumptions()


def read(given: object) -> Assumptions:
    """Return the assumptions that *given* are; names as JavaScript writes them, too.

    Raises:
        Invalid: something in it is unknown or out of its range; all that is, by name.
    """
    if given == CURRENT_RATE:
        return Assumptions()
    if not isinstance(given, Mapping):
        detail = f"Must be “{CURRENT_RATE}”, or an object of {', '.join(_READERS)}."
        raise Invalid.field("", detail)
    found: dict[str, Any] = {}
    errors: list[FieldError] = []
    for said, value in given.items():
        name = snake(str(said))
        if name not in _READERS:
            detail = f"Unknown; known are {', '.join(_READERS)}."
            errors.append(FieldError(name[:_LONGEST], "unknown_field", detail))
            continue
        try:
            found[name] = _READERS[name](value)
        except Invalid as refusal:
            errors += within(name, refusal).errors
    if not errors:
        errors = list(_parted(found))
    if errors:
        raise Invalid("These assumptions can't be taken.", errors=tuple(errors))
    return Assumptions(**found)


def check_counted(assumed: Assumptions, currency: str) -> None:
    """Look that *assumed* is right for a budget in *currency* where that counts tokens
    or requests: what one request takes is counted, too, and other prices move nothing.

    Raises:
        Invalid: something in it is of money; all that is, by name.
    """
    if currency not in COUNTED:
        return
    wrong: dict[str, str] = {}
    if assumed.model_swap:
        wrong["model_swap"] = (
            f"This budget counts {currency}, whatever a model costs: leave this out."
        )
    if assumed.additional_requests and not _takes(assumed.average_cost, currency):
        wrong["average_cost"] = (
            f"This budget counts {currency}: give what one request takes of them, "
            f"{'1' if currency == REQUESTED else 'such as 2000'}."
        )
    if assumed.limit is not None and assumed.limit != int(assumed.limit):
        wrong["limit"] = f"This budget counts {currency}: give a whole number."
    if wrong:
        raise Invalid(
            " ".join(wrong.values()),
            errors=tuple(FieldError(at, "invalid", why) for at, why in wrong.items()),
        )


def _takes(each: Decimal, currency: str) -> bool:
    return each == 1 if currency == REQUESTED else each == int(each)


def within(place: str, refusal: Invalid) -> Invalid:
    """Return the refusal of something that stands at *place* of something larger."""
    return Invalid(
        str(refusal),
        errors=tuple(
            FieldError(f"{place}.{one.attr}".rstrip("."), one.code, one.detail)
            for one in refusal.errors
        ),
    )


def _parted(found: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield what is missing beside what was given."""
    pair = {
        "additional_requests": "Give how many requests cost that much, such as 10000.",
        "average_cost": "Give what one of these requests costs, such as 0.05.",
    }
    if len(pair.keys() & found.keys()) == 1:
        (missing,) = pair.keys() - found.keys()
        yield FieldError(missing, "required", pair[missing])


def _number(least: Decimal, most: Decimal, detail: str) -> Callable[[object], Decimal]:
    """Return what reads a number from *least* to *most*, with ten decimals at most."""

    def read_number(given: object) -> Decimal:
        number = None
        if isinstance(given, (int, float, str, Decimal)) and not isinstance(
            given, bool
        ):
            number = _decimal(str(given)[:100])
        if number is None or not least <= number <= most:
            raise Invalid.field("", detail)
        return number

    return read_number


def _decimal(text: str) -> Decimal | None:
    """Return the number *text* is; None: none, or one with too many decimals."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number.is_finite() or number.copy_abs() > MOST_LIMIT:
        return None
    rounded = round(number, PLACES)
    return rounded if rounded == number else None


def _whole(given: object) -> int:
    detail = f"Must be a whole number from 0 to {MOST_REQUESTS:,}, such as 10000."
    number = _number(_ZERO, Decimal(MOST_REQUESTS), detail)(given)
    if number != int(number):
        raise Invalid.field("", detail)
    return int(number)


def _swaps(given: object) -> tuple[Swap, ...]:
    if isinstance(given, Mapping) and not {"from", "to"} & given.keys():
        given = [{"from": model, "to": to} for model, to in given.items()]
    listed = given if isinstance(given, list) else [given]
    if not 0 < len(listed) <= MOST_SWAPS:
        raise Invalid.field("", f"Give 1 to {MOST_SWAPS} switches of a model.")
    swaps = [_swap(one) for one in listed]
    if len({swap.model.lower() for swap in swaps}) < len(swaps):
        raise Invalid.field("from", "Named twice; switch each model once.")
    return tuple(swaps)


def _swap(given: object) -> Swap:
    example = "such as {“from”: “gpt-4o”, “to”: “gpt-4o-mini”, “share”: 0.5}"
    if not isinstance(given, Mapping) or not {"from", "to"} <= given.keys():
        raise Invalid.field("", f"Name the models to switch from and to, {example}.")
    if unknown := sorted(map(str, given.keys() - {"from", "to", "share", "provider"})):
        detail = "Unknown; known are from, to, share, provider."
        raise Invalid.field(unknown[0][:_LONGEST], detail, code="unknown_field")
    names = {name: _name(name, given.get(name, "")) for name in ("from", "to")}
    if "*" in names["from"][:-1] or "*" in names["to"]:
        detail = "A * may stand at the end of “from” only: the new model is one."
        raise Invalid.field("from" if "*" in names["from"][:-1] else "to", detail)
    provider = _name("provider", given["provider"]) if given.get("provider") else ""
    try:
        share = _share(given.get("share", 1))
    except Invalid as refusal:
        raise within("share", refusal) from refusal
    return Swap(names["from"], names["to"], provider, share)


def _name(field: str, given: object) -> str:
    name = given.strip() if isinstance(given, str) else ""
    if not name or len(name) > _LONGEST or "\x00" in name:
        raise Invalid.field(field, f"Must be a name of 1 to {_LONGEST} characters.")
    return name


def _num(share: Decimal) -> int | float:
    return int(share) if share == int(share) else float(share)


_share = _number(_ZERO, _ONE, "Must be a share from 0 to 1: 0.3 is 30 %.")
_READERS: Mapping[str, Callable[[object], Any]] = {
    "additional_requests": _whole,
    "average_cost": _number(
        _ZERO, MOST_COST, f"Must be an amount from 0 to {MOST_COST:,}, such as 0.05."
    ),
    "cost_reduction": _share,
    "growth": _number(
        -_ONE,
        MOST_GROWTH,
        f"Must be a share from -1 to {MOST_GROWTH}: 0.3 is 30 % more.",
    ),
    "model_swap": _swaps,
    "limit": _number(
        _ZERO, MOST_LIMIT, "Must be an amount of 0 or more, such as 5000."
    ),
}
