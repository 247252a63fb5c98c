"""Senders that stall do not stop a server, whoever they are."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import requests

from tests.journeys.server import Server, running_server

STALLED = 40
HALF = b"Transfer-Encoding: chunked\r\n\r\n400\r\n[" + b"1," * 100


@pytest.fixture
def server(own_database: str) -> Iterator[Server]:
    with running_server(own_database) as running:
        yield running


@pytest.fixture
def stalled() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def stall(server: Server, stalled: ExitStack, request: bytes) -> None:
    port = int(server.url.rpartition(":")[2])
    for _ in range(STALLED):
        sender = stalled.enter_context(socket.create_connection(("127.0.0.1", port)))
        sender.sendall(request)
    time.sleep(2)  # until they count as slow


def key_for(server: Server, organization: str) -> str:
    return server.manage("create_api_key", "journey", "--organization", organization)


def report(server: Server, key: str, usage_id: str) -> int:
    body = {
        "id": usage_id,
        "timestamp": "2026-11-30T12:00:00Z",
        "provider": "openai",
        "model": "gpt-4o",
        "input_tokens": 1,
    }
    sent = requests.post(
        f"{server.url}/api/v1/usage",
        data=json.dumps(body),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        timeout=30,
    )
    return sent.status_code


@pytest.mark.parametrize("path", ["/api/v1/usage/batch", "/nowhere", "/admin/login/"])
def test_who_stalls_without_a_key_stops_nobody(
    server: Server, stalled: ExitStack, path: str
) -> None:
    key = key_for(server, "acme")
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"

    stall(server, stalled, head.encode() + HALF)

    assert requests.get(f"{server.url}/health", timeout=30).status_code == 200
    assert report(server, key, "1") == 201


def test_who_stalls_with_a_key_stops_no_other_organization(
    server: Server, stalled: ExitStack
) -> None:
    key, other = key_for(server, "acme"), key_for(server, "globex")
    head = (
        f"POST /api/v1/usage/batch HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\n"
    )

    stall(server, stalled, head.encode() + HALF)

    assert requests.get(f"{server.url}/health", timeout=30).status_code == 200
    assert report(server, other, "1") == 201
