"""What all logs look like: a record begins a line, nothing in it can begin another.

Secrets are left out, whoever writes them into a message.
"""

import logging
import re
from copy import copy

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LINE_END = re.compile(r"\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_FURTHER = "    "  # before each line of a traceback: a record begins with its time
_LEFT_OUT = "[left out]"
_NAMED = re.compile(
    r"(?i)\b(authorization|password|passwd|secret|token|api[-_]?key)"
    r"""(["']?\s*[=:]\s*["']?)((?:bearer|basic|token)\s+)?[^\s"',;&]+"""
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{16,}")
_IN_URL = re.compile(r"(\w://)[^\s/@]*@")
_RESET = re.compile(r"(/reset/)[^\s/]+/[^\s/]+")
_RANDOM = re.compile(r"[\w-]{40,}=*", re.ASCII)  # as our keys and links are
_ID = re.compile(r"[0-9a-f-]+|\d+|[^\W\d]+", re.ASCII)  # hexadecimal, or a word


class LineFormatter(logging.Formatter):
    """Writes a record on one line, and its traceback on lines that are set in."""

    def format(self, record: logging.LogRecord) -> str:
        head = copy(record)
        head.exc_info = head.exc_text = head.stack_info = None
        lines = [escaped(without_secrets(super().format(head)))]
        if record.exc_info:
            lines += _set_in(self.formatException(record.exc_info))
        if record.stack_info:
            lines += _set_in(self.formatStack(record.stack_info))
        return "\n".join(lines)


def _set_in(text: str) -> list[str]:
    lines = _LINE_END.split(without_secrets(text))
    return [_FURTHER + escaped(line) for line in lines]


def escaped(text: str) -> str:
    r"""Return *text* with its control characters as they are written: \n, \x1b."""
    return _CONTROL.sub(lambda found: repr(found.group())[1:-1], text)


def without_secrets(text: str) -> str:
    """Return *text* without what would let its reader in somewhere."""
    text = _NAMED.sub(rf"\1\2\3{_LEFT_OUT}", text)
    text = _BEARER.sub(rf"\1 {_LEFT_OUT}", text)
    text = _IN_URL.sub(rf"\1{_LEFT_OUT}@", text)
    text = _RESET.sub(rf"\1{_LEFT_OUT}", text)
    return _RANDOM.sub(_unless_an_id, text)


def _unless_an_id(found: re.Match[str]) -> str:
    text = found.group()
    return text if _ID.fullmatch(text) else f"{text[:4]}{_LEFT_OUT}"


def fields_of(**fields: object) -> str:
    """Return *fields* as name="value", for programs that read logs."""
    return " ".join(f"{name}={_quoted(str(value))}" for name, value in fields.items())


def _quoted(text: str) -> str:
    plain = escaped(text.replace("\\", "\\\\").replace('"', '\\"'))
    return f'"{plain}"'
