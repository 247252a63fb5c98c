"""The clients by themselves, against a server that answers as it is told."""

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llm_cost_ops import (
    ApiError,
    AsyncCostOpsClient,
    BadAnswerError,
    BadRequestError,
    ConflictError,
    CostOpsClient,
    NoAnswerError,
    NotFoundError,
    RetryPolicy,
    ServerError,
    TooManyRequestsError,
)

BUDGET = {"id": "b", "name": "B", "amount": "0.1000000000", "currency": "USD"}
MONTHLY = {**BUDGET, "period": "monthly"}
QUICK = RetryPolicy(retries=3, first_wait=0.001)


@dataclass
class Script:
    """What is answered in turn (the last one for ever), and what was asked."""

    url: str = ""
    answers: list[tuple[int, Any, dict[str, str]]] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)

    def then(self, status: int, body: Any = None, **headers: str) -> None:
        self.answers.append((status, body, headers))


@pytest.fixture
def script() -> Iterator[Script]:
    told = Script()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            given = json.loads(body) if body else None
            headers = {name.lower(): value for name, value in self.headers.items()}
            told.asked.append((self.command, self.path, headers, given))
            last = len(told.answers) == 1
            status, answer, extra = told.answers[0] if last else told.answers.pop(0)
            content = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            for name, value in extra.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    for method in ("GET", "POST"):
        setattr(Handler, f"do_{method}", Handler.answer)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def api(script: Script) -> Iterator[CostOpsClient]:
    with CostOpsClient(script.url, "secret", retry=QUICK) as made:
        yield made


def test_money_goes_out_as_text_and_comes_in_as_decimals(
    script: Script, api: CostOpsClient
) -> None:
    script.then(201, MONTHLY)

    budget = api.create_budget(name="B", amount=Decimal("1E-7"), parent_budget="p")

    ((method, path, headers, body),) = script.asked
    assert (method, path) == ("POST", "/api/v1/budgets")
    expected = {"name": "B", "amount": "0.0000001", "parent_budget": "p"}
    assert body == {**expected, "period": "monthly"}
    assert headers["authorization"] == "Bearer secret"
    assert budget.amount == Decimal("0.1")


def test_names_are_taken_as_the_video_writes_them(
    script: Script, api: CostOpsClient
) -> None:
    script.then(201, MONTHLY)
    asked: Any = api

    asked.create_budget(name="B", amount=1, parentBudget="p")

    assert script.asked[0][3]["parent_budget"] == "p"
    with pytest.raises(TypeError, match="parent_budget is given twice"):
        asked.create_budget(name="B", amount=1, parentBudget="p", parent_budget="p")


def test_a_float_is_no_money(api: CostOpsClient) -> None:
    rounded: Any = 0.1
    with pytest.raises(TypeError, match=r"not 0\.1"):
        api.create_budget(name="B", amount=rounded)
    with pytest.raises(ValueError, match="no amount"):
        api.create_budget(name="B", amount="NaN")


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_may_pass_is_tried_again_with_the_same_key(
    status: int, script: Script, api: CostOpsClient
) -> None:
    script.then(status, {"code": "busy"}, Retry_After="0")
    script.then(201, MONTHLY)

    api.create_budget(name="B", amount=1)

    first, second = (headers["idempotency-key"] for _, _, headers, _ in script.asked)
    assert first == second


@pytest.mark.parametrize(
    ("status", "kind"), [(400, BadRequestError), (500, ServerError), (409, ApiError)]
)
def test_what_will_not_pass_is_not_tried_again(
    status: int, kind: type[ApiError], script: Script, api: CostOpsClient
) -> None:
    script.then(status, {"code": "invalid", "detail": "No.", "errors": []})

    with pytest.raises(kind):
        api.get_budget("b")

    assert len(script.asked) == 1


def test_a_problem_says_what_is_wrong_with_which_field(
    script: Script, api: CostOpsClient
) -> None:
    wrong = {"attr": "scope.teams", "code": "invalid", "detail": "No such team."}
    script.then(400, {"code": "invalid", "detail": "Bad.", "errors": [wrong, 7]})

    with pytest.raises(BadRequestError) as refusal:
        api.get_budget("b")

    problem = refusal.value
    assert (problem.status, problem.code, problem.detail) == (400, "invalid", "Bad.")
    (error,) = problem.errors
    assert (error.attr, error.code, error.detail) == tuple(wrong.values())


@pytest.mark.parametrize(
    ("status", "kind"), [(404, NotFoundError), (409, ConflictError)]
)
def test_an_error_without_a_problem_is_told_by_its_status(
    status: int, kind: type[ApiError], script: Script, api: CostOpsClient
) -> None:
    script.then(status)

    with pytest.raises(kind) as refusal:
        api.resolve_alert("a/b")

    assert refusal.value.code == "unknown"
    assert script.asked[0][1] == "/api/v1/alerts/a%2Fb/resolve"


def test_a_pause_that_is_too_long_is_told_instead_of_waited(
    script: Script, api: CostOpsClient
) -> None:
    script.then(429, {"code": "throttled"}, Retry_After="3600")

    with pytest.raises(TooManyRequestsError) as refusal:
        api.get_budget("b")

    assert refusal.value.retry_after_s == 3600


@pytest.mark.parametrize("body", ["text", 7, [], {"id": 7}, {**MONTHLY, "amount": {}}])
def test_an_answer_of_another_shape_is_no_answer(
    body: Any, script: Script, api: CostOpsClient
) -> None:
    script.then(200, body)

    with pytest.raises(BadAnswerError):
        api.get_budget("b")


def test_unknown_fields_are_no_harm(script: Script, api: CostOpsClient) -> None:
    script.then(200, {**MONTHLY, "new": {"in": ["a", "later", "version"]}})

    assert api.get_budget("b").name == "B"


def test_a_list_is_walked_page_by_page(script: Script, api: CostOpsClient) -> None:
    following = "https://behind.proxy.example/api/v1/budgets?cursor=x&limit=1"
    script.then(200, {"next": following, "results": [MONTHLY]})
    script.then(200, {"next": None, "results": [{**MONTHLY, "name": "C"}]})

    names = [each.name for each in api.iterate(api.list_budgets(limit=1))]

    assert names == ["B", "C"]
    assert script.asked[1][1] == "/api/v1/budgets?cursor=x&limit=1"


def test_filters_are_written_as_the_api_reads_them(
    script: Script, api: CostOpsClient
) -> None:
    script.then(200, [])

    api.get_costs(
        start_date=datetime(2026, 1, 1, tzinfo=UTC), end_date=date(2026, 1, 31), tag="a"
    )

    path = script.asked[0][1]
    assert path.startswith("/api/v1/costs?start_date=2026-01-01T00%3A00%3A00%2B00%3A00")
    assert path.endswith("&end_date=2026-01-31&tag=a")


def test_nobody_there_is_told_after_the_last_try() -> None:
    with (
        CostOpsClient("http://127.0.0.1:9", "k", retry=QUICK) as api,
        pytest.raises(NoAnswerError),
    ):
        api.get_health()


def test_an_endpoint_is_a_url() -> None:
    with pytest.raises(ValueError, match="http"):
        CostOpsClient("ftp://costops.example", "k")


def test_the_async_client_does_the_same(script: Script) -> None:
    script.then(503)
    script.then(200, {"next": "/api/v1/budgets?cursor=x", "results": [MONTHLY]})
    script.then(200, {"next": None, "results": [MONTHLY]})
    script.then(404, {"code": "not_found"})

    async def ask() -> list[str]:
        async with AsyncCostOpsClient(script.url, "secret", retry=QUICK) as api:
            page = await api.list_budgets()
            found = [each.name async for each in api.iterate(page)]
            with pytest.raises(NotFoundError):
                await api.get_budget("b")
            return found

    assert asyncio.run(ask()) == ["B", "B"]
    assert len(script.asked) == 4


def test_connections_are_kept_and_made_anew_when_the_server_closed_them(
    script: Script, api: CostOpsClient
) -> None:
    script.then(200, MONTHLY)

    def ask() -> Any:
        return api.get_budget("b")

    ask()
    (_, kept) = api._sender._connections._idle[0]
    ask()
    assert api._sender._connections._idle[0][1] is kept

    assert kept.sock is not None
    kept.sock.close()
    assert ask().name == "B"


AWAY = NoAnswerError("refused")
ANSWERS = st.tuples(st.floats(0, 30), st.none() | st.floats(0, 60))  # after, asked


@given(chances=st.lists(st.floats(0, 1), min_size=8, max_size=8))
def test_a_restart_of_ten_seconds_is_ridden_over(chances: list[float]) -> None:
    policy, passed, waits = RetryPolicy(), 0.0, []
    for number, chance in enumerate(chances, 1):
        wait = policy.wait_after(AWAY, number, chance, passed)
        if wait is None:
            break
        waits.append(wait)
        passed += wait

    assert 10 < passed <= 30
    assert len(waits) < 8


@given(answers=st.lists(ANSWERS, min_size=8, max_size=8), chance=st.floats(0, 1))
def test_nobody_waits_longer_than_for_half_a_minute_and_the_last_answer(
    answers: list[tuple[float, float | None]], chance: float
) -> None:
    policy, passed = RetryPolicy(), 0.0
    for number, (took, asked) in enumerate(answers, 1):
        busy = ApiError(503, "unavailable", "", retry_after_s=asked)
        wait = policy.wait_after(busy, number, chance, passed + took)
        if wait is None:
            break
        passed += took + wait

    assert passed <= 30
