"""CostOps away, back, slow or wrong: the app goes on, and no record is lost."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import openai
import pytest
from llm_cost_ops import (
    ApiError,
    BudgetExceededError,
    CostOpsClient,
    CostTracker,
    GuardUnavailableError,
    NoAnswerError,
    TrackerConfig,
)
from llm_cost_ops.api.platform import get_health

from tests.databases import ROOT
from tests.journeys.server import Server, free_port
from tests.sdk.provider import Provider
from tests.sdk.world import CALL, COST, World

Track = Callable[..., CostTracker]
NOBODY = "http://127.0.0.1:9"
_PATIENCE_S = 60


def wait_until(is_so: Callable[[], object]) -> None:
    until = time.monotonic() + _PATIENCE_S
    while not is_so():
        assert time.monotonic() < until, "it never came to be"
        time.sleep(0.05)


@contextmanager
def somebody(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """Have something answer that is no CostOps."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def says(content: bytes, status: int = 200) -> Callable[[Any], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def is_slow(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(3)
    handler.close_connection = True


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def drips(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    try:
        for _ in range(30):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.1)
    except OSError:
        pass  # the other side has lost its patience
    handler.close_connection = True


WRONG: dict[str, Callable[[Any], None]] = {
    "html": says(b"<html>It works!</html>"),
    "another JSON": says(b'{"hello": "world"}'),
    "an array": says(b"[1, 2, 3]"),
    "an odd lease": says(
        b'{"id": "l", "mode": "lease", "granted": "lots", "currency": "USD",'
        b' "ttl_s": 60, "accepted": 0}'
    ),
    "an odd trigger": says(
        b'{"id": "l", "mode": "lease", "granted": "1", "currency": "USD", "ttl_s": 60,'
        b' "names": {"provider": "p"},'
        b' "rules": [{"id": "r", "budget": "b", "action": "block", "trigger": 7}]}'
    ),
    "over at once": says(
        b'{"id": "l", "mode": "lease", "granted": "1", "currency": "USD", "ttl_s": 0,'
        b' "names": {"provider": "p"}}'
    ),
    "a bug": says(b"oops", 500),
    "no such thing": says(b"{}", 404),
    "a bad key": says(b'{"code": "not_authenticated", "detail": "No."}', 401),
    "a redirect": says(b"", 302),
    "nothing": hangs_up,
    "too late": is_slow,
    "bit by bit": drips,
}


@pytest.fixture
def quick(tmp_path: Path) -> Callable[..., TrackerConfig]:
    def make(**choices: Any) -> TrackerConfig:
        given = {
            "spool_dir": tmp_path,
            "decision_timeout_s": 0.5,
            "report_timeout_s": 0.5,
            "flush_interval_s": 0.05,
            "shutdown_timeout_s": 1.0,
            **choices,
        }
        return TrackerConfig(**given)

    return make


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_calls_go_on_and_records_are_kept_whatever_answers(
    wrong: Callable[[Any], None],
    quick: Callable[..., TrackerConfig],
    chat: openai.OpenAI,
    provider: Provider,
) -> None:
    with somebody(wrong) as url:
        tracker = CostTracker("key", url, quick())
        completions = tracker.wrap(chat).chat.completions
        began = time.monotonic()

        for _ in range(20):
            completions.create(**CALL)

        assert time.monotonic() - began < 6  # ten seconds, if every call waited
        assert len(provider.asked) == 20
        tracker.close()
    stats = tracker.stats
    assert (stats.unguarded, stats.recorded, stats.sent) == (20, 20, 0)
    assert (stats.spooled, stats.lost, stats.rejected) == (20, 0, 0)


@pytest.mark.parametrize("mode", ["lease", "authorize"])
def test_who_fails_closed_makes_no_call_that_nobody_allowed(
    mode: str,
    quick: Callable[..., TrackerConfig],
    chat: openai.OpenAI,
    provider: Provider,
) -> None:
    with CostTracker("key", NOBODY, quick(fail_open=False, mode=mode)) as tracker:
        for _ in range(3):
            with pytest.raises(GuardUnavailableError):
                tracker.wrap(chat).chat.completions.create(**CALL)

    assert provider.asked == []
    assert issubclass(GuardUnavailableError, BudgetExceededError)


def test_a_bug_of_ours_is_not_the_apps_problem(
    quick: Callable[..., TrackerConfig],
    chat: openai.OpenAI,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(model: str, text: str) -> int:
        raise ZeroDivisionError

    with CostTracker("key", NOBODY, quick(count_tokens=broken)) as tracker:
        answer = tracker.wrap(chat).chat.completions.create(**CALL)

    assert answer.usage is not None
    assert "untracked" in caplog.text


# -- The real server, killed and started again


@contextmanager
def serving(server: Server, port: int) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "manage.py", "serve", "--port", str(port), "--workers", "1"],
        cwd=ROOT,
        env=server.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        with CostOpsClient(f"http://127.0.0.1:{port}") as client:
            wait_until(lambda: is_up(client))
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(_PATIENCE_S)


def is_up(client: CostOpsClient) -> bool:
    try:
        return client.send_once(get_health(), timeout=1).status == "healthy"
    except (ApiError, NoAnswerError):
        return False


def test_a_server_that_is_killed_and_started_again_has_every_record_once(
    server: Server,
    key: str,
    world: World,
    quick: Callable[..., TrackerConfig],
    chat: openai.OpenAI,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR, "httpx2")
    budget, port = world.budget("50"), free_port()
    # A busy machine answers later than after half a second; that is not what is shown.
    config = quick(organization_id=world.organization, report_timeout_s=10)
    tracker = CostTracker(key, f"http://127.0.0.1:{port}", config)
    completions = tracker.wrap(chat).chat.completions
    stop = threading.Event()

    def app() -> None:
        while not stop.is_set():
            completions.create(**CALL)
            time.sleep(0.02)

    threads = [threading.Thread(target=app) for _ in range(3)]
    with serving(server, port) as process:
        for thread in threads:
            thread.start()
        wait_until(lambda: tracker.stats.sent > 20)
        os.killpg(process.pid, signal.SIGKILL)  # in the middle of it
        process.wait(_PATIENCE_S)
    wait_until(lambda: tracker.stats.spooled > 20)

    with serving(server, port):
        wait_until(lambda: tracker.stats.replayed > 20)
        stop.set()
        for thread in threads:
            thread.join()
        wait_until(lambda: all_arrived(tracker))
        tracker.close()

    stats = tracker.stats
    costs = world.client.get_costs(organization_id=world.organization)
    assert len(costs) == stats.recorded == len({cost.usage_id for cost in costs})
    assert (stats.lost, stats.rejected) == (0, 0)
    assert world.status(budget).total_spend == stats.recorded * COST
    assert sum((cost.total_cost or Decimal(0)) for cost in costs) == (
        world.status(budget).total_spend
    )


def all_arrived(tracker: CostTracker) -> bool:
    tracker.flush(5)
    stats = tracker.stats
    return stats.sent + stats.replayed >= stats.recorded


APP = """
import os, sys
from llm_cost_ops import CostTracker, TrackerConfig, Tokens
key, url, organization, spool, how = sys.argv[1:]
config = TrackerConfig(
    organization_id=organization, spool_dir=spool, shutdown_timeout_s=1,
    flush_interval_s=0.05 if how == "killed" else 60, report_timeout_s=0.5)
tracker = CostTracker(key, url, config)
def record(count):
    for _ in range(count):
        tracker.record(provider="openai", model="gpt-4o", tokens=Tokens(1000, 100))
record(100)
if how == "forks":
    if os.fork() == 0:
        record(10)
        sys.exit(0)  # its own are sent, not its parent's
    os.wait()
if how == "killed":
    tracker.flush()
    os.kill(os.getpid(), 9)
"""


def run_app(*words: str) -> int:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "sdk")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", APP, *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr.count("Traceback") == 0, done.stderr
    return done.returncode


def test_what_is_buffered_is_sent_when_the_app_ends(
    server: Server, key: str, world: World, tmp_path: Path
) -> None:
    code = run_app(key, server.url, world.organization, str(tmp_path), "ends")

    assert code == 0
    assert len(world.client.get_costs(organization_id=world.organization)) == 100


def test_a_child_process_sends_its_own_records_and_not_its_parents(
    server: Server, key: str, world: World, tmp_path: Path
) -> None:
    code = run_app(key, server.url, world.organization, str(tmp_path), "forks")

    assert code == 0
    costs = world.client.get_costs(organization_id=world.organization)
    assert len(costs) == len({cost.usage_id for cost in costs}) == 110


def test_what_dead_processes_have_left_on_disk_is_sent_by_the_next_one(
    server: Server, key: str, world: World, tmp_path: Path
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    run_app(key, url, world.organization, str(tmp_path), "ends")
    run_app(key, url, world.organization, str(tmp_path), "killed")

    with serving(server, port):
        config = TrackerConfig(
            organization_id=world.organization, spool_dir=tmp_path, mode="observe"
        )
        tracker = CostTracker(key, url, config)
        wait_until(lambda: tracker.stats.replayed == 200)
        tracker.close()

    assert len(world.client.get_costs(organization_id=world.organization)) == 200
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
