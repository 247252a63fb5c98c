"""Settings that contradict each other, told by `manage.py check`."""

from ipaddress import ip_network
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as Caution

from costops import env


@register(Tags.security)
def queue_retries_after_its_timeout(**kwargs: Any) -> list[CheckMessage]:
    if settings.Q_CLUSTER["retry"] > settings.Q_CLUSTER["timeout"]:
        return []
    return [
        Error(
            "The queue retries a task before it may have timed out.",
            hint="Set Q_CLUSTER['retry'] above Q_CLUSTER['timeout'].",
            id="costops.E001",
        )
    ]


@register(Tags.security)
def site_url_is_an_address(**kwargs: Any) -> list[CheckMessage]:
    if settings.SITE_URL.startswith(("http://", "https://")):
        return []
    return [
        Error(
            "COSTOPS_SITE_URL must begin with http:// or https://.",
            hint="Links in mails begin with it.",
            id="costops.E002",
        )
    ]


@register(Tags.security, deploy=True)
def secret_key_is_shared(**kwargs: Any) -> list[CheckMessage]:
    if env.text("COSTOPS_SECRET_KEY"):
        return []
    return [
        Caution(
            "COSTOPS_SECRET_KEY is not set; a key kept on this machine is used.",
            hint="Set it, or sessions end when another machine answers.",
            id="costops.W001",
        )
    ]


@register(Tags.security)
def sessions_end_when_unused(**kwargs: Any) -> list[CheckMessage]:
    if 0 < settings.SESSION_IDLE_S <= settings.SESSION_COOKIE_AGE:
        return []
    longest = settings.SESSION_COOKIE_AGE // 3_600
    return [
        Error(
            f"COSTOPS_SESSION_IDLE_HOURS must be from 1 to {longest}.",
            hint=f"After {longest} hours sessions end, used or not.",
            id="costops.E005",
        )
    ]


@register(Tags.security)
def encryption_keys_are_keys(**kwargs: Any) -> list[CheckMessage]:
    for number, key in enumerate(settings.ENCRYPTION_KEYS, 1):
        try:
            Fernet(key)
        except ValueError:
            return [
                Error(
                    f"Number {number} of COSTOPS_ENCRYPTION_KEYS is not a key.",
                    hint="It is 32 random bytes in base64; see .env.example.",
                    id="costops.E003",
                )
            ]
    return []


@register(Tags.security)
def outgoing_networks_are_networks(**kwargs: Any) -> list[CheckMessage]:
    wrong = [text for text in settings.OUTGOING_ALLOW if not _is_network(text)]
    return [
        Error(
            f"“{text}” in COSTOPS_OUTGOING_ALLOW is not a network.",
            hint="Write networks such as 10.0.0.0/8 or fd00::/8, with commas between.",
            id="costops.E004",
        )
        for text in wrong
    ]


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


@register(Tags.security, deploy=True)
def encryption_keys_are_shared(**kwargs: Any) -> list[CheckMessage]:
    if env.text("COSTOPS_ENCRYPTION_KEYS"):
        return []
    return [
        Caution(
            "COSTOPS_ENCRYPTION_KEYS is not set; a key kept on this machine is used.",
            hint="Set it, or other machines can't read the secrets of channels.",
            id="costops.W002",
        )
    ]


@register(Tags.security)
def export_directory_is_there(**kwargs: Any) -> list[CheckMessage]:
    if not settings.EXPORT_DIR or Path(settings.EXPORT_DIR).is_dir():
        return []
    return [
        Error(
            "COSTOPS_EXPORT_DIR is no directory.",
            hint="Make it, or leave the variable out: feeds are not put there then.",
            id="costops.E006",
        )
    ]
