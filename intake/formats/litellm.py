"""LiteLLM's spend logs: the table LiteLLM_SpendLogs, or /spend/logs.

What LiteLLM reckoned as the spend is taken as the cost; with --ignore-column spend the
tokens are priced here.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from intake.formats.cells import amount, filled, mapping, moment, parsed, text, whole
from intake.formats.counting import counted, said_nothing
from intake.objects import of_provider

_KEPT = ("call_type", "model_group", "api_base", "session_id", "end_user", "cache_hit")


def litellm(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the record of one request."""
    metadata = mapping(row.get("metadata"))
    usage = mapping(metadata.get("usage_object")) or mapping(
        metadata.get("additional_usage_values")
    )
    told = of_provider(usage)
    counts = told.counts._replace(
        input=whole(row.get("prompt_tokens")),
        output=whole(row.get("completion_tokens")),
        total=whole(row.get("total_tokens")),
    )
    used, doubt = counted(counts, told.quantities)
    spend = amount(row.get("spend"))
    if text(row.get("cache_hit")) in {"True", "true"}:
        spend = "0"  # LiteLLM answered itself
    fields = {
        "id": text(row.get("request_id")),
        "timestamp": moment(row.get("startTime") or row.get("start_time")),
        "provider": text(row.get("custom_llm_provider")),
        "model": text(row.get("model")),
        "user_id": text(row.get("user"))
        or text(metadata.get("user_api_key_user_id"))
        or text(row.get("end_user")),
        "team_id": text(row.get("team_id"))
        or text(metadata.get("user_api_key_team_id")),
        "tags": parsed(row.get("request_tags")) or None,
        "cost": spend,
        "currency": "USD" if spend else None,
        **used,
    }
    if said_nothing(fields) and text(row.get("cache_hit")) not in {"True", "true"}:
        return
    kept = {name: text(row.get(name)) for name in _KEPT}
    yield filled({**fields, "metadata": filled({**kept, "doubt": doubt})})
