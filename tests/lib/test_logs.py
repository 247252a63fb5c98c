"""What can't be done by way of a log, and what never stands in one."""

import logging
from decimal import Decimal, InvalidOperation
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costops.settings import LOGGING
from lib.logs import LineFormatter, fields_of, without_secrets

KEY = "cok_9vJ3hQ2xLw8TzR5nB1cY7mKd4sFgPa6uEo0iXtVrHqj"


def written(message: str, *values: object, error: Exception | None = None) -> str:
    """Return what is logged, by the formatter that all logs have."""
    (name,) = LOGGING["formatters"]
    made = LOGGING["formatters"][name]
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LineFormatter(made["format"]))
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("a", logging.INFO, "", 1, message, values, info)
    handler.emit(record)
    return stream.getvalue()


def caught(text: str) -> Exception:
    """Return an error that says *text*, with its traceback."""
    try:
        return Exception(Decimal(text))
    except InvalidOperation as error:
        error.args = (text,)
        return error


def test_every_handler_has_the_one_formatter() -> None:
    handlers = LOGGING["handlers"].values()

    assert {one["formatter"] for one in handlers} == set(LOGGING["formatters"])
    (made,) = LOGGING["formatters"].values()
    assert made["()"] == "lib.logs.LineFormatter"
    assert {type(one.formatter) for one in logging.getLogger().handlers} >= {
        LineFormatter
    }


@given(st.text())
def test_nothing_in_a_message_begins_a_line(text: str) -> None:
    said = written("Told: %s", text)

    assert len(said.splitlines()) == 1
    assert all(char.isprintable() or char in " \n" for char in said if char < "\xa0")


@given(st.text())
def test_lines_of_an_error_are_set_in(text: str) -> None:
    error = caught(text)

    first, *others = written("It failed.", error=error).splitlines()

    assert first.endswith("It failed.")
    assert all(line.startswith("    ") for line in others)


def test_what_was_escaped_can_be_read() -> None:
    said = written("%s", "a\n2026-11-30 INFO root: forged\x1b[2J\u2028")

    assert said.endswith(r"a\n2026-11-30 INFO root: forged\x1b[2J\u2028" + "\n")


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"Authorization: Bearer {KEY}", KEY),
        (f"used {KEY} here", KEY),
        ("{'password': 'hunter2'}", "hunter2"),
        ("?token=abc123&x=1", "abc123"),
        ("postgres://costops:s3cret@db:5432/x", "s3cret"),
        ("Not Found: /admin/reset/MQ/cwq3x2-0a1b2c3d4e5f/", "cwq3x2"),
        ("Forbidden: /recipients/pV9_x-zQ4tR8sK2mN6bL0cJ7hG5fD3aW1yE9uI4oTqS", "zQ4tR"),
        ("Basic dXNlcjpwYXNzd29yZDEyMw==", "dXNlcjpw"),
    ],
)
def test_no_secret_is_logged(text: str, secret: str) -> None:
    said = written("It said %s", text)
    as_error = written("It failed.", error=ValueError(text))

    assert secret not in said
    assert secret not in as_error


@pytest.mark.parametrize(
    "text",
    [
        "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "0190b7a2-3c4d-7e8f-9a0b-1c2d3e4f5a6b",
        "input_tokens: 100",
        "https://hooks.example.com/a",
    ],
)
def test_ids_can_be_read(text: str) -> None:
    assert without_secrets(text) == text


def test_a_value_can_not_pretend_to_be_a_field() -> None:
    said = fields_of(account='a" outcome="success\n', address=None)

    assert said == r'account="a\" outcome=\"success\n" address="None"'
