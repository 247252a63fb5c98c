"""What docs/openapi.yaml says, and whether an answer is as it says."""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

import yaml
from jsonschema import Draft202012Validator, FormatChecker

from tests.databases import ROOT

METHODS = ("get", "post", "put", "patch", "delete")
_formats = FormatChecker(formats=[])


@_formats.checks("decimal", raises=(ValueError, ArithmeticError))
def _is_decimal(text: object) -> bool:
    return not isinstance(text, str) or f"{Decimal(text):f}" == text


@_formats.checks("date-time", raises=ValueError)
def _is_moment(text: object) -> bool:
    return not isinstance(text, str) or datetime.fromisoformat(text).tzinfo is not None


@dataclass(frozen=True, slots=True)
class Described:
    """One operation of the schema."""

    id: str
    method: str
    path: str
    what: dict[str, Any]

    def at(self, **ids: str) -> str:
        """Return the path, with *ids* in their places."""
        return re.sub(r"\{(\w+)\}", lambda found: ids[found[1]], self.path)

    @property
    def takes_a_body(self) -> bool:
        return "requestBody" in self.what

    @property
    def ids(self) -> list[str]:
        return re.findall(r"\{(\w+)\}", self.path)

    @property
    def is_open(self) -> bool:
        return self.what.get("security") == []


@cache
def document() -> dict[str, Any]:
    """Return the schema, its objects closed: no field that it has not."""
    read = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())
    closed: dict[str, Any] = _closed(read)
    return closed


def _closed(part: Any) -> Any:
    if isinstance(part, list):
        return [_closed(each) for each in part]
    if not isinstance(part, dict):
        return part
    found = {name: _closed(each) for name, each in part.items()}
    if found.get("type") == "object" and isinstance(found.get("properties"), dict):
        found.setdefault("additionalProperties", False)
    return found


@cache
def operations() -> dict[str, Described]:
    found = [
        Described(what["operationId"], method, path, what)
        for path, methods in document()["paths"].items()
        for method, what in methods.items()
        if method in METHODS
    ]
    return {each.id: each for each in found}


def check(operation: Described, response: Any) -> None:
    """See that *response* is one that *operation* may answer.

    Of a method that there is not, no operation tells: that is a problem, all the same.
    """
    if response.status_code == 405:
        problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
        content = {"application/problem+json": problem}
    else:
        declared = operation.what["responses"].get(str(response.status_code))
        assert declared, f"{operation.id} says nothing of {response.status_code}"
        content = declared.get("content", {})
    if not content:
        assert response.content == b""
        return
    media_type = response.headers["Content-Type"].partition(";")[0]
    assert media_type in content, f"{operation.id} does not answer {media_type}"
    if "json" in media_type:
        _validate(content[media_type]["schema"], response.json())


def _validate(schema: dict[str, Any], body: Any) -> None:
    whole = {**schema, "components": document()["components"]}
    errors = list(
        Draft202012Validator(whole, format_checker=_formats).iter_errors(body)
    )
    assert not errors, "\n".join(f"{each.json_path}: {each.message}" for each in errors)
