"""OpenTelemetry's own SDK and exporter, against a server that was really started."""

import gzip
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import requests
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Tracer

from tests.databases import migrated_database
from tests.intake.otlp_exports import make_export, make_span, to_json
from tests.journeys.server import Server, running_server

DAY = {"start_date": "2025-01-01T00:00:00", "end_date": "2099-01-01T00:00:00"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("journey")
    with (
        migrated_database("journey", directory) as url,
        running_server(url) as started,
    ):
        yield started


@pytest.fixture(scope="module")
def key(server: Server) -> str:
    return server.manage("create_api_key", "otel", "--organization", "acme")


def tracing_to(
    server: Server, key: str, project: str, **options: Any
) -> TracerProvider:
    """Return what a program sets up to send its spans to *server*."""
    exporter = OTLPSpanExporter(
        endpoint=f"{server.url}/otlp/v1/traces",
        headers={"Authorization": f"Bearer {key}"},
        **options,
    )
    resource = Resource.create(
        {"service.name": project, "deployment.environment.name": "staging"}
    )
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def call_model(tracer: Tracer, tokens: int, **attributes: Any) -> None:
    with tracer.start_as_current_span("chat gpt-4o", kind=SpanKind.CLIENT) as span:
        span.set_attributes(
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "openai",
                "gen_ai.request.model": "gpt-4o",
                "gen_ai.usage.input_tokens": tokens,
                "gen_ai.usage.output_tokens": tokens,
                **attributes,
            }
        )


def run_agent(tracer: Tracer) -> None:
    """Make two calls in an agent, which sums them up, in a request to a service."""
    with (
        tracer.start_as_current_span("POST /ask", kind=SpanKind.SERVER),
        tracer.start_as_current_span("invoke_agent planner") as agent,
    ):
        call_model(tracer, 1000)
        with tracer.start_as_current_span("execute_tool search"):
            call_model(tracer, 3000)
        agent.set_attributes(
            {
                "gen_ai.operation.name": "invoke_agent",
                "gen_ai.provider.name": "openai",
                "gen_ai.request.model": "gpt-4o",
                "gen_ai.agent.name": "planner",
                "gen_ai.usage.input_tokens": 4000,
                "gen_ai.usage.output_tokens": 4000,
            }
        )


def costs_of(server: Server, key: str, project: str) -> list[dict[str, Any]]:
    answer = requests.get(
        f"{server.url}/api/v1/costs",
        params={**DAY, "project_id": project},
        headers={"Authorization": f"Bearer {key}"},
        timeout=30,
    )
    answer.raise_for_status()
    costs: list[dict[str, Any]] = answer.json()
    return costs


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_what_an_agent_used_is_billed_once(
    server: Server, key: str, compression: Compression
) -> None:
    project = f"agent-{compression.value}"
    provider = tracing_to(server, key, project, compression=compression)

    run_agent(provider.get_tracer("tests"))
    provider.shutdown()

    costs = costs_of(server, key, project)
    assert len(costs) == 2
    assert sum(Decimal(cost["total_cost"]) for cost in costs) == Decimal("0.05")
    assert {cost["environment"] for cost in costs} == {"staging"}


def test_an_agent_that_ends_in_a_later_export_is_not_billed(
    server: Server, key: str
) -> None:
    provider = tracing_to(server, key, "agent-later")
    tracer = provider.get_tracer("tests")

    with tracer.start_as_current_span("invoke_agent planner") as agent:
        call_model(tracer, 1000)
        provider.force_flush()
        agent.set_attributes(
            {
                "gen_ai.operation.name": "invoke_agent",
                "gen_ai.provider.name": "openai",
                "gen_ai.request.model": "gpt-4o",
                "gen_ai.usage.input_tokens": 1000,
                "gen_ai.usage.output_tokens": 1000,
            }
        )
    provider.shutdown()

    (cost,) = costs_of(server, key, "agent-later")
    assert Decimal(cost["total_cost"]) == Decimal("0.0125")


def test_json_goes_in_packed_and_in_pieces(server: Server, key: str) -> None:
    """Browsers and Node send JSON; Node sends what it packs in chunks."""
    body = gzip.compress(
        to_json(make_export(make_span(7), resource={"service.name": "node"}))
    )
    headers = {
        "Authorization": f"Bearer {key}",
        "Content-Type": "application/json",
        "Content-Encoding": "gzip",
    }

    answer = requests.post(
        f"{server.url}/otlp/v1/traces",
        data=iter([body[:50], body[50:]]),
        headers=headers,
        timeout=30,
    )

    assert (answer.status_code, answer.json()) == (200, {})
    assert answer.headers["CostOps-Spans"].startswith("booked=1")
    assert len(costs_of(server, key, "node")) == 1


def test_the_answer_tells_what_was_rejected(server: Server, key: str) -> None:
    nameless = make_span(8, {"gen_ai.usage.input_tokens": 3})

    answer = requests.post(
        f"{server.url}/otlp/v1/traces",
        data=json.dumps(make_export(nameless)),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        timeout=30,
    )

    partial = answer.json()["partialSuccess"]
    assert partial["rejectedSpans"] == "1"
    assert "no model" in partial["errorMessage"]


def test_every_promise_holds_in_the_end(server: Server) -> None:
    assert "every promise holds" in server.manage("verify")
