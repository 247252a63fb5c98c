"""Every operation of docs/openapi.yaml answers what is written there."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from tests.api.contract import check, operations
from tests.api.examples import APART, EXAMPLES
from tests.api.world import World
from tests.intake.otlp_exports import (
    JSON,
    PROTOBUF,
    make_export,
    make_span,
    to_json,
    to_protobuf,
)

pytestmark = pytest.mark.django_db


def test_every_operation_has_an_example() -> None:
    assert operations().keys() == EXAMPLES.keys() | APART


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_answer_is_what_the_schema_says(world: World, name: str) -> None:
    operation = operations()[name]

    for example in EXAMPLES[name](world):
        path = operation.at(**example.get("ids", {})) + example.get("query", "")
        response = world.ask(
            operation.method.upper(), path, example.get("body"), example.get("client")
        )

        assert response.status_code < 300, response.content
        check(operation, _whole(response))


@dataclass(frozen=True, slots=True)
class Read:
    """A response that was a stream, read to its end."""

    status_code: int
    headers: Any
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)


def _whole(response: Any) -> Any:
    if not response.streaming:
        return response
    return Read(response.status_code, response.headers, b"".join(response))


@pytest.mark.parametrize("kind", [JSON, PROTOBUF])
def test_otlp_answers_what_the_schema_says(world: World, kind: str) -> None:
    operation = operations()["otlp_traces_create"]
    export = make_export(make_span())
    body = to_json(export) if kind == JSON else to_protobuf(export)

    for content in (body, b"?"):
        response = world.client.generic(
            "POST", operation.path, content, content_type=kind
        )

        check(operation, response)
