"""An organization's own wording of messages, in Liquid: it can only read and format.

What is broken never keeps a message from going out: the plain wording goes, and the
delivery says what is wrong with the template.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lib.errors import Invalid
from lib.texts import NO_ODD, odd_place
from notifications.types import Message

LONGEST = 4_000  # characters of one text
LONGEST_WHOLE = 24_000  # characters of a template, as JSON
MOST_TEXTS = 200  # in one template
MOST_CODES = 200  # "{{" and "{%" in one template
MOST_CODES_OF_TEXT = 100
LONGEST_CODE = 600  # characters from "{{" or "{%" to its end
LONGEST_GAP = 40  # blanks in a row
RENDERING_S = 0.5  # for all texts of a template
_KEYS = ("text", "attachments")
_DEEPEST = 8
_OPENING = re.compile(r"(?=\{\{|\{%)")  # also those that overlap, as in "{{{{"
_CLOSING = re.compile(r"\}\}|%\}")
_GAP = re.compile(rf"\s{{{LONGEST_GAP + 1}}}")


class BrokenTemplateError(Exception):
    """The template can't be rendered; the message says why, and may be shown."""


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
        BrokenTemplateError: wrong syntax, an unknown variable, too much output, or
            more work than `read_template` lets a template make.
    """
    if trouble := _excess(template):
        raise BrokenTemplateError(trouble)
    from notifications import liquids  # when there is something to render

    ends = time.monotonic() + RENDERING_S

    def rendered(text: str) -> str:
        if time.monotonic() > ends:
            raise BrokenTemplateError("It takes too long.")
        try:
            return liquids.rendered(text, variables)
        except liquids.NotLiquidError as error:
            raise BrokenTemplateError(str(error)) from error

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
    template = {key: given[key] for key in _KEYS if given.get(key)}
    if trouble := _excess(template):
        raise Invalid.field("template", trouble)
    _check_texts(template)
    return template


def _excess(template: Mapping[str, Any]) -> str:
    """Say by what *template* would cost too much to read or render; "": by nothing.

    Takes a time in proportion to its length, which can't be said of Liquid's parser:
    it looks for the end of each opening anew, and at blanks in every way.
    """
    texts: list[str] = []

    def seen(text: str) -> str:
        texts.append(text)
        return text

    _each_text(template, seen)
    whole = len(json.dumps(template, ensure_ascii=False))
    if len(texts) > MOST_TEXTS or whole > LONGEST_WHOLE:
        return (
            f"Use at most {MOST_TEXTS} texts, {LONGEST_WHOLE:,} characters in all "
            f"({len(texts)} texts, {whole:,} characters)."
        )
    openings = [len(_OPENING.findall(text)) for text in texts]
    if max(openings, default=0) > MOST_CODES_OF_TEXT or sum(openings) > MOST_CODES:
        return (
            f"Use {{{{ and {{% at most {MOST_CODES_OF_TEXT} times in a text, "
            f"{MOST_CODES} times in all ({sum(openings):,})."
        )
    if odd_place(template) is not None:
        return NO_ODD
    return next(filter(None, map(_excess_of_text, texts)), "")


def _excess_of_text(text: str) -> str:
    if len(text) > LONGEST:
        return f"Use at most {LONGEST:,} characters for a text."
    if _GAP.search(text):
        return f"Use at most {LONGEST_GAP} blanks in a row."
    for opening in _OPENING.finditer(text):
        closing = _CLOSING.search(text, opening.start())
        end = closing.end() if closing else len(text)
        if end - opening.start() > LONGEST_CODE:
            return f"Use at most {LONGEST_CODE} characters from {{{{ or {{% to its end."
    return ""


def _check_texts(template: Mapping[str, Any]) -> None:
    from notifications import liquids  # when there is something to check

    def check(text: str) -> str:
        try:
            liquids.check(text)
        except liquids.NotLiquidError as error:
            raise Invalid.field("template", str(error)) from error
        return text

    _each_text(dict(template), check)


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
