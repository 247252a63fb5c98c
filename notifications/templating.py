"""An organization's own wording of messages, in Liquid: it can only read and format.

What is broken never keeps a message from going out: the plain wording goes, and the
delivery says what is wrong with the template.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import liquid
from liquid.exceptions import LiquidError
from liquid.template import BoundTemplate

from lib.errors import Invalid
from notifications.types import Message

LONGEST = 4_000  # characters of one text
MOST_TEXTS = 200  # in one template
_KEYS = ("text", "attachments")
_DEEPEST = 8
# None of these makes a long text out of a short one by being repeated.
_FILTERS = frozenset(
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


class BrokenTemplateError(Exception):
    """The template can't be rendered; the message says why, and may be shown."""


class _Environment(liquid.Environment):
    loop_iteration_limit = 1_000
    local_namespace_limit = 20_000  # bytes
    output_stream_limit = 20_000  # bytes

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=extra)
        for name in _TAGS_LEFT_OUT:
            self.tags.pop(name, None)
        for name in self.filters.keys() - _FILTERS:
            del self.filters[name]


_environment = _Environment(undefined=liquid.StrictUndefined)


@dataclass(frozen=True, slots=True)
class Worded:
    """A message in an organization's own words; `problem` says why it is not."""

    text: str
    attachments: list[Any] | None = None
    problem: str = ""


def worded(
    message: Message,
    template: Mapping[str, Any],
    *,
    escape: Callable[[str], str] = str,
) -> Worded:
    """Return *message* as *template* words it, or plainly if that doesn't work.

    What variables contain passes through *escape*, what the template says does not.
    """
    if not template:
        return Worded(escape(message.text))
    try:
        made = render(template, _each_text(message.variables, escape))
    except BrokenTemplateError as broken:
        return Worded(escape(message.text), problem=f"Template not used: {broken}")
    text = str(made.get("text", "")).strip()
    return Worded(text or escape(message.text), made.get("attachments"))


def render(template: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return *template* with every text in it rendered.

    Raises:
        BrokenTemplateError: wrong syntax, an unknown variable, or too much output.
    """

    def rendered(text: str) -> str:
        try:
            return _compiled(text).render(**variables)
        except LiquidError as error:
            raise BrokenTemplateError(_reason(error)) from error
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise BrokenTemplateError("It can't be worked out.") from error

    made: dict[str, Any] = _each_text(dict(template), rendered)
    return made


def read_template(given: Any) -> dict[str, Any]:
    """Return the template to keep; None or nothing in it: our own wording.

    Raises:
        Invalid: not {"text", "attachments"}, too long, or not Liquid.
    """
    if given in (None, "", {}):
        return {}
    if not isinstance(given, Mapping):
        raise Invalid.field("template", "Must be an object with text or attachments.")
    if unknown := sorted(set(given) - set(_KEYS)):
        detail = f"There is no {unknown[0]}; there are text and attachments."
        raise Invalid.field("template", detail, code="unknown_field")
    if not isinstance(given.get("text", ""), str):
        raise Invalid.field("template.text", "Must be text.")
    attachments = given.get("attachments") or []
    if not isinstance(attachments, list) or not all(
        isinstance(each, dict) for each in attachments
    ):
        raise Invalid.field("template.attachments", "Must be a list of objects.")
    _check_texts(given)
    return {key: given[key] for key in _KEYS if given.get(key)}


def _check_texts(given: Mapping[str, Any]) -> None:
    count = 0

    def check(text: str) -> str:
        nonlocal count
        count += 1
        if count > MOST_TEXTS or len(text) > LONGEST or "\x00" in text:
            detail = (
                f"Use at most {LONGEST:,} characters for a text, {MOST_TEXTS} texts."
            )
            raise Invalid.field("template", detail)
        try:
            used = _compiled(text).filter_names()
        except LiquidError as error:
            raise Invalid.field("template", _reason(error)) from error
        if unknown := sorted(set(used) - _FILTERS):
            detail = f"There is no filter “{unknown[0]}”; there are "
            detail += f"{', '.join(sorted(_FILTERS))}."
            raise Invalid.field("template", detail)
        return text

    _each_text(dict(given), check)


def _each_text(value: Any, change: Callable[[str], str], depth: int = 0) -> Any:
    """Return *value* with every text in it changed, the names of keys excepted."""
    if depth > _DEEPEST:
        raise Invalid.field("template", f"Nested more than {_DEEPEST} deep.")
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _each_text(one, change, depth + 1) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_each_text(one, change, depth + 1) for one in value]
    return value


@lru_cache(maxsize=500)
def _compiled(text: str) -> BoundTemplate:
    return _environment.from_string(_CODE.sub(_with_any_name, text))


def _with_any_name(code: re.Match[str]) -> str:
    """Write budget.limit as budget['limit']: after a dot, Liquid's words are names."""
    return _WORD.sub(lambda found: found[1] or f"['{found[2]}']", code[0])


def _reason(error: LiquidError) -> str:
    return f"{str(error).splitlines()[0][:200].rstrip('.')}."
