"""How a batch comes by the organizations that its records name."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import Api, usage_record

pytestmark = pytest.mark.django_db


def batch_of(*slugs: str) -> list[dict[str, Any]]:
    return [
        usage_record(id=f"u{number}", organization_id=slug)
        for number, slug in enumerate(slugs)
    ]


def asked_for_organizations(api: Api, batch: list[dict[str, Any]]) -> int:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        api.post("usage/batch", batch)
    return sum('"accounts_organization"."slug" =' in query["sql"] for query in queries)


def test_each_organization_is_looked_up_once_a_batch(platform: Api) -> None:
    known = batch_of("acme", "beta")
    platform.post("usage/batch", known)

    few = asked_for_organizations(platform, known)
    many = asked_for_organizations(platform, batch_of(*["acme", "beta"] * 20))

    assert few == many == 2


def test_a_name_that_cannot_be_is_looked_up_once_and_told_for_each_record(
    platform: Api,
) -> None:
    answer = platform.post("usage/batch", batch_of("no good", "acme", "no good"))

    assert [error["index"] for error in answer.body["rejected"]] == [0, 2]
    assert asked_for_organizations(platform, batch_of(*["no good"] * 20)) == 1
