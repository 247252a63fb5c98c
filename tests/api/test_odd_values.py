"""Values of other kinds than are meant, in every field, query and address: no 5xx."""

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.api.contract import Described, check, operations
from tests.api.examples import APART, EXAMPLES
from tests.api.spoiling import spoilt_at
from tests.api.world import World
from tests.sizes import size

pytestmark = pytest.mark.django_db


def cursor(text: str) -> str:
    """Return what a page of a list calls itself, for one of nobody's making."""
    return quote(b64encode(text.encode()).decode())


# None of them can be told from the others by what a field is for.
ODD: dict[str, Any] = {
    "object": {},
    "list": [],
    "lists": [[{}]],
    "objects": {"a": {"b": [None]}},
    "null": None,
    "true": True,
    "negative": -1,
    "huge": 10**400,
    "exponent": "1E+1000000",
    "tiny": "1E-1000000",
    "not a number": "NaN",
    "over-long": "x" * 70_000,
    "year nought": "0000-00-00",
    "last moment": "9999-12-31T23:59:59-23:59",
    "backwards": "\u202e}{%s%n",
}
IN_ADDRESSES = {
    "nul": "a%00b",
    "lone surrogate": "%ED%A0%80",
    "superscript": quote("²"),
    "nines": "9" * 400,
    "exponent": "1E%2B1000000",
    "over-long": "x" * 3000,
    "nothing": "",
    "last moment": quote("9999-12-31T23:59:59-23:59"),
    "cursor of nul": cursor("p=%00"),
    "cursor of a word": cursor("r=1&p=x"),
    "cursor of nines": cursor("p=" + "9" * 400),
    "cursor of an offset": cursor("o=-1&p=1"),
}
CHANGING = sorted(each.id for each in operations().values() if each.takes_a_body)
# A record of a batch sinks no other; see the tests of each.
ELSEWHERE = {"usage_batch_create", *APART}
READING = sorted(each.id for each in operations().values() if each.method == "get")


def some(kinds: dict[str, Any], number: int) -> Iterator[tuple[str, Any]]:
    """Yield one kind after the other by day, all of them at night."""
    chosen = list(kinds.items())
    if size(0, 1):
        yield from chosen
    else:
        yield chosen[number % len(chosen)]


def fault(operation: Described, response: Any, *what: object) -> list[str]:
    """Say what is wrong with an answer, if it is one that nobody is told of."""
    if response.streaming:
        b"".join(response)
        return []
    try:
        check(operation, response)
    except AssertionError as error:
        words = " ".join(map(str, what))
        return [f"{operation.id} {response.status_code} {words}: {error}"[:400]]
    return []


@pytest.mark.parametrize("name", [name for name in CHANGING if name not in ELSEWHERE])
def test_no_value_of_a_field_is_a_fault(world: World, name: str) -> None:
    operation = operations()[name]
    example = next(iter(EXAMPLES[name](world)))
    path, method = operation.at(**example.get("ids", {})), operation.method.upper()
    client = example.get("client", world.client)
    client.raise_request_exception = False
    mark = "take the place of this"
    bodies = [
        (place, body)
        for place, body in spoilt_at(operation, example.get("body") or {}, mark)
        if f"{json.dumps(mark)}:" not in json.dumps(body)  # only texts are keys
    ]

    found = []
    # Each kind comes to every field by and by, from one operation to the next.
    for number, (place, body) in enumerate(bodies, CHANGING.index(name)):
        for kind, odd in some(ODD, number):
            text = json.dumps(body).replace(json.dumps(mark), json.dumps(odd))
            answer = client.generic(method, path, text, content_type="application/json")
            found += fault(operation, answer, place, kind)

    assert found == []


@pytest.mark.parametrize("name", READING)
def test_no_query_and_no_id_is_a_fault(world: World, name: str) -> None:
    operation = operations()[name]
    example = next(iter(EXAMPLES[name](world)))
    ids, client = example.get("ids", {}), example.get("client", world.client)
    client.raise_request_exception = False
    asked = [
        one["name"]
        for one in operation.what.get("parameters", ())
        if one["in"] == "query"
    ]

    found = []
    for number, parameter in enumerate(asked, READING.index(name)):
        for kind, odd in some(IN_ADDRESSES, number):
            answer = client.get(f"{operation.at(**ids)}?{parameter}={odd}")
            found += fault(operation, answer, parameter, kind)
    for kind, odd in IN_ADDRESSES.items() if ids else ():
        if odd:
            answer = client.get(operation.at(**dict.fromkeys(operation.ids, odd)))
            found += fault(operation, answer, "id", kind)

    assert found == []
