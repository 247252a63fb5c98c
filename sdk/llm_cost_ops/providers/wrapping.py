"""Clients of OpenAI and Anthropic that ask before they post.

A wrapped client is one of the same type that shares the connections of the original:
only its `post` is another, through which all its resources send.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cached_property
from typing import Any, TypeVar

from llm_cost_ops.providers.hosts import provider_at
from llm_cost_ops.providers.surfaces import ANTHROPIC, OPENAI, surface_of
from llm_cost_ops.providers.tracking import Tracking

C = TypeVar("C")

_RAW_HEADERS = ("x-stainless-raw-response", "raw-response")


def family_of(client: Any) -> str:
    """Return whose client it is; "" if nobody's that is known."""
    for kind in type(client).__mro__:
        package = kind.__module__.partition(".")[0]
        if package in {OPENAI, ANTHROPIC} and hasattr(client, "post"):
            return package
    return ""


def provider_of(client: Any) -> str:
    """Return the provider to book by; the service that sells a model sets its price."""
    name = type(client).__name__
    if "Azure" in name:
        return "azure"
    if "Bedrock" in name:
        return "aws"
    if "Vertex" in name:
        return "google"
    return provider_at(client) or family_of(client)


def is_wrapped(client: Any) -> bool:
    return isinstance(client, (_Posting, _PostingAsync))


def wrapped(client: C, tracking: Tracking) -> C:
    """Return a client like *client* whose calls are tracked.

    Raises:
        TypeError: it is neither OpenAI's nor Anthropic's.
    """
    if not family_of(client):
        raise TypeError(f"{client!r} is no client of openai or anthropic.")
    kind: Any = type(client)
    mixin = _PostingAsync if inspect.iscoroutinefunction(kind.post) else _Posting
    made: Any = type(kind.__name__, (mixin, kind), {"costops_tracking": tracking})
    one: C = made.__new__(made)
    one.__dict__.update(client.__dict__)
    for name, value in client.__dict__.items():
        if getattr(value, "_client", None) is client:  # a resource that posts
            if isinstance(getattr(kind, name, None), cached_property):
                del one.__dict__[name]
            else:
                one.__dict__[name] = type(value)(one)
    return one


class _Posting:
    """Posts under leave."""

    costops_tracking: Tracking

    def post(self, path: str, *, body: Any = None, **kwargs: Any) -> Any:
        surface = surface_of(path)
        client: Any = super()
        post = client.post
        if surface is None or not isinstance(body, Mapping):
            return post(path, body=body, **kwargs)
        return self.costops_tracking.send(
            surface,
            body,
            lambda sent: post(path, body=sent, **kwargs),
            raw=_raw(kwargs),
        )


class _PostingAsync:
    """Posts under leave, for asyncio."""

    costops_tracking: Tracking

    async def post(self, path: str, *, body: Any = None, **kwargs: Any) -> Any:
        surface = surface_of(path)
        client: Any = super()
        post = client.post
        if surface is None or not isinstance(body, Mapping):
            return await post(path, body=body, **kwargs)
        return await self.costops_tracking.send_async(
            surface,
            body,
            lambda sent: post(path, body=sent, **kwargs),
            raw=_raw(kwargs),
        )


def _raw(kwargs: Mapping[str, Any]) -> str:
    """Return how the answer is wanted: "" parsed, "true" raw, "stream" unread."""
    headers = (kwargs.get("options") or {}).get("headers") or {}
    for name, value in headers.items():
        if str(name).lower() in _RAW_HEADERS:
            return str(value)
    return ""
