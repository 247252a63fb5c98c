"""The OpenAPI schema: what the views declare, and the one shape of every error."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from drf_spectacular.generators import EndpointEnumerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import Direction

from lib.answers import Operation, PageOut, ProblemOut

_REF = "#/components/schemas/{name}"
_JSON = "application/json"
_TEXT = {"type": "string"}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "maxLength": 255},
    "description": (
        "The same key and body get the same answer for 24 hours; the same key with "
        "another body is a 409."
    ),
}
_PROBLEMS = {
    "400": "A field is wrong; see `errors`.",
    "401": "No key, or one that is unknown, revoked or expired.",
    "403": "The key may not do this, or belongs to another organization.",
    "404": "There is no such thing, or not for this key.",
    "409": "It contradicts what is there by now.",
    "503": "The database is away or busy: to be sent again after `Retry-After`.",
}
_OF_BODIES = {
    "413": "The body is larger than what is taken in one request.",
    "415": "The body is of another type than is taken.",
}
_OF_VERSIONS = {"412": "Somebody changed it since the version named: see `detail`."}
_APART = {"/otlp/v1/traces"}  # says all of its answers itself, and keeps none
_PAGE = re.compile(rf"{PageOut.__name__}_(\w+)_")
_ID = re.compile(r"\{\w+\}")


class Schema(AutoSchema):
    """Takes the answers of DRF's views from what they declare; see `lib.answers`."""

    def get_response_serializers(self) -> Any:
        return self._declared() or super().get_response_serializers()

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        declared = self._declared()
        if declared is None:
            found: dict[str, Any] = super()._get_response_bodies(direction)
            return found
        return {
            str(status): self._said(status, kind) for status, kind in declared.items()
        }

    def _declared(self) -> dict[int, Any] | None:
        action = getattr(self.view, "action", None) or self.method.lower()
        return getattr(getattr(self.view, action), "answers", None)

    def _said(self, status: int, kind: Any) -> dict[str, Any]:
        if kind is None:
            return {"description": "No response body"}
        schema, components = schema_of(kind)
        for name, component in components.items():
            kept = ResolvedComponent(
                name, ResolvedComponent.SCHEMA, schema=component, object=name
            )
            self.registry.register_on_missing(kept)
        by_type = {
            media_type: {"schema": schema if media_type == _JSON else _TEXT}
            for media_type in self.map_renderers("media_type")
        }
        headers = self._get_response_headers_for_code(str(status), "response")
        return {
            "description": "",
            "content": by_type,
            **({"headers": headers} if headers else {}),
        }


def schema_of(kind: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the schema of an answer, and those it refers to, by name.

    Of a tuple, any: an untagged union of structs is nothing that msgspec knows.
    """
    if isinstance(kind, tuple):
        schemas, components = zip(*map(schema_of, kind), strict=True)
        used = {name: one for each in components for name, one in each.items()}
        return {"anyOf": list(schemas)}, used
    (schema,), components = msgspec.json.schema_components((kind,), ref_template=_REF)
    return _tidy(schema), {
        _short(name): _tidy(each) for name, each in components.items()
    }


def _short(name: str) -> str:
    """Return the name clients see: BudgetOut is Budget, a page of them BudgetPage."""
    name = _PAGE.sub(lambda found: f"{_short(found[1])}Page", name)
    return name.removesuffix("Out")


def _tidy(schema: Any) -> Any:
    """Return *schema* as this document has it.

    Objects are open, for fields may come; what is null or a plain type is one type.
    """
    if isinstance(schema, list):
        return [_tidy(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _tidy(value) for name, value in schema.items()}
    if isinstance(found.get("title"), str):  # not a property of that name
        del found["title"]
    if found.get("additionalProperties") is False:
        del found["additionalProperties"]
    if "$ref" in found:
        prefix, _, name = found["$ref"].rpartition("/")
        found["$ref"] = f"{prefix}/{_short(name)}"
    match found.get("anyOf"):
        case [{"type": str(kind)} as plain, {"type": "null"}] if "enum" not in plain:
            del found["anyOf"]
            found = {**plain, **found, "type": [kind, "null"]}
        case [{"enum": list(values)} as plain, {"type": "null"}]:
            del found["anyOf"]
            found = {**plain, **found, "enum": [*values, None]}
            found.pop("type", None)
    return found


def complete(
    result: dict[str, Any], generator: Any, request: Any, **kwargs: Any
) -> dict[str, Any]:
    """Add the doors that are plain views, and the one shape of every error."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    problem, shapes = schema_of(ProblemOut)
    for path, view_operation in _plain_operations():
        operation, used = _written(view_operation, _ID.sub("{id}", path))
        shapes |= used
        place = result["paths"].setdefault(_ID.sub("{id}", path), {})
        place[view_operation.method] = operation
    schemas |= shapes
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            if path.rstrip("/") not in _APART:
                _add_common(method, operation, problem)
    # Both forms answer; the one without a slash at its end is the one to use.
    paths = {path.rstrip("/"): what for path, what in result["paths"].items()}
    result["paths"] = dict(sorted(paths.items()))
    result["components"]["schemas"] = dict(sorted(schemas.items()))
    return result


class _PlainViews(EndpointEnumerator):
    """The URLs of plain views that say what they do."""

    def should_include_endpoint(self, path: str, callback: Any) -> bool:
        return hasattr(callback, "operation")

    def get_allowed_methods(self, callback: Any) -> list[str]:
        return [callback.operation.method]


def _plain_operations() -> Iterator[tuple[str, Operation]]:
    views: Any = _PlainViews()
    for path, _, _, callback in views.get_api_endpoints():
        yield path, callback.operation


def _written(operation: Operation, path: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return *operation* as OpenAPI has it, and the schemas that it refers to."""
    shapes: dict[str, Any] = {}

    def content(kind: Any) -> dict[str, Any]:
        by_type = kind if _is_by_type(kind) else {_JSON: kind}
        return {
            media_type: {"schema": _resolved(each, shapes)}
            for media_type, each in by_type.items()
        }

    found: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "security": [] if operation.is_open else [{"apiKey": []}],
        "responses": {
            str(status): {"description": operation.summary, "content": content(kind)}
            for status, kind in operation.answers.items()
        },
    }
    if operation.description:
        found["description"] = operation.description
    if operation.body is not None:
        found["requestBody"] = {
            "required": _is_needed(operation.body),
            "content": content(operation.body),
        }
    ids = [_path_id()] if "{id}" in path else []
    if parameters := [*ids, *operation.parameters]:
        found["parameters"] = parameters
    return found, shapes


def _is_by_type(kind: Any) -> bool:
    """Tell whether *kind* names its media types."""
    return isinstance(kind, Mapping) and all("/" in name for name in kind)


def _is_needed(body: Any) -> bool:
    """Tell whether a body must be sent: not where it may be empty."""
    return not isinstance(body, dict) or _is_by_type(body) or "required" in body


def _path_id() -> dict[str, Any]:
    return {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}


def _resolved(kind: Any, shapes: dict[str, Any]) -> dict[str, Any]:
    if isinstance(kind, dict):
        if items := kind.get("items"):
            return {**kind, "items": _resolved(items, shapes)}
        if (name := kind.get("title")) is None:
            return kind
        shapes[name] = {key: value for key, value in kind.items() if key != "title"}
        return {"$ref": _REF.format(name=name)}
    schema, used = schema_of(kind)
    shapes.update(used)
    return schema


def _add_common(
    method: str, operation: dict[str, Any], problem: dict[str, Any]
) -> None:
    """Add the problems an operation may answer; to a POST, its Idempotency-Key."""
    if operation.get("security") == []:
        return
    statuses = _PROBLEMS | (_OF_BODIES if "requestBody" in operation else {})
    if any(one.get("name") == "If-Match" for one in operation.get("parameters", ())):
        statuses = statuses | _OF_VERSIONS
    for status, description in statuses.items():
        content = {"application/problem+json": {"schema": problem}}
        answer = {"description": description, "content": content}
        operation["responses"].setdefault(status, answer)
    if method == "post":
        operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
