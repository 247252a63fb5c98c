"""OpenAI's usage: pages of /organization/usage/..., and rows of the same as CSV.

They add up many requests to a model in a stretch of time. An id is made of what a row
is grouped by, so that exports which overlap count once.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from intake.formats.cells import filled, moment, objects, text, whole

_GROUPS = ("model", "project_id", "user_id", "api_key_id", "service_tier", "batch")
# Of rows that count no tokens: what they count, and what it is called here.
_THINGS = {
    "characters": "characters",
    "images": "images",
    "num_sessions": "sessions",
    "seconds": "seconds",
}
_SEARCHES = ("web_searches", "file_searches")


def openai(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the records of a page, of a bucket, or of one row."""
    for bucket in objects(row["data"]) if "data" in row else [row]:
        if "results" not in bucket:
            yield from _record(bucket)
            continue
        around = {name: bucket.get(name) for name in ("start_time", "end_time")}
        for result in objects(bucket["results"]):
            yield from _record({**around, **result})


def _record(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    start = moment(_first(row, "start_time_iso", "start_time"))
    kind = _kind(row)
    tokens = {
        "input_tokens": whole(row.get("input_tokens")),
        "output_tokens": whole(row.get("output_tokens")),
        "cached_tokens": whole(row.get("input_cached_tokens")),
        "cache_write_tokens": whole(row.get("input_cache_write_tokens")),
    }
    quantities = _quantities(row, kind)
    if not any(tokens.values()) and not quantities:
        return
    groups = [text(row.get(name)) or "" for name in _GROUPS]
    end = text(_first(row, "end_time_iso", "end_time")) or ""
    metadata = {"api_key_id": text(row.get("api_key_id")), "until": end, "kind": kind}
    yield filled(
        {
            **tokens,
            "input_tokens": tokens["input_tokens"] or 0,
            "id": "-".join(("openai", kind, start or "", end, *groups)),
            "timestamp": start,
            "provider": "openai",
            "model": text(row.get("model")) or kind,
            "project_id": text(row.get("project_id")),
            "user_id": text(row.get("user_id")),
            "service_tier": _tier(row),
            "requests": whole(row.get("num_model_requests")) or None,
            "quantities": quantities,
            "metadata": filled(metadata),
        }
    )


def _first(row: Mapping[str, Any], *names: str) -> Any:
    return next((row[name] for name in names if text(row.get(name))), None)


def _kind(row: Mapping[str, Any]) -> str:
    """Return what OpenAI's type says is counted: completions, images."""
    said = text(row.get("object")) or ""
    return said.removeprefix("organization.usage.").removesuffix(".result") or (
        "completions"
    )


def _tier(row: Mapping[str, Any]) -> str | None:
    if (text(row.get("batch")) or "").lower() == "true":
        return "batch"
    return text(row.get("service_tier"))


def _quantities(row: Mapping[str, Any], kind: str) -> dict[str, int]:
    cached_sound = whole(row.get("input_cached_audio_tokens")) or 0
    found = {
        # What OpenAI calls audio is what was not cached of it.
        "audio_input_tokens": (whole(row.get("input_audio_tokens")) or 0)
        + cached_sound,
        "audio_cached_tokens": cached_sound,
        "audio_output_tokens": whole(row.get("output_audio_tokens")),
        "cache_write_30m_tokens": whole(row.get("input_cache_write_30m_tokens")),
        "cache_write_12h_tokens": whole(row.get("input_cache_write_12h_tokens")),
        "searches": whole(row.get("num_requests")) if kind in _SEARCHES else None,
        **{called: whole(row.get(name)) for name, called in _THINGS.items()},
    }
    return {name: amount for name, amount in found.items() if amount}
