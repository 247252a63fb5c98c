"""Texts that can't be kept are refused by name, at every door and in every field."""

import json
from typing import Any

import pytest

from tests.api.contract import check, operations
from tests.api.examples import EXAMPLES
from tests.api.spoiling import spoilt_at
from tests.api.world import World
from tests.sizes import size

pytestmark = pytest.mark.django_db

ODD = ["\ud800", "n\x00"]
DOORS = sorted(each.id for each in operations().values() if each.takes_a_body)
# A batch is answered: a record that is wrong sinks no other. Spans are read elsewhere.
NO_REFUSAL = {"usage_batch_create", "otlp_traces_create"}


@pytest.mark.parametrize("name", [name for name in DOORS if name not in NO_REFUSAL])
def test_what_can_not_be_kept_is_refused_by_name(world: World, name: str) -> None:
    operation = operations()[name]
    example = next(iter(EXAMPLES[name](world)))
    path, method = operation.at(**example.get("ids", {})), operation.method.upper()
    body = example.get("body") or {}

    for odd in ODD:
        for place, spoiled in spoilt_at(operation, body, odd):
            response = world.client.generic(
                method, path, json.dumps(spoiled), content_type="application/json"
            )

            assert response.status_code == 400, (place, odd, response.content)
            check(operation, response)
            assert _names(response.json(), place), (place, response.content)


def _names(problem: Any, place: str) -> bool:
    """Tell whether *problem* names the field, or the part of it that it reads first."""
    named = [error["attr"] for error in problem["errors"]]
    place = place.removeprefix(".")  # of a list
    return not place or any(place.startswith(attr.partition(".")[0]) for attr in named)


@pytest.mark.parametrize("odd", ODD)
def test_a_batch_says_which_record_has_it_and_where(world: World, odd: str) -> None:
    good = dict(next(iter(EXAMPLES["usage_create"](world)))["body"])
    del good["colour"]  # is passed over
    texts = [name for name, value in good.items() if isinstance(value, str)]
    bad = [{**good, "id": f"bad-{name}", name: odd} for name in texts]

    response = world.ask("POST", "/api/v1/usage/batch", [*bad, {**good, "id": "good"}])

    check(operations()["usage_batch_create"], response)
    rejected = response.json()["rejected"]
    assert response.json()["accepted"] == 1
    assert [each["index"] for each in rejected] == list(range(len(texts)))
    assert [each["errors"][0]["attr"] for each in rejected] == texts


@pytest.mark.parametrize("name", [name for name in DOORS if name not in NO_REFUSAL])
def test_digits_of_other_scripts_are_no_accident(world: World, name: str) -> None:
    operation = operations()[name]
    example = next(iter(EXAMPLES[name](world)))
    path, method = operation.at(**example.get("ids", {})), operation.method.upper()
    body = example.get("body") or {}

    for _, spoiled in [*spoilt_at(operation, body, "²")][:: size(3, 1)]:
        response = world.client.generic(
            method, path, json.dumps(spoiled), content_type="application/json"
        )

        check(operation, response)  # any answer, but a fault
