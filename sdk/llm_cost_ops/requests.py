"""Requests as values: what to send and how to read the answer. Nothing is sent here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import (
    Any,
    Callable,
    Generic,
    Optional,
    TypeVar,
)
from urllib.parse import quote, urlencode, urlsplit

from llm_cost_ops.errors import BadAnswerError, FieldError, kind_of
from llm_cost_ops.reading import reader_of

R = TypeVar("R")
T = TypeVar("T")

Given = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """What came back: headers by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Read the body; numbers with a point come as decimals.

        Raises:
            BadAnswerError: it is not JSON.
        """
        try:
            return json.loads(
                self.body, parse_float=Decimal, parse_constant=_no_constant
            )
        except (ValueError, RecursionError) as error:
            shown = self.body[:80].decode(errors="replace")
            raise BadAnswerError(f"The answer is not JSON: {shown!r}.") from error


def _no_constant(name: str) -> None:
    raise ValueError(name)


@dataclass(frozen=True)
class Request(Generic[R]):
    """One call of the API and how its answer is read.

    *creates*: it gets an Idempotency-Key, so that a repeat makes nothing twice.
    *patience*: seconds for which the server may hold the answer back.
    """

    method: str
    path: str
    read: Callable[[Answer], R]
    query: Given = field(default_factory=dict)
    body: Any = None
    creates: bool = False
    patience: float = 0.0

    @property
    def target(self) -> str:
        """The path with its query, as it stands in the request line."""
        given = {name: on_wire(value) for name, value in present(self.query).items()}
        return f"{self.path}?{urlencode(given, doseq=True)}" if given else self.path

    @property
    def content(self) -> Optional[bytes]:
        return None if self.body is None else encoded(self.body)


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list; `following` asks for the next one, None at the end."""

    results: tuple[T, ...]
    following: Optional[Request[Page[T]]] = None


# -- Writing


def segment(name: str) -> str:
    """Return *name* as one segment of a path."""
    return quote(name, safe="")


def present(given: Given) -> dict[str, Any]:
    """Leave out what was not given."""
    return {name: value for name, value in given.items() if value is not None}


def encoded(body: Any) -> bytes:
    return json.dumps(body, default=on_wire, separators=(",", ":")).encode()


def on_wire(value: Any) -> Any:
    """Write decimals and times as the API has them."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
        return aware.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return value
    if isinstance(value, (list, tuple)):
        return [on_wire(each) for each in value]
    raise TypeError(f"{value!r} can't be sent as JSON.")


# -- Reading


def reads(kind: type[R]) -> Callable[[Answer], R]:
    """Return what reads an answer as *kind*."""
    reader = reader_of(kind)

    def read_one(answer: Answer) -> R:
        found: R = reader(answer.json())
        return found

    return read_one


def reads_many(kind: type[T]) -> Callable[[Answer], tuple[T, ...]]:
    reader = reader_of(kind)

    def read_array(answer: Answer) -> tuple[T, ...]:
        body = answer.json()
        if not isinstance(body, list):
            raise BadAnswerError("The answer is no array.")
        return tuple(reader(each) for each in body)

    return read_array


def reads_page(kind: type[T]) -> Callable[[Answer], Page[T]]:
    """Return what reads {"results", "next"}."""
    reader = reader_of(kind)

    def read_page(answer: Answer) -> Page[T]:
        body = answer.json()
        try:
            found, url = body["results"], body.get("next")
            results = tuple(reader(each) for each in found)
        except (TypeError, KeyError, AttributeError) as error:
            raise BadAnswerError("The answer is no page of a list.") from error
        return Page(results, _following(url, read_page))

    return read_page


def reads_linked_page(kind: type[T]) -> Callable[[Answer], Page[T]]:
    """Return what reads a bare array whose next page is named by a Link header."""
    read_array = reads_many(kind)

    def read_page(answer: Answer) -> Page[T]:
        link = answer.headers.get("link", "")
        url = link[link.find("<") + 1 : link.find(">")] if 'rel="next"' in link else ""
        return Page(read_array(answer), _following(url, read_page))

    return read_page


def _following(
    url: Optional[str], read: Callable[[Answer], Page[T]]
) -> Optional[Request[Page[T]]]:
    if not url:
        return None
    parts = urlsplit(url)  # its host may be the one behind a proxy
    query = f"?{parts.query}" if parts.query else ""
    return Request("GET", f"{parts.path}{query}", read)


def reads_bytes(answer: Answer) -> bytes:
    """Return a file as it came."""
    return answer.body


def reads_nothing(answer: Answer) -> None:
    """Read an answer that has nothing to say."""


def refuse(answer: Answer) -> None:
    """Raise the typed exception for a status that is not a success.

    Raises:
        ApiError: as the problem in the body says, or as the status does.
        BadAnswerError: a redirect, or no final answer.
    """
    if 200 <= answer.status < 300:
        return
    if answer.status < 400:
        raise BadAnswerError(f"An answer with status {answer.status} was not expected.")
    problem = _problem(answer)
    errors = problem.get("errors")
    raise kind_of(answer.status)(
        answer.status,
        str(problem.get("code") or "unknown"),
        str(problem.get("detail") or f"The server answered {answer.status}."),
        errors=[_field_error(each) for each in errors or () if isinstance(each, dict)]
        if isinstance(errors, list)
        else (),
        retry_after_s=retry_after(answer),
    )


def _problem(answer: Answer) -> dict[str, Any]:
    try:
        found = answer.json()
    except BadAnswerError:
        return {}
    return found if isinstance(found, dict) else {}


def _field_error(given: Given) -> FieldError:
    return FieldError(
        str(given.get("attr", "")),
        str(given.get("code", "")),
        str(given.get("detail", "")),
    )


def retry_after(answer: Answer) -> Optional[float]:
    """Return the seconds that a Retry-After header asks for, if it names some."""
    text = answer.headers.get("retry-after", "").strip()
    return float(text) if text.isdigit() else None
