"""Servers and commands in processes of their own, and what is sent to them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from random import Random
from typing import Any

import pytest
from django.conf import settings

SENDERS = 6
BATCHES, SIZE, KNOWN = 36, 150, 2400
PATIENCE_S = 60
Batch = list[dict[str, Any]]


@contextmanager
def serving(environment: dict[str, str]) -> Iterator[tuple[int, Any]]:
    """Run the server; yield its port and what kills all of its processes at once."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "manage.py", "serve", "--port", str(port), "--threads", "4"],
        cwd=settings.BASE_DIR,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )

    def kill() -> None:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()

    try:
        wait_for(port)
        yield port, kill
    finally:
        kill()


def wait_for(port: int) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with suppress(OSError, HTTPException):
            if call(port, "GET", "/health/ready", "")[0] == 200:
                return
        time.sleep(0.1)
    pytest.fail("The server did not start.")


def call(
    port: int, method: str, path: str, key: str, body: Any = None
) -> tuple[int, Any]:
    client = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        client.request(
            method,
            path,
            body=json.dumps(body),
            headers={
                "Authorization": f"Bearer {key}",
                "Content-Type": "application/json",
            },
        )
        answer = client.getresponse()
        return answer.status, json.loads(answer.read() or b"null")
    finally:
        client.close()


def make_budgets(port: int, key: str) -> None:
    parent = None
    for name, scope in (("All", {}), ("Team", {"teams": ["a"]})):
        budget = {
            "name": name,
            "amount": "1000",
            "organization_id": "acme",
            "start_date": "2025-01-01",
            "scope": scope,
            "parent": parent,
        }
        status, answer = call(port, "POST", "/api/v1/budgets", key, budget)
        assert status == 201, answer
        parent = answer["id"]


def overlapping_batches() -> list[Batch]:
    """Return batches that share most of their records; each is the same whenever."""
    random = Random(1)
    return [
        [
            {
                "id": f"u{number}",
                "timestamp": f"2025-03-{1 + number % 28:02}T12:00:00Z",
                "provider": "openai",
                "model": "gpt-4o",
                "organization_id": "acme",
                "team_id": "ab"[number % 2],
                "user_id": f"user{number % 40}",
                "input_tokens": number,
                "output_tokens": 10,
            }
            for number in random.sample(range(KNOWN), SIZE)
        ]
        for _ in range(BATCHES)
    ]


def run(environment: dict[str, str], *words: object, module: str = "killing") -> str:
    done = subprocess.run(
        [sys.executable, "-m", f"tests.concurrency.{module}", *map(str, words)],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
