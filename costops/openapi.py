"""The OpenAPI schema: what DRF's views say themselves, and what plain ones can't."""

from typing import Any

import msgspec

from costops import openapi_controls
from ledger.quantities import PARTS, THINGS
from ledger.usage import NOT_SENT, Usage

_REF = "#/components/schemas/{name}"
_ATOMIC = {
    "name": "atomic",
    "in": "query",
    "schema": {"type": "boolean", "default": False},
    "description": "All or nothing: one bad record refuses the whole batch.",
}
_USAGE_ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "maxLength": 255},
    "description": "The usage's id, as its sender gave it.",
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "maxLength": 255},
    "description": (
        "The same key and body get the same answer for 24 hours; the same key with "
        "another body is a 409."
    ),
}
_MONEY = {"type": "string", "format": "decimal", "example": "0.0930000000"}
_FIELD_ERROR = {
    "type": "object",
    "properties": {
        "attr": {"type": "string"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
    },
    "required": ["attr", "code", "detail"],
}
_PROBLEM = {
    "type": "object",
    "description": "RFC 9457; every error has this shape.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable: programs may rely on it."},
        "errors": {"type": "array", "items": _FIELD_ERROR},
    },
    "required": ["type", "title", "status", "detail", "code", "errors"],
}
_PROBLEMS = {
    "400": "A field is wrong; see `errors`.",
    "401": "No key, or one that is unknown, revoked or expired.",
    "403": "The key may not do this, or belongs to another organization.",
    "404": "There is no such thing, or not for this key.",
    "409": "It contradicts what is there by now.",
}
_SETTLED = {
    "type": "object",
    "description": "What became of the authorization or lease that a record names.",
    "properties": {
        "id": {"type": "string"},
        "known": {"type": "boolean"},
        "reserved": {**_MONEY, "type": ["string", "null"]},
        "over": {**_MONEY, "description": "What it cost more than was set aside."},
        "differs": {
            "type": "array",
            "description": (
                "What the record says otherwise than the decision, whose dimensions "
                "stand; neither what it leaves out nor another spelling of the same."
            ),
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "asked": {}, "sent": {}},
            },
        },
        "without_leave": {
            "type": "boolean",
            "description": "Another model was used than the decision allowed.",
        },
    },
}
_WORDS = {"type": "array", "items": {"type": "string"}}
_USAGE_ANSWER = {
    "type": "object",
    "properties": {
        "status": {"type": "string", "enum": ["success"]},
        "id": {"type": "string"},
        "usage_id": {"type": "string"},
        "cost": {**_MONEY, "type": ["string", "null"]},
        "currency": {"type": "string"},
        "priced": {"type": "boolean"},
        "duplicate": {"type": "boolean"},
        "conflict": {
            "type": "boolean",
            "description": "A repeat with other content: the first stands.",
        },
        "authorization": _SETTLED,
        "duplicate_of": {
            "type": "string",
            "description": "The usage that the same response is booked for.",
        },
        "corrected": {
            "type": "boolean",
            "description": "Of a correction: false if it has this content already.",
        },
        "detail": {"type": "string", "description": "Of a correction of nothing."},
        "cost_rounded": {
            "type": "boolean",
            "description": (
                "The reported cost was rounded, half to even, to ten decimals; what "
                "was sent stands in the metadata as `cost_sent`."
            ),
        },
        "unpriced_kinds": {
            **_WORDS,
            "description": "Kinds for want of whose price none of it has one.",
        },
        "assumed_kinds": {
            **_WORDS,
            "description": "Kinds whose price stands in for one of their own.",
        },
        "ignored": {
            **_WORDS,
            "description": "Fields that mean nothing here.",
        },
    },
}
_PLACE = {
    "type": "object",
    "properties": {"index": {"type": "integer"}, "id": {"type": "string"}},
}
_SETTLED_PLACE = {
    "type": "object",
    "properties": {"index": {"type": "integer"}, "authorization": _SETTLED},
}
_BATCH_ANSWER = {
    "type": "object",
    "properties": {
        "status": {"type": "string", "enum": ["success"]},
        "accepted": {"type": "integer"},
        "duplicates": {"type": "integer"},
        "rejected": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "index": {"type": "integer"},
                    "id": {"type": ["string", "null"]},
                    "errors": {"type": "array", "items": _FIELD_ERROR},
                },
            },
        },
        "conflicts": {"type": "array", "items": _PLACE},
        "unsettled": {
            "type": "array",
            "items": _SETTLED_PLACE,
            "description": "Whose authorization is unknown, or was not enough.",
        },
        "differing": {
            "type": "array",
            "items": _SETTLED_PLACE,
            "description": "Which say otherwise than their decisions, or had no leave.",
        },
        "repeated_responses": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "index": {"type": "integer"},
                    "id": {"type": "string"},
                    "duplicate_of": {"type": "string"},
                },
            },
            "description": (
                "Duplicates whose id is new, and whose response is booked for another."
            ),
        },
        "rounded": {
            "type": "array",
            "items": _PLACE,
            "description": "Whose reported costs were rounded to ten decimals.",
        },
        "unpriced": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "index": {"type": "integer"},
                    "id": {"type": "string"},
                    "unpriced_kinds": _WORDS,
                },
            },
        },
        "ignored": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "index": {"type": "integer"},
                    "id": {"type": "string"},
                    "fields": _WORDS,
                },
            },
        },
        "total_cost": {**_MONEY, "type": ["string", "null"]},
        "currency": {"type": ["string", "null"]},
        "total_costs": {
            "type": "object",
            "additionalProperties": _MONEY,
            "description": "By currency, where the batch has several.",
        },
        "processing_time_ms": {"type": "number"},
    },
}
_HEALTH = {
    "type": "object",
    "properties": {
        "status": {"type": "string", "enum": ["healthy", "unhealthy"]},
        "version": {"type": "string"},
        "database": {"type": "string", "enum": ["connected", "unreachable"]},
    },
}
_USAGE_NOTES = {
    "id": "The idempotency key: it counts once in its organization.",
    "timestamp": "RFC 3339; without a zone: UTC.",
    "provider": "Found from the model where it is left out and only one fits.",
    "model": "Another name of model_name.",
    "organization_id": "An organization's own key may leave it out.",
    "input_tokens": "Cached and cache-write ones included. Also: prompt_tokens.",
    "output_tokens": "Reasoning included. Also: completion_tokens.",
    "total_tokens": "Must be the sum of input and output, where it is given.",
    "tags": "An array of strings, or an object.",
    "metadata": "An object.",
    "cost": (
        "What was really billed: it is then what is charged. Negative: a credit. "
        "More than ten decimals are rounded, half to even."
    ),
    "currency": "Of the cost, in any case; the organization's, if it is left out.",
    "quantities": (
        "What was metered beside plain tokens, by kind. Parts of the tokens above: "
        f"{', '.join(sorted(PARTS))}. "
        f"Things of their own: {', '.join(sorted(THINGS))}. Any other "
        "word is a kind without a price until one is set. A kind may also stand beside "
        "the other fields."
    ),
    "requests": "How many requests it adds up; 1, if it is left out.",
    "response_id": "The provider's own id of the response.",
}


def complete(
    result: dict[str, Any], generator: Any, request: Any, **kwargs: Any
) -> dict[str, Any]:
    """Add the doors that are plain views, and the one shape of every error."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM
    schemas |= {"UsageRecord": _usage_record(), "UsageCorrection": _correction()}
    schemas |= {"UsageAnswer": _USAGE_ANSWER, "UsageBatchAnswer": _BATCH_ANSWER}
    schemas["Health"] = _HEALTH
    schemas |= openapi_controls.schemas()
    result["paths"] |= _usage_paths() | _health_paths() | openapi_controls.paths()
    for path in result["paths"].values():
        for method, operation in path.items():
            _add_common(method, operation)
    result["paths"] |= _otlp_paths()
    # Both forms answer; the one without a slash at its end is the one to use.
    paths = {path.rstrip("/"): what for path, what in result["paths"].items()}
    result["paths"] = dict(sorted(paths.items()))
    return result


def _add_common(method: str, operation: dict[str, Any]) -> None:
    """Add the problems an operation may answer; to a POST, its Idempotency-Key."""
    if operation.get("security") == []:
        return
    for status, description in _PROBLEMS.items():
        operation["responses"].setdefault(
            status,
            {
                "description": description,
                "content": {"application/problem+json": {"schema": _ref("Problem")}},
            },
        )
    if method == "post":
        operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)


def _usage_record() -> dict[str, Any]:
    """Return the schema of a usage record, from the type that decodes it."""
    fields = msgspec.structs.fields(Usage)
    properties = {
        each.name: {} if each.type is msgspec.Raw else msgspec.json.schema(each.type)
        for each in fields
        if each.name not in NOT_SENT
    }
    properties["tags"] = {
        "oneOf": [
            {"type": "array", "items": {"type": "string"}},
            {"type": "object", "additionalProperties": {"type": "string"}},
        ]
    }
    properties["metadata"] = {"type": "object"}
    for name, note in _USAGE_NOTES.items():
        properties[name]["description"] = note
    return {
        "type": "object",
        "description": (
            "One use of a model. Token counts, quantities or a cost are required, and "
            "one of model_name and model; missing token counts are 0. Fields that mean "
            "nothing are told in `ignored`; counts of tokens among them are refused."
        ),
        "properties": properties,
        "required": [each.name for each in fields if each.required],
    }


def _correction() -> dict[str, Any]:
    """Return the schema of a correction: a record whose id is in the path, and why."""
    record = _usage_record()
    reason = {"type": "string", "minLength": 1, "maxLength": 500}
    return {
        "type": "object",
        "description": "A usage record as it should be; its id may be left out.",
        "properties": {**record["properties"], "reason": reason},
        "required": [*(name for name in record["required"] if name != "id"), "reason"],
    }


def _usage_paths() -> dict[str, Any]:
    answered = _answer("UsageAnswer", "Booked and charged.")
    repeated = _answer("UsageAnswer", "Known already: nothing was changed.")
    many = {"type": "array", "items": _ref("UsageRecord"), "maxItems": 10_000}
    one_a_line = {"schema": {"type": "string", "description": "One record a line."}}
    return {
        "/api/v1/usage": {
            "post": {
                "operationId": "usage_create",
                "summary": "Report one use of a model",
                "description": "Safe to repeat: an id counts once.",
                "tags": ["usage"],
                "security": [{"apiKey": []}],
                "requestBody": _body({"schema": _ref("UsageRecord")}),
                "responses": {"201": answered, "200": repeated},
            }
        },
        "/api/v1/usage/{id}/correction": {
            "post": {
                "operationId": "usage_correction_create",
                "summary": "Correct usage that was reported wrongly",
                "description": (
                    "The whole record as it should be, and why. The usage then counts "
                    "with this content everywhere: budgets, costs, analytics. What an "
                    "authorization was settled with stays. 200 where it has this "
                    "content already."
                ),
                "tags": ["usage"],
                "security": [{"apiKey": []}],
                "parameters": [_USAGE_ID],
                "requestBody": _body({"schema": _ref("UsageCorrection")}),
                "responses": {
                    "201": _answer("UsageAnswer", "Corrected and charged."),
                    "200": _answer("UsageAnswer", "Nothing to correct."),
                },
            }
        },
        "/api/v1/usage/batch": {
            "post": {
                "operationId": "usage_batch_create",
                "summary": "Report up to 10,000 uses",
                "description": (
                    "The answer comes when all of it is durable and charged. Bad "
                    "records never sink good ones, unless `atomic`. Gzip is taken."
                ),
                "tags": ["usage"],
                "security": [{"apiKey": []}],
                "parameters": [_ATOMIC],
                "requestBody": _body({"schema": many}, lines=one_a_line),
                "responses": {"200": _answer("UsageBatchAnswer", "What became of it.")},
            }
        },
    }


def _otlp_paths() -> dict[str, Any]:
    """Return OTLP's door, which has neither our errors nor our Idempotency-Key."""
    said = "A google.rpc.Status, or a Problem to JSON."
    statuses = {**_PROBLEMS, "503": "The database is away: to be sent again."}
    return {
        "/otlp/v1/traces": {
            "post": {
                "operationId": "otlp_traces_create",
                "summary": "Report usage as OpenTelemetry spans",
                "description": (
                    "OTLP/HTTP. Spans with GenAI attributes are booked, others are "
                    "ignored; `partialSuccess` counts those that can't be booked."
                ),
                "tags": ["usage"],
                "security": [{"apiKey": []}],
                "requestBody": {
                    "required": True,
                    "content": _otlp_types("An ExportTraceServiceRequest."),
                },
                "responses": {
                    "200": {
                        "description": "What became of it.",
                        "content": _otlp_types("An ExportTraceServiceResponse."),
                    },
                    **{
                        status: {"description": f"{statuses[status]} {said}"}
                        for status in ("400", "401", "403", "503")
                    },
                },
            }
        }
    }


def _otlp_types(description: str) -> dict[str, Any]:
    packed = {"type": "string", "format": "binary"}
    return {
        "application/x-protobuf": {"schema": packed},
        "application/json": {"schema": {"type": "object", "description": description}},
    }


def _health_paths() -> dict[str, Any]:
    healthy = _answer("Health", "All is well.")
    away = _answer("Health", "The database is away.")
    summaries = {
        "/health": ("health", "Tell whether all is well", True),
        "/health/live": ("health_live", "Tell that the process answers", False),
        "/health/ready": ("health_ready", "Tell whether requests can be taken", True),
        "/api/v1/health": ("api_health", "Tell whether all is well", True),
    }
    return {
        path: {
            "get": {
                "operationId": f"{operation}_retrieve",
                "summary": summary,
                "tags": ["health"],
                "security": [],
                "responses": {"200": healthy} | ({"503": away} if asks else {}),
            }
        }
        for path, (operation, summary, asks) in summaries.items()
    }


def _body(plain: dict[str, Any], **others: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": plain}
    if lines := others.get("lines"):
        content["application/x-ndjson"] = lines
    return {"required": True, "content": content}


def _answer(name: str, description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/json": {"schema": _ref(name)}},
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": _REF.format(name=name)}
