from typing import Any

import pytest

from accounts.models import Organization
from accounts.scopes import Role
from notifications.models import Preference
from tests.factories import Api, make_api, make_key, make_organization, make_person

ANN = "notification-preferences/ann@acme.example"
NIGHT = {
    "digest": "hourly",
    "quiet_from": "22:00",
    "quiet_until": "07:00",
    "timezone": "Europe/Berlin",
    "critical_at_once": False,
    "holidays": ["2026-12-25", "2027-01-01"],
}


def test_who_set_nothing_has_the_defaults(acme: Organization, api: Api) -> None:
    answer = api.get(ANN)

    assert answer.body == {
        "organization_id": "acme",
        "recipient": "ann@acme.example",
        "digest": "none",
        "quiet_from": None,
        "quiet_until": None,
        "timezone": "UTC",
        "critical_at_once": True,
        "daily_requests": True,
        "holidays": [],
    }
    assert not Preference.objects.exists()


def test_preferences_are_set_as_a_whole(api: Api) -> None:
    saved = api.send("PUT", ANN.replace("ann", "Ann"), NIGHT)

    read = api.get(ANN).body
    listed = api.get("notification-preferences").body["results"]
    api.send("PUT", ANN, {"digest": "daily"})

    assert saved.status == 200
    assert saved.body == read == listed[0]
    assert {name: read[name] for name in NIGHT} == NIGHT
    assert api.get(ANN).body["quiet_from"] is None
    assert Preference.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "attr"),
    [
        ({"digest": "weekly"}, "digest"),
        ({"quiet_until": None}, "quiet_until"),
        ({"quiet_from": None}, "quiet_from"),
        ({"quiet_until": "22:00"}, "quiet_until"),
        ({"quiet_from": "25:00"}, "quiet_from"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"holidays": ["soon"]}, "holidays"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_is_wrong_is_named(change: Any, attr: str, api: Api) -> None:
    answer = api.send("PUT", ANN, {**NIGHT, **change})

    assert answer.status == 400
    assert [error["attr"] for error in answer.body["errors"]] == [attr]


def test_the_recipient_is_a_mail_address(api: Api) -> None:
    assert api.get("notification-preferences/a@b").status == 400


def test_deleting_goes_back_to_the_defaults(api: Api) -> None:
    api.send("PUT", ANN, NIGHT)

    assert api.delete(ANN).status == 204
    assert api.get(ANN).body["digest"] == "none"


def test_each_organization_has_its_own(acme: Organization, api: Api) -> None:
    other = make_api(organization=make_organization("other"))
    api.send("PUT", ANN, NIGHT)

    assert other.get(ANN).body["digest"] == "none"
    assert other.delete(ANN).status == 204
    assert other.get(f"{ANN}?organization_id=acme").status == 403
    assert api.get(ANN).body["digest"] == "hourly"
    assert make_api("budgets:read", organization=acme).delete(ANN).status == 403


def key_of(organization: Organization, email: str, *scopes: str) -> Api:
    person = make_person(email, {organization: Role.FINANCE_ADMIN})
    scopes = ("budgets:read", "alerts:write", *scopes)
    return Api(make_key(*scopes, organization=organization, user=person))


def test_a_persons_key_sets_its_own_persons_preferences_only(
    acme: Organization,
) -> None:
    mine = key_of(acme, "ann@acme.example")
    bens = "notification-preferences/ben@acme.example"

    assert mine.send("PUT", ANN.replace("ann", "Ann"), NIGHT).status == 200
    refused = mine.send("PUT", bens, NIGHT)
    assert mine.delete(bens).status == refused.status == 403
    assert "finance admins" in refused.body["detail"]
    assert mine.get(bens).status == 200
    assert mine.delete(ANN).status == 204
    assert not Preference.objects.exists()


def test_a_key_of_nobody_sets_no_preferences(acme: Organization) -> None:
    program = make_api("budgets:read", "alerts:write", organization=acme)

    assert program.send("PUT", ANN, NIGHT).status == 403
    assert program.delete(ANN).status == 403
    assert not Preference.objects.exists()


def test_who_administers_sets_anybodys_preferences(acme: Organization) -> None:
    admin = key_of(acme, "cfo@acme.example", "admin")
    platform = make_api("budgets:read", "alerts:write")

    assert admin.send("PUT", ANN, NIGHT).status == 200
    assert platform.delete(f"{ANN}?organization_id=acme").status == 204


def test_an_approver_says_when_they_want_mail_and_not_when_others_do(
    acme: Organization,
) -> None:
    amy = make_person("amy@acme.example", {acme: Role.APPROVER})
    key = Api(make_key(user=amy))  # good for all her organizations
    hers, anns = ANN.replace("ann", "amy"), ANN

    statuses = [
        key.send("PUT", f"{one}?organization_id=acme", NIGHT).status
        for one in (hers, anns)
    ]

    assert statuses == [200, 403]
