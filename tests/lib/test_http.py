import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_django import Settings

from lib import http
from lib.errors import Invalid
from tests.notifications.receivers import (
    Answering,
    Receiver,
    babble,
    drip,
    flood,
    half,
    hang,
    nothing,
    receiving,
    with_status,
)

CLOSED = [
    pytest.param("127.0.0.1", id="loopback"),
    pytest.param("127.9.9.9", id="all of loopback"),
    pytest.param("10.1.2.3", id="private 10"),
    pytest.param("172.16.0.1", id="private 172.16"),
    pytest.param("192.168.1.1", id="private 192.168"),
    pytest.param("169.254.169.254", id="link-local, the cloud's metadata"),
    pytest.param("100.64.0.1", id="carrier-grade NAT"),
    pytest.param("0.0.0.0", id="this host"),
    pytest.param("255.255.255.255", id="broadcast"),
    pytest.param("224.0.0.1", id="multicast"),
    pytest.param("240.0.0.1", id="reserved"),
    pytest.param("192.0.2.1", id="documentation"),
    pytest.param("198.18.0.1", id="benchmarking"),
    pytest.param("192.88.99.1", id="6to4 relay"),
    pytest.param("::1", id="loopback 6"),
    pytest.param("::", id="this host 6"),
    pytest.param("fe80::1", id="link-local 6"),
    pytest.param("fe80::1%1", id="link-local 6 with its interface"),
    pytest.param("fc00::1", id="unique local"),
    pytest.param("fd00:ec2::254", id="unique local, the cloud's metadata"),
    pytest.param("fec0::1", id="site-local"),
    pytest.param("ff02::1", id="multicast 6"),
    pytest.param("::ffff:127.0.0.1", id="IPv4-mapped loopback"),
    pytest.param("::ffff:10.0.0.1", id="IPv4-mapped private"),
    pytest.param("::ffff:169.254.169.254", id="IPv4-mapped link-local"),
    pytest.param("::127.0.0.1", id="IPv4-compatible loopback"),
    pytest.param("64:ff9b::7f00:1", id="NAT64 to loopback"),
    pytest.param("64:ff9b::a00:1", id="NAT64 to private"),
    pytest.param("64:ff9b::6440:1", id="NAT64 to carrier-grade NAT"),
    pytest.param("64:ff9b:1::1", id="local NAT64"),
    pytest.param("2002:7f00:1::", id="6to4 to loopback"),
    pytest.param("2002:808:808::", id="6to4"),
    pytest.param("2001::1", id="Teredo"),
    pytest.param("2001:db8::1", id="documentation 6"),
    pytest.param("3fff::1", id="documentation 6, the newer one"),
    pytest.param("5f00::1", id="segment routing"),
    pytest.param("100::1", id="discard"),
]


@pytest.mark.parametrize("address", CLOSED)
def test_what_is_not_public_is_closed(address: str) -> None:
    assert not http.is_open(address)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"],
)
def test_what_is_public_is_open(address: str) -> None:
    assert http.is_open(address)


def test_the_operator_opens_networks(settings: Settings) -> None:
    settings.OUTGOING_ALLOW = ["10.0.0.0/8", "fd00::/8"]

    assert http.is_open("10.1.2.3")
    assert http.is_open("::ffff:10.1.2.3")
    assert http.is_open("64:ff9b::a01:203")
    assert http.is_open("fd00::1")
    assert not http.is_open("127.0.0.1")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://[::1]/",
        "https://[::ffff:7f00:1]/",
        "http://localhost/",
        "http://LOCALHOST./",
        "http://a.localhost:8000/",
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "//example.com/",
        "http://",
        "http:///path",
        "nonsense",
        "http://[::1",
        "http://example.com:99999/",
    ],
)
def test_a_bad_address_is_refused_when_it_is_set(url: str) -> None:
    with pytest.raises(Invalid):
        http.check_address(url)


def test_a_public_address_may_be_set() -> None:
    http.check_address("https://hooks.example.com/services/T/B/x?y=1")
    http.check_address("http://8.8.8.8:8080/")


@pytest.fixture
def unguarded() -> Iterator[Receiver]:
    """A receiver on a loopback address, which nobody may reach."""
    with receiving() as running:
        yield running


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.OUTGOING_ALLOW = ["127.0.0.1/32"]
    with receiving() as running:
        yield running


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.0.0.1", "0177.1"]
)
def test_nothing_reaches_this_machine_however_it_is_written(
    unguarded: Receiver, host: str
) -> None:
    with pytest.raises(http.AddressRefused, match="closed"):
        http.post(f"http://{host}:{unguarded.port}/", b"{}", {})

    assert unguarded.requests == []


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Have names resolve to *answers*, one after the other; return what was asked."""
    asked: list[str] = []
    left = list(answers)

    def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        found = left.pop(0)
        return [
            (
                socket.AF_INET6 if ":" in one else socket.AF_INET,
                socket.SOCK_STREAM,
                socket.IPPROTO_TCP,
                "",
                (one, port, 0, 0) if ":" in one else (one, port),
            )
            for one in found
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize("inner", ["10.0.0.1", "::1", "127.0.0.2", "64:ff9b::a00:1"])
def test_one_closed_address_of_a_name_closes_all(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, inner: str
) -> None:
    resolving(monkeypatch, ["127.0.0.1", inner])

    with pytest.raises(http.AddressRefused):
        http.post(f"http://example.com:{receiver.port}/", b"{}", {})

    assert receiver.requests == []


def test_a_name_is_asked_for_once_so_that_it_cannot_change_its_mind(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = resolving(monkeypatch, ["127.0.0.1"], ["127.0.0.2"])

    answer = http.post(f"http://rebinding.example:{receiver.port}/", b"{}", {})

    assert answer.status == 200
    assert asked == ["rebinding.example"]
    host = receiver.requests[0].headers["Host"]
    assert host == f"rebinding.example:{receiver.port}"


def test_the_next_address_is_tried_when_one_does_not_answer(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.OUTGOING_ALLOW = ["127.0.0.0/8"]
    resolving(monkeypatch, ["127.0.0.9", "127.0.0.1"])
    monkeypatch.setattr(socket.socket, "connect", _only_to("127.0.0.1"))

    answer = http.post(f"http://example.com:{receiver.port}/", b"{}", {})

    assert answer.status == 200


def _only_to(host: str) -> Any:
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if address[0] != host:
            raise ConnectionRefusedError
        connect(self, address)

    return guarded


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_not_followed(
    receiver: Receiver, status: int
) -> None:
    with receiving() as inner:
        receiver.answers = [with_status(status, Location=inner.url())]

        answer = http.post(receiver.url(), b"{}", {})

    assert answer.status == status
    assert inner.requests == []


@pytest.mark.parametrize(
    ("answering", "sentence"),
    [
        pytest.param(hang, "no answer in time", id="hangs"),
        pytest.param(drip, "no answer in time|too long", id="drips"),
        pytest.param(half, "ended in the middle", id="half an answer"),
        pytest.param(nothing, "closed without an answer", id="no answer"),
        pytest.param(babble, "not HTTP|ended in the middle", id="not HTTP"),
        pytest.param(flood, "too long", id="floods"),
    ],
)
def test_a_receiver_that_misbehaves_is_left_in_time(
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    answering: Answering,
    sentence: str,
) -> None:
    monkeypatch.setattr(http, "TIMEOUT_S", 0.5)
    receiver.answers = [answering]
    began = time.monotonic()

    with pytest.raises(http.NoAnswer, match=sentence) as caught:
        http.post(receiver.url("/secret-token"), b"{}", {})

    assert "secret-token" not in str(caught.value)
    assert time.monotonic() - began < 15  # drip and hang would go on for 20


def test_a_closed_port_is_no_answer(settings: Settings) -> None:
    settings.OUTGOING_ALLOW = ["127.0.0.1/32"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

        with pytest.raises(http.NoAnswer, match="refused") as caught:
            http.post(f"http://127.0.0.1:{port}/", b"{}", {})

    assert not isinstance(caught.value, http.AddressRefused)


def test_a_name_that_nobody_knows_is_no_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    with pytest.raises(http.NoAnswer, match="not known"):
        http.post("http://nowhere.example/", b"{}", {})


def test_a_name_and_password_in_the_address_are_sent(receiver: Receiver) -> None:
    http.post(f"http://me:pass@127.0.0.1:{receiver.port}/x", b"{}", {})

    assert receiver.requests[0].headers["Authorization"] == "Basic bWU6cGFzcw=="


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("120", 120), (" 7 ", 7), ("", None), ("soon", None), ("-3", None)],
)
def test_a_receiver_may_ask_to_be_left_alone(text: str, seconds: float | None) -> None:
    assert http.HttpAnswer(429, {"Retry-After": text}).retry_after_s == seconds


def test_a_receiver_may_name_the_moment() -> None:
    moment = datetime.now(UTC) + timedelta(seconds=90)
    text = moment.strftime("%a, %d %b %Y %H:%M:%S GMT")

    asked = http.HttpAnswer(503, {"Retry-After": text}).retry_after_s

    assert asked is not None
    assert 60 < asked <= 90


# -- TLS


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for localhost that nobody has signed but itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "localhost.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def _request_on(connection: socket.socket) -> bytes:
    """Read a request to its end: its body, "{}", may come by itself."""
    asked = b""
    while not asked.endswith(b"{}") and (part := connection.recv(2**16)):
        asked += part
    return asked


@pytest.fixture
def tls_port(certificate: Path, settings: Settings) -> Iterator[int]:
    """The port of a server that drips a few headers once a secure connection is up."""
    settings.OUTGOING_ALLOW = ["127.0.0.1/32", "::1/128"]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                plain, _ = listener.accept()
                with context.wrap_socket(plain, server_side=True) as secure:
                    asked = _request_on(secure)
                    if b"POST /drip" in asked:
                        secure.sendall(b"HTTP/1.1 200 OK\r\n")
                        for _ in range(200):
                            secure.sendall(b"X-More: of it\r\n")
                            time.sleep(0.05)
                    secure.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            except (ssl.SSLError, ConnectionError):
                continue
            except OSError:
                return

    thread = Thread(target=serve)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def test_a_certificate_nobody_vouches_for_is_not_trusted(tls_port: int) -> None:
    with pytest.raises(http.NoAnswer, match="secure connection"):
        http.post(f"https://localhost:{tls_port}/", b"{}", {})


def test_a_trusted_certificate_must_be_that_of_the_host(
    tls_port: int, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _trust(certificate, monkeypatch)

    answer = http.post(f"https://localhost:{tls_port}/", b"{}", {})
    with pytest.raises(http.NoAnswer, match="secure connection"):
        http.post(f"https://127.0.0.1:{tls_port}/", b"{}", {})

    assert answer.status == 204


def test_a_secure_receiver_that_drips_is_left_in_time(
    tls_port: int, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _trust(certificate, monkeypatch)
    monkeypatch.setattr(http, "TIMEOUT_S", 0.5)

    with pytest.raises(http.NoAnswer, match="in time"):
        http.post(f"https://localhost:{tls_port}/drip", b"{}", {})


def _trust(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = http._fresh_tls()
    context.load_verify_locations(certificate)
    monkeypatch.setattr(http, "_tls", lambda: context)
