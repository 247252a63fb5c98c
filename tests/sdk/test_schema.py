"""The client has a method for every endpoint that the product's schema lists."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from llm_cost_ops.answers import shaped
from llm_cost_ops.api.endpoints import Api, Endpoint

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"
WORDS: dict[str, Any] = {
    "record": {},
    "outcome": {},
    "records": [],
    "rules": [],
    "alerts": [],
    "config": {},
    "active": True,
    "date": "2026-01-01",
}
# What is in the schema and has another door here, or none.
ELSEWHERE = {
    ("GET", "/health"),  # get_health asks /api/v1/health
    ("GET", "/api/v1/leases/{}"),  # as get_authorization
    ("POST", "/otlp/v1/traces"),  # OpenTelemetry's exporter sends there
    # The methods of their siblings take the extension.
    ("GET", "/api/v1/exports/budgets.xlsx"),
    ("GET", "/api/v1/exports/focus.parquet"),
    ("GET", "/api/v1/exports/journal.zip"),
}


def asked(endpoint: Endpoint[Any, Any]) -> tuple[str, str]:
    """Return method and path of an endpoint, its ids as braces."""
    code = endpoint.build.__code__
    needed = code.co_argcount - len(endpoint.build.__defaults__ or ())
    optional = endpoint.build.__kwdefaults__ or {}
    names = code.co_varnames[code.co_argcount :][: code.co_kwonlyargcount]
    given = {name: WORDS.get(name, "1") for name in names if name not in optional}
    ids = [WORDS.get(name, "ID") for name in code.co_varnames[:needed]]
    given |= {"budget_id": "ID"} if "budget_id" in names else {}
    request = endpoint.build(*ids, **given)
    return request.method, request.path.replace("/ID", "/{}")


def test_every_endpoint_of_the_schema_has_a_method() -> None:
    listed = yaml.safe_load(SCHEMA.read_text())["paths"]
    of_schema = {
        (method.upper(), re.sub(r"\{[^}]*\}", "{}", path))
        for path, operations in listed.items()
        for method in operations
    }

    endpoints = [getattr(Api, name) for name in dir(Api)]
    of_client = {asked(each) for each in endpoints if isinstance(each, Endpoint)}

    missing = of_schema - of_client - ELSEWHERE
    assert missing == set()


SHAPED = {
    "CostSummary": {"groups"},
    "TimePoint": {"group"},
    "Timeseries": set[str](),
}


@pytest.mark.parametrize("name", SHAPED)
def test_what_has_a_shape_of_its_own_has_the_fields_of_the_schema(name: str) -> None:
    known = yaml.safe_load(SCHEMA.read_text())["components"]["schemas"][name]

    fields = {field.name for field in dataclasses.fields(getattr(shaped, name))}

    assert fields - SHAPED[name] <= known["properties"].keys()
