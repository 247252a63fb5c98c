"""Helicone's requests: its export tool (CSV, JSON lines) and its API.

What it reckoned as the cost is taken as such; with --ignore-column cost the tokens are
priced here. The tool's CSV has no provider: it is found from the model.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from intake.counts import Counts
from intake.formats.cells import amount, filled, mapping, moment, text, whole
from intake.formats.counting import counted, said_nothing

_NOT_CACHED = "00000000-0000-0000-0000-000000000000"
_KEPT = ("response_id", "response_status", "request_path", "target_url", "prompt_id")


def helicone(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the record of one request; none, if it used nothing."""
    properties = mapping(row.get("request_properties") or row.get("properties"))
    sound = {
        "audio_input_tokens": whole(row.get("prompt_audio_tokens")) or 0,
        "audio_output_tokens": whole(row.get("completion_audio_tokens")) or 0,
    }
    # Helicone's prompt leaves out what was cached, written or heard.
    prompt, completion = (
        whole(row.get("prompt_tokens")),
        whole(row.get("completion_tokens")),
    )
    cached = whole(row.get("prompt_cache_read_tokens"))
    written = whole(row.get("prompt_cache_write_tokens"))
    used, doubt = counted(
        Counts(
            None if prompt is None else prompt + sound["audio_input_tokens"],
            None if completion is None else completion + sound["audio_output_tokens"],
            cached,
            written,
        ),
        {kind: n for kind, n in sound.items() if n},
        cached_apart=True,
    )
    cost = amount(_first(row, "cost", "costUSD", "cost_usd"))
    if _is_from_cache(row):
        cost = "0"
    fields = {
        "id": text(_first(row, "request_id", "response_id")),
        "timestamp": moment(_first(row, "request_created_at", "response_created_at")),
        "provider": _provider(row),
        "model": text(_first(row, "response_model", "model", "request_model")),
        "user_id": text(_first(row, "request_user_id", "user_id", "helicone_user")),
        "latency_ms": whole(_first(row, "delay_ms", "latency")),
        "tags": {name: str(value) for name, value in properties.items()} or None,
        "cost": cost,
        "currency": "USD" if cost else None,
        **used,
    }
    if said_nothing(fields):
        return
    kept = {name: text(row.get(name)) for name in _KEPT}
    yield filled({**fields, "metadata": filled({**kept, "doubt": doubt})})


def _first(row: Mapping[str, Any], *names: str) -> Any:
    return next((row[name] for name in names if text(row.get(name))), None)


def _provider(row: Mapping[str, Any]) -> str | None:
    said = text(row.get("provider"))
    return None if said is None or said.upper() in {"CUSTOM", "HELICONE"} else said


def _is_from_cache(row: Mapping[str, Any]) -> bool:
    """Tell whether Helicone answered itself, from an earlier request's answer."""
    reference = text(row.get("cache_reference_id"))
    return reference is not None and reference != _NOT_CACHED
