"""Where feeds go: what each target is set up with, and bringing a file there."""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from lib import http
from lib.errors import Invalid
from notifications.configs import (
    ConfigKey,
    WrongValueError,
    mail_addresses,
    one_line,
    one_word,
    shown_address,
    signing_secret,
    yes_or_no,
)
from notifications.transports.base import (
    Accepted,
    Parcel,
    TransportError,
    not_answered,
    turned_down,
)
from notifications.transports.webhook import post_signed
from reports.feeds.signatures import Bucket, signed_headers
from reports.models.feeds import FeedTarget

MOST_PUT = 5 * 2**30  # bytes that S3 takes in one PUT
USUAL_REGION = "us-east-1"
_SLOWEST = 2**20  # bytes per second that an upload may take
_FOLDER = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_REGION = re.compile(r"[a-z0-9-]{1,40}")
_S3_ERROR = re.compile(r"<(Code|Message)>([^<]{1,200})</")
_PASSING = {"RequestTimeTooSkewed", "RequestTimeout", "SlowDown"}  # of S3's errors
NO_DIRECTORY = (
    "Whoever runs this installation has not said where files may be put "
    "(COSTOPS_EXPORT_DIR)."
)


@dataclass(frozen=True, slots=True)
class Consignment:
    """A file on its way. `uid` is the same at every try, `attempt_uid` never."""

    uid: str
    attempt_uid: str
    at: datetime
    organization: str  # its slug
    file_name: str
    content_type: str
    size: int  # bytes
    sha256: str  # hex
    pieces: Callable[[], Iterator[bytes]]
    setup: Mapping[str, Any] = field(default_factory=dict)  # config and secrets in one
    signing: tuple[str, ...] = ()
    manifest: Mapping[str, Any] = field(default_factory=dict)  # what a webhook is told


# -- Setting up


def _folder(value: Any) -> str:
    text = one_line(value).strip("/")
    if not _FOLDER.fullmatch(text) or ".." in text:
        raise WrongValueError(
            "Use names of letters, digits, - and _, with / between: finance/focus."
        )
    return text


def _bucket(value: Any) -> str:
    name = one_word(value)
    if not _BUCKET.fullmatch(name) or ".." in name:
        raise WrongValueError("Must be 3 to 63 small letters, digits, dots and dashes.")
    return name


def _region(value: Any) -> str:
    name = one_word(value)
    if not _REGION.fullmatch(name):
        raise WrongValueError("Must be a region such as eu-central-1.")
    return name


def _endpoint(value: Any) -> str:
    address = shown_address(value).rstrip("/")
    parts = urlsplit(address)
    if parts.query or parts.fragment:
        raise WrongValueError("Must be an address without ? and #.")
    return address


KEYS: dict[str, dict[str, ConfigKey]] = {
    FeedTarget.DIRECTORY: {"folder": ConfigKey(_folder)},
    FeedTarget.S3: {
        "bucket": ConfigKey(_bucket, is_required=True),
        "region": ConfigKey(_region),
        "endpoint": ConfigKey(_endpoint),
        "folder": ConfigKey(_folder),
        "path_style": ConfigKey(yes_or_no),
        "access_key_id": ConfigKey(one_word, is_required=True),
        "secret_access_key": ConfigKey(one_word, is_required=True, is_secret=True),
    },
    FeedTarget.WEBHOOK: {
        "url": ConfigKey(shown_address, is_required=True),
        "secret": ConfigKey(signing_secret, is_secret=True),
    },
    FeedTarget.MAIL: {"recipients": ConfigKey(mail_addresses, is_required=True)},
}


def secret_names(target: str) -> set[str]:
    """Return the keys of *target* that nobody gets to see again."""
    return {name for name, key in KEYS[target].items() if key.is_secret}


def check_target(target: str) -> None:
    """Refuse a target that this installation has not.

    Raises:
        Invalid: files may be put into no directory.
    """
    if target == FeedTarget.DIRECTORY and not settings.EXPORT_DIR:
        raise Invalid.field("target.type", NO_DIRECTORY)


# -- Bringing there


def put_in_directory(sent: Consignment) -> Accepted:
    """Write the file below COSTOPS_EXPORT_DIR/ORGANIZATION, whole or not at all.

    A file of that name is replaced: it is an earlier try's.

    Raises:
        TransportError: there is no such place, or it can't be written.
    """
    if not settings.EXPORT_DIR:
        raise TransportError(NO_DIRECTORY, permanent=True)
    root = Path(settings.EXPORT_DIR)
    try:
        if not root.is_dir():
            raise TransportError("COSTOPS_EXPORT_DIR is no directory.")
        folder = root / sent.organization / str(sent.setup.get("folder", ""))
        folder.mkdir(parents=True, exist_ok=True)
        # What lies there may lead elsewhere: who may write there may make links.
        if not folder.resolve().is_relative_to(root.resolve()):
            raise TransportError(
                "The folder leads out of COSTOPS_EXPORT_DIR.", permanent=True
            )
        _write(folder, sent)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise TransportError(f"Not written: {reason}.") from error
    return Accepted()


def _write(folder: Path, sent: Consignment) -> None:
    own = folder / f".{sent.file_name}.{sent.attempt_uid}"
    try:
        # Made anew, never followed.
        with os.fdopen(
            os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "wb"
        ) as file:
            for piece in sent.pieces():
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        own.replace(folder / sent.file_name)
    except BaseException:
        with suppress(OSError):
            own.unlink()
        raise
    # The new name outlives a power failure, too.
    entry = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(entry)
    finally:
        os.close(entry)


def put_in_bucket(sent: Consignment) -> Accepted:
    """PUT the file as one object; its digest is signed, so it arrives as it is.

    Raises:
        TransportError: any answer but a 2xx, or none; or it is too large.
    """
    if sent.size > MOST_PUT:
        raise TransportError(
            "Larger than 5 GB, which S3 takes no more in one go: have it made more "
            "often.",
            permanent=True,
        )
    bucket = bucket_of(sent.setup)
    folder = str(sent.setup.get("folder", ""))
    url = bucket.url_of(f"{folder}/{sent.file_name}".lstrip("/"))
    headers = signed_headers(
        bucket,
        url,
        {"content-type": sent.content_type, "content-length": str(sent.size)},
        method="PUT",
        payload_sha256=sent.sha256,
        at=sent.at,
    )
    try:
        answer = http.put(
            url,
            sent.pieces(),
            headers,
            within_s=http.TIMEOUT_S + sent.size / _SLOWEST,
        )
    except http.NoAnswer as error:
        raise not_answered(error) from error
    if 200 <= answer.status < 300:
        return Accepted(answer.status)
    raise _refused(answer)


def bucket_of(setup: Mapping[str, Any]) -> Bucket:
    region = str(setup.get("region") or USUAL_REGION)
    return Bucket(
        name=str(setup["bucket"]),
        region=region,
        endpoint=str(setup.get("endpoint") or f"https://s3.{region}.amazonaws.com"),
        access_key_id=str(setup["access_key_id"]),
        secret_access_key=str(setup.get("secret_access_key", "")),
        path_style=bool(setup.get("path_style")),
    )


def _refused(answer: http.HttpAnswer) -> TransportError:
    """Return what S3 says in its own words, without the keys that it repeats."""
    told = turned_down(answer)
    said = dict(_S3_ERROR.findall(answer.body.decode(errors="replace")))
    words = ": ".join(said[name] for name in ("Code", "Message") if name in said)
    return TransportError(
        f"Answered {answer.status}{f': {words}' if words else ''}",
        permanent=told.permanent and said.get("Code") not in _PASSING,
        status=answer.status,
        retry_after_s=told.retry_after_s,
    )


def tell_webhook(sent: Consignment) -> Accepted:
    """POST what the file is and where to get it, signed as Standard Webhooks has it.

    Raises:
        TransportError: any answer but a 2xx, or none.
    """
    parcel = Parcel(
        uid=sent.uid,
        attempt_uid=sent.attempt_uid,
        at=sent.at,
        messages=(),
        setup=sent.setup,
        signing=sent.signing,
    )
    return post_signed(parcel, json.dumps(sent.manifest))


BRINGING: Mapping[str, Callable[[Consignment], Accepted]] = {
    FeedTarget.DIRECTORY: put_in_directory,
    FeedTarget.S3: put_in_bucket,
    FeedTarget.WEBHOOK: tell_webhook,
}
