"""Whatever is changed at the API by its id takes the version somebody saw."""

from typing import Any

import pytest

from accounts.models import Organization
from ledger.prices import add_price
from tests.factories import Api, make_budget
from tests.notifications.factories import make_channel

pytestmark = pytest.mark.django_db


def place_of(kind: str, acme: Organization) -> str:
    if kind == "prices":
        price = add_price(
            organization=acme, provider="x", model="y", input_per_million=1
        )
        return f"pricing/{price.pk}"
    if kind == "channels":
        channel = make_channel(acme, "email", config={"to": ["ops@acme.example"]})
        return f"notification-channels/{channel.uid}"
    if kind == "organizations":
        return "organizations/acme"
    if kind == "switches":
        return f"budgets/{make_budget(acme).uid}/kill-switch"
    return f"budgets/{make_budget(acme).uid}/alerts"


def _alerts(*shares: float) -> dict[str, Any]:
    return {"alerts": [{"type": "threshold", "threshold": one} for one in shares]}


@pytest.mark.parametrize(
    ("kind", "method", "first", "second"),
    [
        ("prices", "PATCH", {"note": "Lea's"}, {"note": "Tom's"}),
        ("channels", "PATCH", {"name": "Lea's"}, {"name": "Tom's"}),
        ("organizations", "PATCH", {"name": "Lea's"}, {"name": "Tom's"}),
        ("alerts", "PUT", _alerts(0.5), _alerts(0.6)),
        ("switches", "PUT", {"active": True}, {"active": True, "message": "Tom's"}),
    ],
)
def test_of_two_who_saw_the_same_the_second_is_told(
    kind: str, method: str, first: Any, second: Any, acme: Organization, api: Api
) -> None:
    place = place_of(kind, acme)
    seen = api.get(place).headers["ETag"]

    done = api.send(method, place, first, If_Match=seen)
    late = api.send(method, place, second, If_Match=seen)
    now = api.get(place)
    again = api.send(method, place, second, If_Match=now.headers["ETag"])

    assert done.headers["ETag"] == now.headers["ETag"] != seen
    assert (late.status, late.body["code"]) == (412, "changed_meanwhile")
    assert late.body["detail"].startswith("Changed by key tests ")
    assert (done.status, again.status) == (200, 200)


@pytest.mark.parametrize("kind", ["prices", "channels"])
def test_what_somebody_changed_meanwhile_is_not_deleted(
    kind: str, acme: Organization, api: Api
) -> None:
    place = place_of(kind, acme)
    seen = api.get(place).headers["ETag"]
    changed = api.patch(place, {"note" if kind == "prices" else "name": "Lea's"})

    late = api.send("DELETE", place, If_Match=seen)
    gone = api.send("DELETE", place, If_Match=changed.headers["ETag"])

    assert (late.status, gone.status) == (412, 204)


def test_a_change_of_a_budget_is_none_of_its_alerts(
    acme: Organization, api: Api
) -> None:
    place = place_of("alerts", acme)
    seen = api.get(place).headers["ETag"]
    api.patch(place.removesuffix("/alerts"), {"amount": "5"})

    assert api.send("PUT", place, _alerts(0.5), If_Match=seen).status == 200


def test_a_change_of_alerts_says_what_it_drops(acme: Organization, api: Api) -> None:
    place = place_of("alerts", acme)
    spike = {"type": "spike", "threshold": 100, "window": "daily"}
    first = api.send("PUT", place, {"alerts": [*_alerts(0.5, 0.8)["alerts"], spike]})

    second = api.send("PUT", place, _alerts(0.8))

    assert first.body["dropped"] == []
    assert second.body["dropped"] == ["50\u00a0% of the limit", "Much in little time"]
    assert "dropped" not in api.get(place).body
