"""How long a decision under a lease takes, and what tracking adds to a call.

    python sdk/benchmark.py

Needs nothing but this package: a process of its own stands in for the server, and a
function for the provider. A decision here finds the lease, prices the worst case,
judges four rules (block, blocklist, downgrade, rate limit) and sets the money aside.
"""

from __future__ import annotations

import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Callable

from llm_cost_ops import CostTracker, TrackerConfig

DECISIONS = 100_000
CALLS = 10_000
ROUNDS = 5
MODEL = "gpt-4o"
REQUEST: dict[str, Any] = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "How are you? " * 20}] * 4,
    "max_tokens": 500,
}
ANSWER = {
    "model": MODEL,
    "usage": {
        "prompt_tokens": 300,
        "completion_tokens": 50,
        "prompt_tokens_details": {"cached_tokens": 100},
    },
}


def rule(action: str, trigger: list[Any], **config: Any) -> dict[str, Any]:
    return {
        "id": action,
        "budget": "b",
        "action": action,
        "trigger": trigger,
        **config,
    }


def percentage(share: str) -> list[Any]:
    return [">=", {"name": "budget_percentage"}, {"number": share}]


IN_DEVELOPMENT = ["==", {"name": "environment"}, "development"]
RULES = [
    rule("model_downgrade", percentage("0.9"), instead={MODEL: "gpt-4o-mini"}),
    rule("model_blocklist", IN_DEVELOPMENT, forbids=[MODEL]),
    rule("rate_limit", percentage("0.95"), max_requests_per_minute=10),
    rule("block", percentage("1.0"), exempt_users=["admin"]),
]
BUDGET = {
    "id": "b",
    "name": "All",
    "currency": "USD",
    "spent": "1.0000000000",
    "reserved": "0.0000000000",
    "limit": "1000000000.0000000000",
    "enforcement": "hard",
}
PRICE = {
    "provider": "openai",
    "model": MODEL,
    "priced": True,
    "currency": "USD",
    "input": 25_000_000_000,
    "cached_input": 12_500_000_000,
    "cache_write": 25_000_000_000,
    "output": 100_000_000_000,
    "reasoning": 100_000_000_000,
    "per_request": 0,
    "tiers": [],
    "rate": None,
}
LEASE = {
    "id": "lease",
    "mode": "lease",
    "granted": "1000000.0000000000",
    "currency": "USD",
    "ttl_s": 3_600,
    "refresh_s": 3_600,
    "dimensions": [],
    "names": {
        "provider": "openai",
        "models": [{"asked": MODEL, "model": MODEL}],
    },
    "budgets": [BUDGET],
    "prices": [PRICE],
}


class Server(BaseHTTPRequestHandler):
    """Grants all leases and takes all records."""

    protocol_version = "HTTP/1.1"
    rules: list[dict[str, Any]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if isinstance(body, list):
            answer = {"accepted": len(body), "duplicates": 0, "rejected": []}
        else:
            has_rules = body.get("project_id") == "ruled"
            answer = {**LEASE, "rules": RULES if has_rules else []}
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def serve(port: Connection) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    port.send(server.server_address[1])
    server.serve_forever()


def decisions(tracker: CostTracker) -> list[int]:
    """Return what decisions took, each in ns, sorted."""
    clock = time.perf_counter_ns
    flights = [tracker.plan("openai", REQUEST) for _ in range(DECISIONS)]
    flights[0].depart()  # fetches the lease
    spans = []
    for flight in flights[1:]:
        began = clock()
        flight.depart()
        spans.append(clock() - began)
    return sorted(spans)


def per_call(work: Callable[[], object]) -> float:
    """Return the CPU time in us, of all threads, that one of CALLS calls takes."""
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(CALLS):
            work()
        found.append((time.process_time() - began) / CALLS * 1e6)
    return statistics.median(found)


def provider(**request: Any) -> dict[str, Any]:
    return ANSWER


def measure(endpoint: str, project: str, directory: Path) -> None:
    config = TrackerConfig(spool_dir=directory, project_id=project)
    with CostTracker("key", endpoint, config) as tracker:
        spans = decisions(tracker)
        told = {"provider": "openai"}
        bare = per_call(lambda: provider(**REQUEST))
        whole = per_call(lambda: tracker.track(provider, costops=told, **REQUEST))
    print(
        f"{project:>8}: decision median {spans[len(spans) // 2] / 1000:5.2f} us,"
        f" p99 {spans[len(spans) * 99 // 100] / 1000:5.2f} us;"
        f" tracking adds {whole - bare:5.1f} us of CPU to a call"
    )


def main() -> None:
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    endpoint = f"http://127.0.0.1:{ours.recv()}"
    print(f"Python {sys.version.split()[0]}, one thread, {DECISIONS:,} decisions")
    with tempfile.TemporaryDirectory() as directory:
        measure(endpoint, "unruled", Path(directory))
        measure(endpoint, "ruled", Path(directory))
    server.terminate()


if __name__ == "__main__":
    main()
