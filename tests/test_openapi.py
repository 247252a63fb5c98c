from io import StringIO

import pytest
import yaml
from django.core.management import call_command
from django.test import Client


def test_the_schema_is_valid_and_complete() -> None:
    out = StringIO()

    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)

    paths = yaml.safe_load(out.getvalue())["paths"]
    assert {"/api/v1/usage", "/api/v1/usage/batch", "/health", "/api/v1/costs"} <= {
        *paths
    }
    assert not [path for path in paths if path.endswith("/")]
    record = yaml.safe_load(out.getvalue())["components"]["schemas"]["UsageRecord"]
    assert record["required"] == ["id", "timestamp"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["schema", "docs", "schema/", "docs/"])
def test_schema_and_docs_need_no_key(client: Client, path: str) -> None:
    response = client.get(f"/api/v1/{path}")

    assert response.status_code == 200
