"""The signature of requests to S3, against the one of AWS' own library."""

from datetime import UTC, datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import time_machine
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.feeds.signatures import Bucket, signed_headers
from tests.sizes import examples

_word = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=3, max_size=12)
_secret = st.text("abcXYZ012/+=", min_size=20, max_size=40)
buckets = st.builds(
    Bucket,
    name=_word,
    region=st.sampled_from(["us-east-1", "eu-central-1", "auto"]),
    endpoint=st.sampled_from(
        ["https://s3.amazonaws.com", "http://127.0.0.1:9000", "https://r2.example/s3"]
    ),
    access_key_id=_word,
    secret_access_key=_secret,
    path_style=st.booleans(),
)
keys = st.text(
    st.characters(codec="utf-8", exclude_characters="/\x00\r\n"),
    min_size=1,
    max_size=30,
).filter(lambda key: key not in {".", ".."})


moments = st.datetimes(
    datetime.fromisoformat("2000-01-01"),
    datetime.fromisoformat("2060-01-01"),
    timezones=st.just(UTC),
)


@given(buckets, keys, moments, st.binary(max_size=50))
@settings(max_examples=examples(50, 1_000))
def test_a_request_is_signed_as_awss_own_library_does(
    bucket: Bucket, key: str, at: datetime, body: bytes
) -> None:
    url = bucket.url_of(f"focus/{key}")
    headers = {"content-type": "text/csv", "content-length": str(len(body))}
    digest = "0" * 64

    signed = signed_headers(
        bucket, url, headers, method="PUT", payload_sha256=digest, at=at
    )

    theirs = AWSRequest("PUT", url, headers={**headers, "x-amz-content-sha256": digest})
    theirs.context["payload_signing_enabled"] = True
    auth = _Signing(
        Credentials(bucket.access_key_id, bucket.secret_access_key), "s3", bucket.region
    )
    auth.digest = digest
    with time_machine.travel(at, tick=False):
        auth.add_auth(theirs)
    assert signed["authorization"] == theirs.headers["Authorization"]
    assert signed["host"] == urlsplit(url).netloc


class _Signing(S3SigV4Auth):  # type: ignore[misc]  # the library has no types
    """Takes the digest of the body from who has it already."""

    digest = ""

    def payload(self, request: AWSRequest) -> str:
        return self.digest


def test_an_object_stands_in_the_path_or_before_the_host() -> None:
    bucket = Bucket("files", "us-east-1", "https://s3.example", "id", "secret")

    assert bucket.url_of("a/b c.csv") == "https://files.s3.example/a/b%20c.csv"
    in_path = Bucket("files", "us-east-1", "https://s3.example", "id", "secret", True)
    assert in_path.url_of("a/b c.csv") == "https://s3.example/files/a/b%20c.csv"


def test_the_time_is_told_in_utc() -> None:
    bucket = Bucket("files", "us-east-1", "https://s3.example", "id", "secret")
    at = datetime(2025, 1, 1, tzinfo=UTC)
    abroad = at.astimezone(ZoneInfo("Asia/Tokyo"))

    one, other = (
        signed_headers(
            bucket, bucket.url_of("a"), {}, method="PUT", payload_sha256="0", at=each
        )
        for each in (at, abroad)
    )

    assert one == other
    assert one["x-amz-date"] == "20250101T000000Z"
