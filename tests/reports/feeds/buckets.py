"""A bucket on this machine that takes what is signed right, by AWS' own library."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

_DENIED = """<?xml version="1.0"?><Error><Code>SignatureDoesNotMatch</Code>
<Message>The signature does not match.</Message>
<AWSAccessKeyId>AKIAEXAMPLE</AWSAccessKeyId>
<StringToSign>{secret}</StringToSign></Error>"""


@dataclass(slots=True)
class FakeBucket:
    """What was put, by path, and how often; *failures* are answered first."""

    secret: str
    region: str = "eu-central-1"
    port: int = 0
    objects: dict[str, bytes] = field(default_factory=dict)
    hosts: list[str] = field(default_factory=list)
    puts: int = 0
    failures: list[int] = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class _Handler(BaseHTTPRequestHandler):
    bucket: FakeBucket

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        bucket = self.bucket
        bucket.puts += 1
        if bucket.failures:
            self._answer(
                bucket.failures.pop(0), b"<Error><Code>SlowDown</Code></Error>"
            )
        elif self._is_signed(body):
            bucket.objects[self.path] = body
            bucket.hosts.append(self.headers["Host"])
            self._answer(200, b"")
        else:
            self._answer(403, _DENIED.format(secret=bucket.secret).encode())

    def _is_signed(self, body: bytes) -> bool:
        said = self.headers["x-amz-content-sha256"]
        if sha256(body).hexdigest() != said:
            return False
        auth = self.headers["Authorization"]
        names = auth.partition("SignedHeaders=")[2].partition(",")[0].split(";")
        headers = {name: self.headers[name] for name in names}
        url = f"http://{self.headers['Host']}{self.path}"
        request = AWSRequest("PUT", url, headers=headers)
        request.context["timestamp"] = self.headers["x-amz-date"]
        key_id = auth.partition("Credential=")[2].partition("/")[0]
        signer = S3SigV4Auth(
            Credentials(key_id, self.bucket.secret), "s3", self.bucket.region
        )
        to_sign = signer.string_to_sign(request, signer.canonical_request(request))
        return bool(auth.endswith(signer.signature(to_sign, request)))

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def holding(secret: str) -> Iterator[FakeBucket]:
    """Run a bucket on a free port; *secret* is the key it knows."""
    bucket = FakeBucket(secret)
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), type("Handler", (_Handler,), {"bucket": bucket})
    )
    bucket.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield bucket
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
