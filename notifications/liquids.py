"""Liquid for texts that anybody may write: what it may do, and what it says of faults.

Its library takes a twentieth of a second to load: import this where a text is at hand.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import liquid
from liquid.exceptions import LiquidError
from liquid.template import BoundTemplate

# None of these makes a long text out of a short one by being repeated.
FILTERS = frozenset(
    {
        *("abs", "at_least", "at_most", "ceil", "divided_by", "floor", "minus"),
        *("modulo", "plus", "round", "times"),
        *("append", "capitalize", "downcase", "escape", "lstrip", "prepend"),
        *("rstrip", "strip", "truncate", "truncatewords", "upcase"),
        *("default", "first", "last", "size"),
    }
)
_CODE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
# Texts in quotes, which are left alone, or a word of Liquid's own after a dot.
_WORD = re.compile(
    r"""("[^"]*"|'[^']*')|\.(and|as|blank|cols|contains|continue|else|empty|false|for|"""
    r"""if|in|limit|nil|not|null|offset|or|required|reversed|true|with)(?![\w-])"""
)
_TAGS_LEFT_OUT = ("include", "render", "tablerow", "increment", "decrement")


class NotLiquidError(Exception):
    """The text can't be read or rendered; the message says why, and may be shown."""


class _Environment(liquid.Environment):
    loop_iteration_limit = 100
    local_namespace_limit = 4_000  # bytes
    output_stream_limit = 20_000  # bytes

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=extra)
        for name in _TAGS_LEFT_OUT:
            self.tags.pop(name, None)
        for name in self.filters.keys() - FILTERS:
            del self.filters[name]


_environment = _Environment(undefined=liquid.StrictUndefined)


def check(text: str) -> None:
    """Read *text*.

    Raises:
        NotLiquidError: wrong syntax, or a filter that there is not.
    """
    try:
        used = _compiled(text).filter_names()
    except LiquidError as error:
        raise NotLiquidError(_reason(error)) from error
    if unknown := sorted(set(used) - FILTERS):
        there_are = ", ".join(sorted(FILTERS))
        raise NotLiquidError(
            f"There is no filter “{unknown[0]}”; there are {there_are}."
        )


def rendered(text: str, variables: Mapping[str, Any]) -> str:
    """Return *text* with what its codes stand for.

    Raises:
        NotLiquidError: wrong syntax, an unknown variable, or too much output.
    """
    try:
        return _compiled(text).render(**variables)
    except LiquidError as error:
        raise NotLiquidError(_reason(error)) from error
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise NotLiquidError("It can't be worked out.") from error


@lru_cache(maxsize=500)
def _compiled(text: str) -> BoundTemplate:
    return _environment.from_string(_CODE.sub(_with_any_name, text))


def _with_any_name(code: re.Match[str]) -> str:
    """Write budget.limit as budget['limit']: after a dot, Liquid's words are names."""
    return _WORD.sub(lambda found: found[1] or f"['{found[2]}']", code[0])


def _reason(error: LiquidError) -> str:
    return f"{str(error).splitlines()[0][:200].rstrip('.')}."
