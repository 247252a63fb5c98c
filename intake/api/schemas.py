"""What reported usage looks like, for the schema; `ledger.usage` reads it."""

from typing import Any

from intake.corrections import LONGEST_REASON
from ledger.outcomes import OutcomeReport
from ledger.quantities import PARTS, THINGS
from ledger.usage import NOT_SENT, Usage
from lib.answers import schema_of_body

_NOTES = {
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
    "run_id": "The run of an agent or a job that it counts for.",
}
_RAW: dict[str, dict[str, Any]] = {
    "tags": {
        "oneOf": [
            {"type": "array", "items": {"type": "string"}},
            {"type": "object", "additionalProperties": {"type": "string"}},
        ]
    },
    "metadata": {"type": "object"},
}


def usage_record() -> dict[str, Any]:
    """Return the schema of a usage record, from the type that decodes it."""
    schema = schema_of_body(
        Usage, name="UsageRecord", notes=_NOTES, raw=_RAW, left_out=NOT_SENT
    )
    return schema | {
        "description": (
            "One use of a model. Token counts, quantities or a cost are required, and "
            "one of model_name and model; missing token counts are 0. Fields that mean "
            "nothing are told in `ignored`; counts of tokens among them are refused."
        )
    }


def outcome_record() -> dict[str, Any]:
    """Return the schema of an outcome, from the type that decodes it."""
    notes = {
        "id": _NOTES["id"],
        "name": "What was achieved, one word for all of its kind: tickets_solved.",
        "timestamp": _NOTES["timestamp"],
        "count": "How many times; 1, if it is left out.",
        "organization_id": _NOTES["organization_id"],
        "tags": _NOTES["tags"],
    }
    return schema_of_body(OutcomeReport, name="OutcomeReport", notes=notes, raw=_RAW)


def usage_correction_body() -> dict[str, Any]:
    """Return the schema of a correction: a record whose id is in the path, and why."""
    record = usage_record()
    reason = {"type": "string", "minLength": 1, "maxLength": LONGEST_REASON}
    return record | {
        "title": "UsageCorrection",
        "description": "A usage record as it should be; its id may be left out.",
        "properties": {**record["properties"], "reason": reason},
        "required": [*(name for name in record["required"] if name != "id"), "reason"],
    }
