"""Settings from the environment: the one place that reads it.

Every variable may also come from a file named by `<VARIABLE>_FILE`, as container
platforms hand out secrets.
"""

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"

_SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",  # a writer waits at BEGIN, never in the middle
    "timeout": 20,  # seconds
    # FULL: a commit that was answered survives a power failure too.
    "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;",
}


def text(name: str, default: str = "") -> str:
    """Return the variable *name*, or the content of the file `<name>_FILE` names."""
    if path := os.environ.get(f"{name}_FILE"):
        return Path(path).read_text().strip()
    return os.environ.get(name, default)


def flag(name: str, *, default: bool) -> bool:
    value = text(name).lower()
    return value in {"1", "true", "yes", "on"} if value else default


def number(name: str, default: int) -> int:
    value = text(name, str(default))
    try:
        return int(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number.") from error


def listed(name: str, default: str = "") -> list[str]:
    return [item.strip() for item in text(name, default).split(",") if item.strip()]


def secret_key() -> str:
    """Return COSTOPS_SECRET_KEY, or without one a key made once and kept in `var/`.

    Several machines over one database must share the key; `check --deploy` reminds.
    """
    return text("COSTOPS_SECRET_KEY") or _kept(
        VAR_DIR / "secret_key", lambda: secrets.token_urlsafe(50)
    )


def encryption_keys() -> list[str]:
    """Return COSTOPS_ENCRYPTION_KEYS, or without them a key kept in `var/`."""
    return listed("COSTOPS_ENCRYPTION_KEYS") or [
        _kept(VAR_DIR / "encryption_key", lambda: Fernet.generate_key().decode())
    ]


def _kept(path: Path, make: Callable[[], str]) -> str:
    _make_private(path.parent)
    if not path.exists():
        own = path.with_name(f"{path.name}.{os.getpid()}")
        own.touch(mode=0o600)
        own.write_text(make())
        # Of several processes the first one's is kept, and never seen half written.
        with suppress(FileExistsError):
            path.hardlink_to(own)
        own.unlink()
    return path.read_text()


def database() -> dict[str, Any]:
    """Return Django's settings for DATABASE_URL; SQLite in `var/` without one."""
    url = urlsplit(text("DATABASE_URL") or f"sqlite:///{VAR_DIR / 'costops.sqlite3'}")
    if url.scheme == "sqlite":
        # sqlite:///relative and sqlite:////absolute, as everywhere.
        name = unquote(url.path.removeprefix("/"))
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": _private(Path(name)) if name else ":memory:",
            "OPTIONS": _SQLITE_OPTIONS,
        }
    if url.scheme in {"postgres", "postgresql"}:
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(url.path.removeprefix("/")),
            "USER": unquote(url.username or ""),
            "PASSWORD": unquote(url.password or ""),
            "HOST": unquote(url.hostname or ""),
            "PORT": str(url.port or ""),
            "CONN_MAX_AGE": None,
            "CONN_HEALTH_CHECKS": True,
            **_connecting(dict(parse_qsl(url.query))),
        }
    raise ImproperlyConfigured("DATABASE_URL must begin with sqlite: or postgres:.")


def _private(path: Path) -> str:
    """Return *path*; who else has an account on this machine can't read it.

    What SQLite writes beside a file gets the file's own permissions.
    """
    if path.parent == VAR_DIR:
        _make_private(VAR_DIR)
        if path.exists():
            path.chmod(0o600)
    if path.parent.is_dir():
        path.touch(mode=0o600)
    return str(path)


def _make_private(directory: Path) -> None:
    directory.mkdir(mode=0o700, exist_ok=True)
    if directory == VAR_DIR:
        directory.chmod(0o700)


def _connecting(asked: dict[str, Any]) -> dict[str, Any]:
    """Return what a URL says of connections, with what they begin with.

    `pool=transaction` is for a pooler that gives connections out by transaction: it
    takes no settings at the start, and keeps neither prepared statements nor cursors.
    `prepare_threshold=none` is for one that lacks prepared statements only.
    """
    pool = asked.pop("pool", "")
    if pool not in {"", "transaction"}:
        raise ImproperlyConfigured("pool in DATABASE_URL can only be transaction.")
    if (times := asked.get("prepare_threshold")) is not None:
        if times != "none" and not times.isdecimal():
            raise ImproperlyConfigured(
                "prepare_threshold in DATABASE_URL must be a whole number or none."
            )
        asked["prepare_threshold"] = None if times == "none" else int(times)
    if pool:
        options = {"prepare_threshold": None, **asked}
        return {"DISABLE_SERVER_SIDE_CURSORS": True, "OPTIONS": options}
    # Compiling a query at run time costs more than these queries take.
    begun = {"options": "-c jit=off", "prepare_threshold": 1}
    return {"OPTIONS": begun | asked}


def with_bounded_waits(database: dict[str, Any]) -> None:
    """Have PostgreSQL end what a request waits for too long, on new connections.

    For the server alone: what workers and commands do may take its time. A session
    that holds a lock and does nothing is ended too. SQLite's writers wait 20 s.
    """
    if "options" in database["OPTIONS"]:
        limits = {
            "lock_timeout": "5s",
            "statement_timeout": "30s",
            "idle_in_transaction_session_timeout": "60s",
        }
        for name, value in limits.items():
            database["OPTIONS"]["options"] += f" -c {name}={value}"


def email() -> dict[str, Any]:
    """Return Django's EMAIL_* settings for EMAIL_URL; the console without one."""
    url = urlsplit(text("EMAIL_URL", "console:"))
    if url.scheme == "console":
        return {"EMAIL_BACKEND": "lib.terminal_mail.PlainEmailBackend"}
    if url.scheme == "file" and url.path:
        return {
            "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
            "EMAIL_FILE_PATH": str(VAR_DIR.parent / url.path),
        }
    if url.scheme in {"smtp", "smtp+tls"}:
        return {
            "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "EMAIL_HOST": url.hostname or "localhost",
            "EMAIL_PORT": url.port or 25,
            "EMAIL_HOST_USER": unquote(url.username or ""),
            "EMAIL_HOST_PASSWORD": unquote(url.password or ""),
            "EMAIL_USE_TLS": url.scheme == "smtp+tls",
            "EMAIL_TIMEOUT": 20,
        }
    raise ImproperlyConfigured(
        "EMAIL_URL begins with console:, file:DIRECTORY, smtp: or smtp+tls:."
    )
