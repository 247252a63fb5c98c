from typing import Any

import pytest
from django.db import connection

from accounts.models import Organization
from ledger import prices
from ledger.models import Price
from tests.concurrency.interleaving import meeting_after
from tests.factories import Api, at_once, make_api, make_organization, report
from tests.factories import usage_record as usage

NEW = {
    "provider": "openai",
    "model": "house-model",
    "effective_from": "2025-01-01",
    "input_per_million": "2.50",
    "output_per_million": 10.0,
}


def price(**overrides: Any) -> dict[str, Any]:
    return {**NEW, **overrides}


def test_a_price_set_is_the_price_that_applies(acme: Organization, api: Api) -> None:
    made = api.post("pricing", price(cached_input_per_million=1.25))

    found = api.get(
        "pricing/resolve?provider=openai&model=House-Model&at=2025-01-01"
    ).body
    (outcome,) = report(acme, usage(model="house-model", cached_tokens=1000))

    assert made.status == 201
    assert made.body["organization_id"] == "acme"
    assert made.body["input_per_million"] == "2.5000000000"
    assert made.body["effective_to"] is None
    assert found["source"] == f"override:{made.body['id']}"
    assert found["cached_input_per_million"] == "1.2500000000"
    assert found["effective_from"] == "2025-01-01T00:00:00Z"
    assert str(outcome.cost) == "0.0112500000"


def test_the_catalogue_answers_where_nothing_was_set(api: Api) -> None:
    found = api.get("pricing/resolve?provider=openai&model=gpt-4o")

    assert found.body["source"] == "catalogue:openai/gpt-4o"
    assert found.body["output_per_million"] == "10.0000000000"


def test_a_price_that_is_not_known_is_a_404(api: Api) -> None:
    before = api.get("pricing/resolve?provider=openai&model=house-model")

    assert (before.status, before.body["code"]) == (404, "price_unknown")


def test_the_answer_tells_what_it_would_price(acme: Organization, api: Api) -> None:
    report(
        acme,
        usage(id="a", model="house-model-1"),
        usage(id="b", model="HOUSE-model-2", provider="OpenAI"),
        usage(id="early", model="house-model-1", timestamp="2024-12-31T23:59:59Z"),
        usage(id="other", model="another"),
        usage(id="batch", model="house-model-1", service_tier="batch"),
        usage(id="named", model="house-model-1", cost=1, currency="KPW"),
    )

    made = api.post("pricing", price(model="house-model*"))

    assert made.body["unpriced_requests"] == 2


@pytest.mark.parametrize(
    ("other", "status"),
    [
        ({}, 409),
        ({"effective_from": "2024-01-01", "effective_to": "2025-01-01"}, 201),
        ({"effective_from": "2024-01-01", "effective_to": "2025-01-01T00:00:01"}, 409),
        ({"effective_from": "2025-02-01"}, 201),
        ({"effective_from": "2025-01-31T23:59:59"}, 409),
        ({"model": "HOUSE-MODEL"}, 409),
        ({"service_tier": "batch"}, 201),
        ({"model": "house-*"}, 201),
        ({"provider": "azure"}, 201),
    ],
)
def test_two_prices_for_the_same_at_the_same_time_are_a_conflict(
    api: Api, other: dict[str, Any], status: int
) -> None:
    api.post("pricing", price(effective_to="2025-02-01"))

    answer = api.post("pricing", price(**other))

    assert answer.status == status


def test_an_organizations_own_price_stands_beside_the_one_for_all(
    acme: Organization, api: Api, platform: Api
) -> None:
    for_all = platform.post("pricing", price(organization_id=None))
    own = api.post("pricing", price(input_per_million=1))

    found = api.get("pricing/resolve?provider=openai&model=house-model")

    assert for_all.body["organization_id"] is None
    assert found.body["price_id"] == own.body["id"]
    assert len(api.get("pricing").body["results"]) == 2


def test_a_change_is_checked_and_told(acme: Organization, api: Api) -> None:
    first = api.post("pricing", price(effective_to="2025-02-01")).body["id"]
    api.post("pricing", price(effective_from="2025-02-01"))
    acme.refresh_from_db()
    revision = acme.revision

    longer = api.patch(f"pricing/{first}", {"effective_to": "2025-02-02"})
    dearer = api.patch(f"pricing/{first}", {"input_per_million": "3"})

    acme.refresh_from_db()
    assert (longer.status, dearer.status) == (409, 200)
    assert dearer.body["input_per_million"] == "3.0000000000"
    assert acme.revision == revision + 1
    kept = Price.objects.get(pk=first).history.first()
    assert kept is not None
    assert kept.actor == "key tests"


def test_why_a_price_is_set_and_changed_is_kept(api: Api) -> None:
    pk = api.post("pricing", price(reason="Contract")).body["id"]

    changed = api.patch(f"pricing/{pk}", {"per_request": "3", "reason": "Put right"})
    api.patch(f"pricing/{pk}", {"note": "Until May"})
    long = api.patch(f"pricing/{pk}", {"reason": "x" * 501})

    assert (changed.status, "reason" in changed.body) == (200, False)
    whys = Price.history.order_by("pk").values_list("history_change_reason", flat=True)
    assert list(whys) == ["Contract", "Put right", None]
    assert long.body["errors"][0]["attr"] == "reason"


def test_a_deleted_price_applies_no_more(acme: Organization, api: Api) -> None:
    pk = api.post("pricing", price()).body["id"]
    report(acme, usage(id="a", model="house-model"))

    gone = api.delete(f"pricing/{pk}")

    (outcome,) = report(acme, usage(id="b", model="house-model"))
    assert gone.status == 204
    assert outcome.cost is None
    assert api.get(f"pricing/{pk}").status == 404


def test_only_a_platform_key_sets_what_is_for_all(
    acme: Organization, api: Api, platform: Api
) -> None:
    pk = platform.post("pricing", price()).body["id"]

    assert api.get(f"pricing/{pk}").status == 200
    assert api.post("pricing", price(organization_id=None)).status == 403
    assert api.patch(f"pricing/{pk}", {"note": "mine"}).status == 403
    assert api.delete(f"pricing/{pk}").status == 403
    assert platform.delete(f"pricing/{pk}").status == 204


def test_prices_of_other_organizations_are_not_there(
    acme: Organization, api: Api, platform: Api
) -> None:
    make_organization("other")
    pk = platform.post("pricing", price(organization_id="other")).body["id"]

    assert api.get("pricing").body["results"] == []
    assert api.get(f"pricing/{pk}").status == 404
    assert api.patch(f"pricing/{pk}", {"note": "x"}).status == 404
    assert api.delete(f"pricing/{pk}").status == 404
    assert api.post("pricing", price(organization_id="other")).status == 403
    assert api.get("pricing?organization_id=other").status == 403


def test_a_price_can_not_change_hands(
    acme: Organization, api: Api, platform: Api
) -> None:
    pk = api.post("pricing", price()).body["id"]

    assert platform.patch(f"pricing/{pk}", {"organization_id": None}).status == 400
    assert platform.patch(f"pricing/{pk}", {"organization_id": "acme"}).status == 200


def test_prices_are_filtered_and_paged(api: Api) -> None:
    for n in range(5):
        api.post("pricing", price(model=f"m{n}", effective_to="2025-06-01"))

    page = api.get("pricing?limit=2&provider=OPENAI").body
    rest = api.get(page["next"].partition("/api/v1/")[2]).body
    csv = api.get("pricing?format=csv").body

    assert [row["model"] for row in page["results"] + rest["results"]] == [
        "m4",
        "m3",
        "m2",
        "m1",
    ]
    assert len(csv.splitlines()) == 6
    assert [r["model"] for r in api.get("pricing?model=m3").body["results"]] == ["m3"]
    assert api.get("pricing?at=2025-07-01").body["results"] == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="has one writer at a time")
@pytest.mark.parametrize("for_all", [False, True])
def test_of_overlapping_prices_made_at_once_one_stands(*, for_all: bool) -> None:
    acme = make_organization("acme")
    api = make_api(organization=None if for_all else acme)

    # The guard: the lock of the organization, or of all, before others are looked for.
    with meeting_after(prices, "_check", 6):
        answers = at_once(*[lambda: api.post("pricing", price())] * 6)

    assert sorted(answer.status for answer in answers) == [201] + [409] * 5
    assert Price.objects.count() == 1


def test_writing_needs_the_scope(acme: Organization) -> None:
    reader = make_api("costs:read", organization=acme)

    assert reader.get("pricing").status == 200
    assert reader.post("pricing", price()).status == 403
