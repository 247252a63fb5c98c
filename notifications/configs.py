"""What a channel of each type is set up with: which keys, and what they must look like.

Read from what people and programs send, in snake_case or as JavaScript writes it.
"""

import base64
import re
import secrets
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from lib.errors import FieldError, Invalid
from lib.http import check_address
from lib.texts import NO_ODD, ODD
from notifications.addresses import number_of
from notifications.known_services import open_service
from notifications.models import ChannelType

MOST_RECIPIENTS = 100
LONGEST_TEXT = 300
LONGEST_ADDRESS = 2_000
OVERLAP = timedelta(hours=24)  # how long the signing secret before the last one signs

_CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")
_PREFIX = "whsec_"
_NOTHING: tuple[object, ...] = (None, [], "")
_SECRET_BYTES = range(24, 65)  # what Standard Webhooks asks for


class WrongValueError(ValueError):
    """A value of a config that can't be taken; says what would be."""


@dataclass(frozen=True, slots=True)
class ConfigKey:
    """One key of a config; `read` returns the value to keep or says what is wrong."""

    read: Callable[[Any], Any]
    is_required: bool = False
    is_secret: bool = False


@dataclass(frozen=True, slots=True)
class Setup:
    """What a channel keeps: `config` may be shown, `secrets` never."""

    config: dict[str, Any]
    secrets: dict[str, Any]


def read_setup(
    kind: str, given: Mapping[str, Any], *, kept: Setup | None = None
) -> Setup:
    """Return the setup of a channel of type *kind* from what was *given* for it.

    What is not given stays as it is in *kept*; None takes away.

    Raises:
        Invalid: keys that are unknown, missing or wrong, each named "config.KEY".
    """
    return read_keys(KEYS[kind], given, kept=kept, at="config")


def read_keys(
    keys: Mapping[str, ConfigKey],
    given: Mapping[str, Any],
    *,
    kept: Setup | None = None,
    at: str,
) -> Setup:
    """Return the setup that has *keys*, as `read_setup` does.

    Raises:
        Invalid: keys that are unknown, missing or wrong, each named "*at*.KEY".
    """
    held = kept or Setup({}, {})
    before = {**held.config, **held.secrets}
    values, errors = _read(keys, plain_names(given, at=at))
    for name, key in keys.items():
        if key.is_required and values.get(name, before.get(name)) in _NOTHING:
            errors.setdefault(name, ("required", "This is needed."))
    if errors:
        raise _refusal(errors, at)
    secret = {name for name, key in keys.items() if key.is_secret}
    return Setup(
        _merged(held.config, values, names=keys.keys() - secret),
        _merged(held.secrets, values, names=secret),
    )


def _merged(
    kept: Mapping[str, Any], values: Mapping[str, Any], *, names: Set[str]
) -> dict[str, Any]:
    merged = {**kept, **{name: values[name] for name in values.keys() & names}}
    return {name: value for name, value in merged.items() if value not in _NOTHING}


def _read(
    keys: Mapping[str, ConfigKey], given: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, tuple[str, str]]]:
    values: dict[str, Any] = {}
    errors: dict[str, tuple[str, str]] = {}
    for name, value in given.items():
        key = keys.get(name)
        if key is None:
            known = ", ".join(keys)
            errors[name] = ("unknown_field", f"Unknown; there are {known}.")
        elif value in _NOTHING:
            values[name] = None
        else:
            try:
                values[name] = key.read(value)
            except WrongValueError as wrong:
                errors[name] = ("invalid", str(wrong))
    return values, errors


def _refusal(errors: dict[str, tuple[str, str]], at: str) -> Invalid:
    fields = tuple(
        FieldError(f"{at}.{name[:100]}", code, detail)
        for name, (code, detail) in errors.items()
    )
    words = " ".join(f"{each.attr}: {each.detail}" for each in fields)
    return Invalid(words, errors=fields)


def plain_names(given: Mapping[str, Any], *, at: str = "config") -> dict[str, Any]:
    """Return *given* with webhookUrl as webhook_url.

    Raises:
        Invalid: a key is there in both forms, with different values.
    """
    plain: dict[str, Any] = {}
    for name, value in given.items():
        own = _CAPITAL.sub(r"_\1", name).lower()
        if own in plain and plain[own] != value:
            raise Invalid.field(f"{at}.{name}", f"Differs from {own}; send one.")
        plain[own] = value
    return plain


def secret_names(kind: str) -> set[str]:
    """Return the keys of *kind* that nobody gets to see again."""
    return {name for name, key in KEYS[kind].items() if key.is_secret}


def new_signing_secret() -> str:
    """Make a secret as Standard Webhooks has it."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def rotated(held: Mapping[str, Any], secret: str, *, now: datetime) -> dict[str, Any]:
    """Return *held* with a new signing secret; the one before signs along for OVERLAP.

    Nothing changes if *secret* is the present one already.
    """
    if held.get("secret") in (None, secret):
        return {**held, "secret": secret}
    return {
        "secret": secret,
        "previous_secret": held["secret"],
        "previous_until": (now + OVERLAP).isoformat(),
    }


def signing_secrets(held: Mapping[str, Any], *, now: datetime) -> list[str]:
    """Return what a webhook's messages are signed with at present, newest first."""
    good = [held["secret"]] if held.get("secret") else []
    until = held.get("previous_until")
    if until and now < datetime.fromisoformat(until):
        good.append(held["previous_secret"])
    return good


def one_line(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise WrongValueError("Must be text.")
    if len(value) > LONGEST_TEXT:
        raise WrongValueError(f"Use at most {LONGEST_TEXT} characters.")
    if any(ord(sign) < 32 for sign in value):
        raise WrongValueError("Must be one line.")
    if ODD.search(value):
        raise WrongValueError(NO_ODD)
    return value.strip()


def one_word(value: Any) -> str:
    text = one_line(value)
    if re.search(r"\s", text):
        raise WrongValueError("Must not contain spaces.")
    return text


def _texts(value: Any) -> list[str]:
    return _list(value, one_line)


def _list(value: Any, read: Callable[[Any], str]) -> list[str]:
    """Read a list, or one value or a comma-separated text in its place; each once."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list):
        raise WrongValueError("Must be a list.")
    parts = [part for part in parts if part not in _NOTHING]
    if len(parts) > MOST_RECIPIENTS:
        raise WrongValueError(f"Use at most {MOST_RECIPIENTS}.")
    return list(dict.fromkeys(read(part) for part in parts))


def _mail_address(value: Any) -> str:
    address = one_line(value)
    try:
        validate_email(address)
    except ValidationError as error:
        raise WrongValueError(f"“{address}” is not an email address.") from error
    return address.lower()


def _number(value: Any) -> str:
    number = number_of(one_line(value))
    if number is None:
        raise WrongValueError(f"“{value}” is not a number such as +15551234567.")
    return number


def yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise WrongValueError("Must be true or false.")
    return value


def _web_address(value: Any) -> str:
    address = _token_of_length(value)
    try:
        check_address(address)
    except Invalid as refusal:
        raise WrongValueError(str(refusal)) from refusal
    return address


def shown_address(value: Any) -> str:
    address = _web_address(value)
    if "@" in urlsplit(address).netloc:
        raise WrongValueError("Put no password into the address: people get to see it.")
    return address


def _service_address(value: Any) -> str:
    """Read an address as apprise has them; it says nothing of why one is wrong."""
    address = _token_of_length(value)
    try:
        open_service(address)
    except Invalid as refusal:
        raise WrongValueError(str(refusal)) from refusal
    return address


def _token_of_length(value: Any) -> str:
    if not isinstance(value, str):
        raise WrongValueError("Must be text.")
    address = value.strip()
    if ODD.search(address):
        raise WrongValueError(NO_ODD)
    if len(address) > LONGEST_ADDRESS or re.search(r"[\s\x00-\x1f]", address):
        raise WrongValueError(
            f"Must be an address without spaces, of {LONGEST_ADDRESS:,} characters."
        )
    return address


def signing_secret(value: Any) -> str:
    text = one_word(value)
    try:
        size = len(base64.b64decode(text.removeprefix(_PREFIX), validate=True))
    except ValueError:  # not base64, or not even ASCII
        size = 0
    if not text.startswith(_PREFIX) or size not in _SECRET_BYTES:
        raise WrongValueError(
            "Must be whsec_ and 24 to 64 random bytes in base64. Leave it out, and one "
            "is made."
        )
    return text


def mail_addresses(value: Any) -> list[str]:
    return _list(value, _mail_address)


def _numbers(value: Any) -> list[str]:
    return _list(value, _number)


KEYS: dict[str, dict[str, ConfigKey]] = {
    ChannelType.EMAIL: {"recipients": ConfigKey(mail_addresses, is_required=True)},
    ChannelType.SLACK: {
        "webhook_url": ConfigKey(_web_address, is_required=True, is_secret=True),
        "channel": ConfigKey(one_line),
        "mentions": ConfigKey(_texts),
        "requests": ConfigKey(yes_or_no),  # tell of requests for money there
    },
    ChannelType.WEBHOOK: {
        "url": ConfigKey(shown_address, is_required=True),
        "secret": ConfigKey(signing_secret, is_secret=True),
    },
    ChannelType.PAGERDUTY: {
        "routing_key": ConfigKey(one_word, is_required=True, is_secret=True)
    },
    ChannelType.SMS: {"recipients": ConfigKey(_numbers, is_required=True)},
    ChannelType.PHONE: {"recipients": ConfigKey(_numbers, is_required=True)},
    ChannelType.APPRISE: {
        "url": ConfigKey(_service_address, is_required=True, is_secret=True)
    },
}
