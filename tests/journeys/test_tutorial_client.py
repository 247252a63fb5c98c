"""A client as a tutorial would write it, against a server that was really started."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests

from tests.databases import migrated_database
from tests.journeys.server import Server, running_server


class CostOpsClient:
    """Reports usage and reads costs over one requests session."""

    def __init__(self, base_url: str, api_key: str) -> None:
        self.base_url = base_url
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {api_key}"

    def get(self, path: str, **query: Any) -> Any:
        given = {name: value for name, value in query.items() if value is not None}
        answer = self.session.get(f"{self.base_url}{path}", params=given, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, body: Any) -> Any:
        answer = self.session.post(f"{self.base_url}{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("journey")
    with (
        migrated_database("journey", directory) as url,
        running_server(url) as started,
    ):
        started.manage("demo")
        yield started


@pytest.fixture(scope="module")
def client(server: Server) -> CostOpsClient:
    key = server.manage("create_api_key", "tutorial")
    return CostOpsClient(server.url, key)


def gpt_4_call(usage_id: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": usage_id,
        "timestamp": datetime.now(UTC).replace(tzinfo=None).isoformat(),
        "provider": "openai",
        "model_name": "gpt-4",
        "organization_id": "org-acme-corp",
        "project_id": "tutorial",
        "prompt_tokens": 1_500,
        "completion_tokens": 800,
        "total_tokens": 2_300,
        **fields,
    }


def test_the_server_is_healthy(client: CostOpsClient) -> None:
    assert client.get("/health")["status"] == "healthy"


def test_one_call_costs_what_the_tutorial_says_however_often_it_is_sent(
    client: CostOpsClient,
) -> None:
    first = client.post("/api/v1/usage", gpt_4_call("tutorial-1"))
    again = client.post("/api/v1/usage", gpt_4_call("tutorial-1"))

    assert (first["status"], Decimal(first["cost"])) == ("success", Decimal("0.039"))
    assert (again["duplicate"], again["cost"]) == (True, first["cost"])


def test_a_bare_list_is_a_batch(client: CostOpsClient) -> None:
    calls = [gpt_4_call(f"tutorial-batch-{number}") for number in range(3)]

    answer = client.post("/api/v1/usage/batch", calls)

    assert (answer["status"], answer["accepted"]) == ("success", 3)
    assert Decimal(answer["total_cost"]) == Decimal("0.117")
    assert answer["processing_time_ms"] > 0


def test_costs_come_as_a_bare_list_that_adds_up_to_the_summary(
    client: CostOpsClient,
) -> None:
    client.post("/api/v1/usage", gpt_4_call("tutorial-costs"))
    now = datetime.now(UTC).replace(tzinfo=None)
    query = {
        "start_date": (now - timedelta(days=1)).isoformat(),
        "end_date": (now + timedelta(minutes=1)).isoformat(),
        "organization_id": "org-acme-corp",
        "project_id": "tutorial",
    }

    costs = client.get("/api/v1/costs", **query)
    summary = client.get(
        "/api/v1/analytics/summary", **query, group_by="provider,model,project"
    )

    assert isinstance(costs, list)
    assert {cost["model"] for cost in costs} == {"gpt-4"}
    total = sum(Decimal(cost["total_cost"]) for cost in costs)
    assert Decimal(summary["total_cost"]) == total
    assert summary["total_requests"] == len(costs)
    assert Decimal(summary["by_project"]["tutorial"]) == total


def test_a_budget_over_the_whole_organization_counts_every_cost_of_the_month(
    client: CostOpsClient,
) -> None:
    """The tutorial adds up all costs of a month; the budget's status says the same."""
    acme, tokens = client.get("/api/v1/budgets/tree", organization_id="org-acme-corp")
    assert (acme["name"], tokens["name"]) == ("Acme Corp", "Tokens of Opus")
    costs = client.get(
        "/api/v1/costs",
        start_date=acme["period_start"],
        end_date=acme["period_end"],
        organization_id="org-acme-corp",
    )

    status = client.get(f"/api/v1/budgets/{acme['id']}/status")

    assert Decimal(status["total_spend"]) == sum(
        Decimal(cost["total_cost"]) for cost in costs
    )
    assert status["total_days"] in {28, 29, 30, 31}


def test_programs_that_add_costs_up_outlive_a_model_without_a_price(
    client: CostOpsClient, server: Server
) -> None:
    """They do so by float(cost["total_cost"]), which a null once ended for good."""
    now = datetime.now(UTC).replace(tzinfo=None)
    query = {
        "start_date": (now - timedelta(hours=1)).isoformat(),
        "end_date": (now + timedelta(hours=1)).isoformat(),
        "organization_id": "org-acme-corp",
        "project_id": "ultra",
    }

    def added_up() -> float:
        costs = client.get("/api/v1/costs", **query)
        return sum(float(cost["total_cost"]) for cost in costs)

    ultra = {"provider": "google", "model_name": "gemini-ultra", "project_id": "ultra"}
    client.post("/api/v1/usage", gpt_4_call("ultra-1", project_id="ultra"))
    client.post("/api/v1/usage", gpt_4_call("ultra-2", **ultra))
    before = added_up()
    client.post(
        "/api/v1/pricing",
        {
            "provider": "google",
            "model": "gemini-ultra",
            "currency": "USD",
            "input_per_million": 7,
            "output_per_million": 21,
            "effective_from": "2020-01-01T00:00:00Z",
        },
    )
    server.manage("reprice", "--organization", "org-acme-corp", "--reason", "Priced.")
    after = added_up()

    assert before == pytest.approx(0.039)
    assert after == pytest.approx(0.039 + 0.0105 + 0.0168)
    summary = client.get("/api/v1/analytics/summary", **query)
    assert float(summary["total_cost"]) == pytest.approx(after)
    assert summary["unpriced_requests"] == 0


def test_every_promise_holds_in_the_end(server: Server) -> None:
    assert "every promise holds" in server.manage("verify")
