"""How many tokens a request has, before a provider has counted them. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Callable, NamedTuple, Optional

from llm_cost_ops.config import TrackerConfig

LIKELY_BYTES = 4.0  # of English and of code, in a token
AROUND_A_PART = 4  # tokens around a message, a tool or another part
MEDIA = frozenset(
    {"image_url", "image", "input_image", "input_audio", "audio", "file"}
    | {"input_file", "document"}
)
_BASE64_BYTES_PER_TOKEN = 16  # of documents and sound: far more than they turn out


class Sizes(NamedTuple):
    """What an input consists of."""

    text: int  # tokens, or bytes
    numbers: int  # tokens given as such, for embeddings
    parts: int
    images: int
    media: int  # bytes of other media


def worst_input(
    body: Mapping[str, Any], names: tuple[str, ...], model: str, config: TrackerConfig
) -> int:
    """Return more input tokens than *body* can have, by what is in its *names*."""
    if config.count_tokens is not None:
        count_tokens = config.count_tokens
        found = _sizes(body, names, lambda text: count_tokens(model, text))
        total = _total(found, 1.0, config)
    else:
        total = _total(_sizes(body, names, size), config.bytes_per_token, config)
    if "previous_response_id" in body or "conversation" in body:
        total += config.hidden_input_tokens
    return total


def likely_input(
    body: Mapping[str, Any], names: tuple[str, ...], model: str, config: TrackerConfig
) -> int:
    """Return the input tokens that *body* has, as best known; never zero."""
    if config.count_tokens is not None:
        return max(worst_input(body, names, model, config), 1)
    return max(_total(_sizes(body, names, size), LIKELY_BYTES, config), 1)


def likely_output(text_bytes: int, pieces: int) -> int:
    """Return the tokens of what has been streamed; mostly a piece is a token."""
    return max(pieces, math.ceil(text_bytes / LIKELY_BYTES))


def most_output(
    body: Mapping[str, Any], names: tuple[str, ...], config: TrackerConfig
) -> int:
    """Return the output tokens that *body* allows, or what the app takes for that."""
    given = (_count(body.get(name)) for name in names)
    limits = [limit for limit in given if limit is not None]
    each = min(limits) if limits else config.default_max_output_tokens
    choices = _count(body.get("n"))
    return each * (1 if choices is None else choices)


def _count(value: object) -> Optional[int]:
    """Return *value* if it is a count; None: it is none."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return None
    return value


def size(text: str) -> int:
    """Return the bytes of *text* in UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _total(found: Sizes, text_per_token: float, config: TrackerConfig) -> int:
    return (
        math.ceil(found.text / text_per_token)
        + found.numbers
        + AROUND_A_PART * (found.parts + 1)
        + found.images * config.tokens_per_image
        + math.ceil(found.media / _BASE64_BYTES_PER_TOKEN)
    )


def _sizes(
    body: Mapping[str, Any], names: tuple[str, ...], measure: Callable[[str], int]
) -> Sizes:
    text = numbers = parts = images = media = 0
    waiting = [body[name] for name in names if body.get(name) is not None]
    while waiting:
        thing = waiting.pop()
        kind = type(thing)
        if kind is str:
            text += measure(thing)
        elif kind is dict or isinstance(thing, Mapping):
            parts += 1
            what = thing.get("type")
            if what in MEDIA:
                is_image = "image" in what
                images += is_image
                media += 0 if is_image else _bytes_in(thing)
            else:
                waiting.extend(thing.values())
                text += measure("".join(map(str, thing)))
        elif kind is list or kind is tuple:
            others = [each for each in thing if type(each) is not int]
            waiting += others
            numbers += len(thing) - len(others)
        else:
            waiting.extend(_inside(thing))
    return Sizes(text, numbers, parts, images, media)


def _inside(thing: Any) -> list[Any]:
    """Return what an answer that is fed back holds; numbers hold nothing."""
    dump = getattr(thing, "model_dump", None)
    if dump is not None:
        return [dump(exclude_none=True)]
    return [] if thing is None or isinstance(thing, (int, float)) else [str(thing)]


def _bytes_in(thing: Any) -> int:
    """Return the bytes of all text in a part of media, its base64 above all."""
    if isinstance(thing, str):
        return size(thing)
    if isinstance(thing, Mapping):
        return sum(map(_bytes_in, thing.values()))
    return sum(map(_bytes_in, thing)) if isinstance(thing, (list, tuple)) else 0
