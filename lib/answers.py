"""What the API answers: structs, of which body, schema and the SDK's types are made."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta
from rest_framework.response import Response

T = TypeVar("T")
Handler = TypeVar("Handler", bound=Callable[..., Any])

# Money: ten places, no exponent. Its currency stands beside it.
Money = Annotated[
    str, Meta(extra_json_schema={"format": "decimal", "examples": ["0.0930000000"]})
]
# RFC 3339, in UTC unless said otherwise.
Moment = Annotated[datetime, Meta(tz=True)]
# A number that is told exactly, and is no money: a rate, a share.
Exact = Annotated[str, Meta(extra_json_schema={"format": "decimal"})]


def note(text: str, **schema: Any) -> Meta:
    """Say what a field means; *schema* is added to it as JSON Schema has it."""
    return Meta(description=text, extra_json_schema=schema or None)


def choices(values: Iterable[str]) -> Meta:
    """Name all the texts that a field may have."""
    return Meta(extra_json_schema={"enum": list(values)})


class Out(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An answer, or a part of one. What may be missing is of the type UnsetType."""


class PageOut(Out, Generic[T], frozen=True):
    """A page of a list; `next` and `previous` are addresses."""

    next: str | None
    previous: str | None
    results: list[T]


class NamedOut(Out, frozen=True):
    """A budget that is mentioned."""

    id: str
    name: str


class FieldProblemOut(Out, frozen=True):
    """What is wrong with one field."""

    attr: Annotated[str, note("Its path, such as scope.teams.")]
    code: str
    detail: str


class ProblemOut(Out, frozen=True):
    """RFC 9457; every error has this shape."""

    type: str
    title: str
    status: int
    detail: str
    code: Annotated[str, note("Stable: programs may rely on it.")]
    errors: list[FieldProblemOut]


@dataclass(frozen=True, slots=True)
class Operation:
    """What a plain view does, for the schema: DRF's views say it themselves."""

    name: str
    summary: str
    tag: str
    answers: Mapping[int, Any]
    method: str = "post"
    description: str = ""
    body: Any = None  # a struct, a list of them, or a schema by media type
    parameters: tuple[Mapping[str, Any], ...] = ()
    is_open: bool = False  # needs no key


def answers(**by_status: Any) -> Callable[[Handler], Handler]:
    """Declare what a handler of DRF answers: `@answers(s201=BudgetOut)`.

    A struct, a sequence or `PageOut[...]` of one; a tuple: one of these; None: no body.
    """

    def declare(handler: Handler) -> Handler:
        found = {int(name.removeprefix("s")): kind for name, kind in by_status.items()}
        handler.__dict__["answers"] = found
        return handler

    return declare


def described(operation: Operation) -> Callable[[Handler], Handler]:
    """Declare what a plain view does."""

    def declare(view: Handler) -> Handler:
        view.__dict__["operation"] = operation
        return view

    return declare


def plain(answer: Any) -> Any:
    """Return structs as dicts, lists and texts, as they go over the wire."""
    return msgspec.to_builtins(answer)


class Answered(Response):
    """A struct, or a list of them, as DRF's renderers take it."""

    def __init__(self, answer: Any, *, status: int = 200) -> None:
        super().__init__(plain(answer), status=status)


def schema_of_body(
    kind: type[msgspec.Struct],
    *,
    name: str,
    notes: Mapping[str, str],
    raw: Mapping[str, Mapping[str, Any]],
    left_out: Iterable[str] = (),
) -> dict[str, Any]:
    """Return the schema of what a plain view takes, by the type that decodes it.

    It stands in the document under *name*. Fields that are decoded later, or are bodies
    of their own, are as *raw* has them; *notes* say what fields mean.
    """
    fields = [
        each for each in msgspec.structs.fields(kind) if each.name not in left_out
    ]
    properties: dict[str, Any] = {}
    for each in fields:
        schema = dict(raw.get(each.name) or msgspec.json.schema(each.type))
        if text := notes.get(each.name):
            schema["description"] = text
        properties[each.name] = schema
    required = [each.encode_name for each in fields if each.required]
    return {
        "title": name,
        "type": "object",
        "description": " ".join((kind.__doc__ or "").split()),
        "properties": properties,
        **({"required": required} if required else {}),
    }
