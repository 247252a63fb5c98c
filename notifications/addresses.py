"""Addresses of people, as rules and channels name them: of mail, or a number. Pure."""

import re

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

LONGEST = 320  # characters
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_WRITTEN_IN_NUMBERS = re.compile(r"[\s().\-/]")


def number_of(text: str) -> str | None:
    """Return the number that *text* is, as it is dialled; None: it is none."""
    number = _WRITTEN_IN_NUMBERS.sub("", text)
    return number if _NUMBER.fullmatch(number) else None


def is_number(address: str) -> bool:
    """Tell whether *address*, which was read before, is a telephone number."""
    return address.startswith("+") and "@" not in address


def read_address(text: str) -> str:
    """Return *text* as the address that it is: a number as it is dialled.

    Raises:
        ValueError: it is neither a mail address nor a number; it says so.
    """
    address = text.strip()
    if number := number_of(address):
        return number
    try:
        validate_email(address)
    except ValidationError as error:
        raise ValueError(
            f"“{address}” is neither a mail address nor a number such as +15551234567."
        ) from error
    return address
