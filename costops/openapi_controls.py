"""The OpenAPI schema of authorizations and leases, whose doors are plain views."""

from typing import Any

import msgspec

from controls.api.authorization_schemas import (
    AuthorizationIn,
    LeaseIn,
    RenewalIn,
    ReturnIn,
)

MONEY = {"type": "string", "format": "decimal", "example": "0.0930000000"}
_TAGS = {
    "oneOf": [
        {"type": "array", "items": {"type": "string"}},
        {"type": "object", "additionalProperties": {"type": "string"}},
    ]
}
_TEXT = {"type": "string"}
_TIME = {"type": ["string", "null"], "format": "date-time"}
_NOTES = {
    "model_name": "Another name of model.",
    "estimated_cost": "The most it can cost, in the organization's currency.",
    "max_output_tokens": "With input_tokens: the worst case is priced and set aside.",
    "ttl_s": "What is not settled by then expires.",
    "durable": "Ignored: every decision is durable when it is answered.",
    "amount": "Wanted; at most an eighth of what is left is given.",
    "minimum": "Less is of no use: what the call at hand needs.",
}
_REASON = {
    "type": "object",
    "properties": {
        "budget": {"type": "string", "description": "Its id."},
        "budget_name": _TEXT,
        "rule": {
            "type": "string",
            "description": "A rule's id, or hard_limit, kill_switch, unpriced.",
        },
        "message": _TEXT,
        "left": {**MONEY, "type": ["string", "null"]},
        "currency": _TEXT,
    },
}
_REASONS = {"type": "array", "items": _REASON}
_ANSWER = {
    "type": "object",
    "properties": {
        "id": {"type": ["string", "null"], "description": "For the usage record."},
        "decision": {
            "type": "string",
            "enum": ["allow", "downgrade", "rate_limit", "block"],
        },
        "model": {"type": "string", "description": "The one to use."},
        "reserved": MONEY,
        "currency": _TEXT,
        "expires_at": _TIME,
        "retry_after_s": {"type": ["integer", "null"]},
        "priced": {"type": "boolean"},
        "reasons": _REASONS,
    },
}
_OBJECTS = {"type": "array", "items": {"type": "object"}}
_MODEL_NAMES = {
    "type": "object",
    "properties": {
        "asked": _TEXT,
        "model": _TEXT,
        "version": {"type": "string", "description": "Empty: the name does not say."},
        "meant_by": {"type": "array", "items": _TEXT},
    },
}
_LEASE = {
    "type": "object",
    "properties": {
        "id": {"type": ["string", "null"]},
        "mode": {
            "type": "string",
            "enum": ["lease", "ask", "block"],
            "description": "ask: a rate limit is in force, ask for each call.",
        },
        "granted": {**MONEY, "description": "Added by this request."},
        "held": MONEY,
        "currency": _TEXT,
        "expires_at": _TIME,
        "ttl_s": {"type": "number"},
        "refresh_s": {"type": "integer"},
        "dimensions": {"type": "array", "items": _TEXT},
        "unpriced_policy": {"type": "string", "enum": ["allow", "block"]},
        "reasons": _REASONS,
        "budgets": _OBJECTS,
        "names": {
            "type": "object",
            "description": "What the names of its calls mean, for the model asked for "
            "and those that downgrades lead to. `meant_by`: of the texts that triggers "
            "compare models with, those by which this one is meant.",
            "properties": {
                "provider": _TEXT,
                "user_id": _TEXT,
                "models": {"type": "array", "items": _MODEL_NAMES},
            },
        },
        "rules": {
            **_OBJECTS,
            "description": "`forbids` and `instead` of each say what its lists come to "
            "for the models of `names`, as they were asked for.",
        },
        "prices": {**_OBJECTS, "description": "Of one token, in 10^-16."},
    },
}
_STATE = {
    "type": "object",
    "properties": {
        "id": _TEXT,
        "kind": {"type": "string", "enum": ["authorization", "lease"]},
        "state": {
            "type": "string",
            "enum": ["open", "settled", "released", "expired"],
        },
        "reserved": MONEY,
        "held": MONEY,
        "settled": MONEY,
        "currency": _TEXT,
        "expires_at": _TIME,
    },
}
_ENDED = {
    "type": "object",
    "properties": {"id": _TEXT, "state": _TEXT, "returned": MONEY},
}


def schemas() -> dict[str, Any]:
    return {
        "AuthorizationAsked": _shape(AuthorizationIn),
        "LeaseAsked": _shape(LeaseIn),
        "LeaseRenewal": _shape(RenewalIn),
        "LeaseReturn": _shape(ReturnIn),
        "AuthorizationAnswer": _ANSWER,
        "LeaseAnswer": _LEASE,
        "ReservationState": _STATE,
        "ReservationEnded": _ENDED,
    }


def paths() -> dict[str, Any]:
    asked, given = "AuthorizationAsked", "AuthorizationAnswer"
    found: dict[str, Any] = {
        "/api/v1/authorizations": _post(
            "authorizations_create", "Ask before a call is made", "200", given, asked
        ),
        "/api/v1/authorizations/{id}": _get("authorizations_retrieve"),
        "/api/v1/authorizations/{id}/release": _post(
            "authorizations_release", "Give back a call's money", "200", _END
        ),
        "/api/v1/leases": _post(
            "leases_create",
            "Have money set aside, to decide alone",
            "201",
            "LeaseAnswer",
            "LeaseAsked",
        ),
        "/api/v1/leases/{id}": _get("leases_retrieve"),
        "/api/v1/leases/{id}/renew": _post(
            "leases_renew", "More money or time", "200", "LeaseAnswer", "LeaseRenewal"
        ),
        "/api/v1/leases/{id}/return": _post(
            "leases_return", "Give money back", "200", _END, "LeaseReturn"
        ),
    }
    for path, operations in found.items():
        if "{id}" in path:
            for operation in operations.values():
                operation["parameters"] = [_ID]
    return found


_END = "ReservationEnded"
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}


def _shape(kind: type[msgspec.Struct]) -> dict[str, Any]:
    fields = msgspec.structs.fields(kind)
    properties: dict[str, Any] = {}
    for each in fields:
        raw = each.type is msgspec.Raw
        schema: dict[str, Any] = dict(_TAGS) if raw else msgspec.json.schema(each.type)
        if note := _NOTES.get(each.name):
            schema["description"] = note
        properties[each.name] = schema
    required = [each.name for each in fields if each.required]
    return {
        "type": "object",
        "description": kind.__doc__ or "",
        "properties": properties,
        **({"required": required} if required else {}),
    }


def _post(
    operation: str, summary: str, status: str, answer: str, asked: str | None = None
) -> dict[str, Any]:
    body = {"content": {"application/json": {"schema": _ref(asked)}}} if asked else None
    return {
        "post": {
            **_common(operation, summary, status, answer),
            **({"requestBody": body} if body else {}),
        }
    }


def _get(operation: str) -> dict[str, Any]:
    summary = "Tell where an authorization or lease stands"
    return {"get": _common(operation, summary, "200", "ReservationState")}


def _common(operation: str, summary: str, status: str, answer: str) -> dict[str, Any]:
    content = {"application/json": {"schema": _ref(answer)}}
    return {
        "operationId": operation,
        "summary": summary,
        "tags": ["controls"],
        "security": [{"apiKey": []}],
        "responses": {status: {"description": summary, "content": content}},
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
