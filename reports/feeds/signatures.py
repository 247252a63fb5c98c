"""Requests to S3 and what speaks like it, signed as AWS' Signature Version 4 has it.

Pure. (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html)
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import quote, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where objects are put, and with which keys.

    With *path_style* the bucket stands in the path, else before the host's name.
    """

    name: str
    region: str
    endpoint: str  # "https://s3.eu-central-1.amazonaws.com"
    access_key_id: str
    secret_access_key: str
    path_style: bool = False

    def url_of(self, key: str) -> str:
        """Return the address of the object *key*, escaped as it is signed."""
        scheme, host, path = urlsplit(self.endpoint)[:3]
        if self.path_style:
            return f"{scheme}://{host}{path.rstrip('/')}/{self.name}/{_escaped(key)}"
        return f"{scheme}://{self.name}.{host}{path.rstrip('/')}/{_escaped(key)}"


def signed_headers(
    bucket: Bucket,
    url: str,
    headers: Mapping[str, str],
    *,
    method: str,
    payload_sha256: str,
    at: datetime,
) -> dict[str, str]:
    """Return *headers* with those that sign the request; *at* is aware.

    All of them are signed, so nothing of it can be changed on the way. *payload_sha256*
    (hex) is that of the body, which the other side reckons too.
    """
    parts = urlsplit(url)
    moment = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    sent = {
        **{name.lower(): " ".join(value.split()) for name, value in headers.items()},
        "host": parts.netloc,
        "x-amz-content-sha256": payload_sha256,
        "x-amz-date": moment,
    }
    names = ";".join(sorted(sent))
    canonical = "\n".join(
        [
            method,
            parts.path or "/",
            parts.query,
            *(f"{name}:{sent[name]}" for name in sorted(sent)),
            "",
            names,
            payload_sha256,
        ]
    )
    scope = f"{moment[:8]}/{bucket.region}/s3/aws4_request"
    digest = sha256(canonical.encode()).hexdigest()
    to_sign = f"{_ALGORITHM}\n{moment}\n{scope}\n{digest}"
    signature = hmac.digest(_key(bucket, scope), to_sign.encode(), "sha256").hex()
    return sent | {
        "authorization": f"{_ALGORITHM} Credential={bucket.access_key_id}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}"
    }


def _key(bucket: Bucket, scope: str) -> bytes:
    key = f"AWS4{bucket.secret_access_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _escaped(key: str) -> str:
    return quote(key, safe="/-_.~")
