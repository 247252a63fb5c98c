"""Feeds over the API: what is taken, what is told, and who may."""

from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import IdempotentAnswer, Organization
from accounts.scopes import Role, Scope
from notifications.models import Outsider
from reports.feeds.services import MOST_FEEDS
from reports.models import Feed, FeedRun
from tests.factories import (
    Api,
    make_api,
    make_budget,
    make_key,
    make_organization,
    make_person,
)
from tests.reports.feeds.factories import S3_SETUP, make_feed, work_off

pytestmark = pytest.mark.django_db
MAIL = {"type": "mail", "recipients": ["Ann@Acme.example"]}
SLIPS: dict[str, Any] = {
    "name": "Slips",
    "kind": "slip",
    "schedule": {"every": "week", "day": 1, "hour": 7},
    "target": MAIL,
}


def test_a_feed_is_told_without_its_secrets(acme: Organization, api: Api) -> None:
    made = api.post("feeds", {**SLIPS, "target": S3_SETUP})

    feed = Feed.objects.get()
    assert made.status == 201, made.body
    assert made.body == {
        "id": str(feed.uid),
        "organization_id": "acme",
        "name": "Slips",
        "kind": "slip",
        "format": "csv",
        "options": {},
        "schedule": {"every": "week", "day": 1, "hour": 7, "timezone": "UTC"},
        "target": {
            name: value
            for name, value in S3_SETUP.items()
            if name != "secret_access_key"
        },
        "secrets": ["secret_access_key"],
        "enabled": True,
        "disabled_reason": "",
        "next_run_at": made.body["next_run_at"],
        "last_run": None,
        "created_at": made.body["created_at"],
    }
    assert feed.next_at > timezone.now()
    assert feed.next_at.hour == 7
    assert "hunter2" not in str(api.get(f"feeds/{feed.uid}").body)
    assert "hunter2" not in str(Feed.history.values())


def test_what_was_told_is_taken_back_as_it_is(acme: Organization, api: Api) -> None:
    made = api.post("feeds", {**SLIPS, "target": S3_SETUP}).body

    answer = api.patch(f"feeds/{made['id']}", made)

    assert answer.status == 200, answer.body
    assert answer.body | {"last_run": None} == made
    assert Feed.objects.get().secrets["secret_access_key"].startswith("hunter2")


def test_a_secret_that_is_made_is_shown_once(acme: Organization, api: Api) -> None:
    hook = {**SLIPS, "target": {"type": "webhook", "url": "https://x.example/hook"}}

    made = api.post("feeds", hook, idempotency_key="k")
    again = api.post("feeds", hook, idempotency_key="k")

    secret = made.body["target"]["secret"]
    assert secret.startswith("whsec_")
    assert again.body["target"]["secret"] == secret
    assert Feed.objects.count() == 1
    assert secret not in IdempotentAnswer.objects.get().body
    assert "secret" not in api.get(f"feeds/{made.body['id']}").body["target"]


@pytest.mark.parametrize(
    ("change", "attr"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"kind": "nothing"}, "kind"),
        ({"format": "pdf"}, "format"),
        ({"options": {"colour": "red"}}, "options.colour"),
        ({"options": {"budget": "no-such"}}, "options.budget"),
        ({"options": {"text": "x" * 200}}, "options.text"),
        ({"schedule": {"every": "year"}}, "schedule.every"),
        ({"schedule": {"every": "week", "day": 8}}, "schedule.day"),
        ({"schedule": {"every": "day", "day": 2}}, "schedule.day"),
        ({"schedule": {"every": "month", "hour": 24}}, "schedule.hour"),
        ({"schedule": {"every": "month", "day": 10**30}}, "schedule.day"),
        ({"schedule": {}}, "schedule.every"),
        ({"target": {"type": "ftp"}}, "target.type"),
        ({"target": {}}, "target.type"),
        ({"target": {"type": "directory"}}, "target.type"),
        ({"target": {"type": "mail"}}, "target.recipients"),
        ({"target": {"type": "mail", "recipients": ["x"]}}, "target.recipients"),
        ({"target": {**S3_SETUP, "bucket": "../x"}}, "target.bucket"),
        ({"target": {**S3_SETUP, "folder": "../x"}}, "target.folder"),
        ({"target": {**S3_SETUP, "endpoint": "http://10.0.0.1"}}, "target.endpoint"),
        ({"target": {**S3_SETUP, "endpoint": "ftp://x.example"}}, "target.endpoint"),
        ({"target": {**S3_SETUP, "region": "a b"}}, "target.region"),
        ({"target": {**S3_SETUP, "colour": "red"}}, "target.colour"),
        ({"target": {"type": "webhook", "url": "https://u:p@x.io"}}, "target.url"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_can_not_be_taken_is_named(
    acme: Organization, api: Api, change: dict[str, Any], attr: str
) -> None:
    answer = api.post("feeds", {**SLIPS, **change})

    assert answer.status == 400, answer.body
    assert attr in [error["attr"] for error in answer.body["errors"]]
    assert not Feed.objects.exists()


@pytest.mark.parametrize("folder", ["../x", "/", "a/../b", ".hidden", "a//b", "a\\b"])
def test_no_folder_leads_out_of_the_directory(
    acme: Organization, api: Api, settings: Settings, tmp_path: Path, folder: str
) -> None:
    settings.EXPORT_DIR = str(tmp_path)

    target = {"type": "directory", "folder": folder}
    answer = api.post("feeds", {**SLIPS, "target": target})

    assert answer.status == 400, answer.body
    assert answer.body["errors"][0]["attr"] == "target.folder"


def test_a_name_is_taken_once_per_organization(acme: Organization, api: Api) -> None:
    api.post("feeds", SLIPS)
    other = make_api(organization=make_organization("globex"))

    answer = api.post("feeds", SLIPS)

    assert (answer.status, answer.body["code"]) == (409, "feed_name_taken")
    assert other.post("feeds", SLIPS).status == 201


def test_there_is_an_end_to_feeds(
    acme: Organization, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.feeds.services.MOST_FEEDS", 1)
    assert MOST_FEEDS > 1
    api.post("feeds", SLIPS)

    assert api.post("feeds", {**SLIPS, "name": "More"}).status == 400


def test_only_who_administers_sets_feeds_up(acme: Organization, api: Api) -> None:
    made = api.post("feeds", SLIPS).body
    owner = make_person("own@acme.example", {acme: Role.BUDGET_OWNER})
    theirs = Api(make_key(user=owner))
    reading = make_api(Scope.COSTS_READ, organization=acme)

    assert reading.get(f"feeds/{made['id']}").status == 200
    for asking in (theirs, reading):
        assert asking.post("feeds", SLIPS).status == 403
        assert asking.patch(f"feeds/{made['id']}", {"enabled": False}).status == 403
        assert asking.post(f"feeds/{made['id']}/run", {}).status == 403
        assert asking.delete(f"feeds/{made['id']}").status == 403


def test_a_key_exports_only_what_it_may_read(acme: Organization) -> None:
    asking = make_api(Scope.ADMIN, organization=acme)

    assert asking.post("feeds", SLIPS).status == 403
    assert not Feed.objects.exists()


def test_nobody_meets_another_organizations_feeds(acme: Organization, api: Api) -> None:
    made = api.post("feeds", SLIPS).body
    run = api.post(f"feeds/{made['id']}/run", {}).body
    other = make_api(organization=make_organization("globex"))
    path = f"feeds/{made['id']}"

    assert other.get("feeds").body["results"] == []
    for got in (
        other.get(path),
        other.get(f"{path}/runs"),
        other.get(f"{path}/runs/{run['id']}"),
        other.get(f"{path}/runs/{run['id']}/file"),
        other.post(f"{path}/run", {}),
        other.post(f"{path}/runs/{run['id']}/redeliver", None),
        other.patch(path, {"name": "Mine"}),
        other.delete(path),
    ):
        assert got.status == 404, got.body


def test_a_budget_of_others_is_none(acme: Organization, api: Api) -> None:
    foreign = make_budget(make_organization("globex"))

    answer = api.post("feeds", {**SLIPS, "options": {"budget": str(foreign.uid)}})

    assert answer.body["errors"][0]["attr"] == "options.budget"


def test_whoever_saw_another_version_changes_nothing(
    acme: Organization, api: Api
) -> None:
    made = api.post("feeds", SLIPS).body
    path = f"feeds/{made['id']}"
    seen = api.get(path).headers["ETag"]
    api.patch(path, {"name": "Theirs"})

    answer = api.patch(path, {"name": "Mine"}, if_match=seen)

    assert answer.status == 412
    assert Feed.objects.get().name == "Theirs"


def test_another_target_keeps_nothing_of_the_one_before(
    acme: Organization, api: Api
) -> None:
    made = api.post("feeds", {**SLIPS, "target": S3_SETUP}).body

    answer = api.patch(f"feeds/{made['id']}", {"target": MAIL})

    feed = Feed.objects.get()
    assert answer.body["target"] == {"type": "mail", "recipients": ["ann@acme.example"]}
    assert feed.secrets == {}


def test_outsiders_are_asked_when_they_are_named(
    acme: Organization, api: Api, settings: Settings
) -> None:
    settings.MAIL_DOMAINS = []

    api.post("feeds", SLIPS)

    assert Outsider.objects.get().address == "ann@acme.example"


# -- Runs


def test_a_run_by_hand_is_told_with_its_attempts(
    acme: Organization, api: Api, settings: Settings, tmp_path: Path
) -> None:
    settings.EXPORT_DIR = str(tmp_path)
    feed = make_feed(acme, {"type": "directory"}, now=timezone.now())

    asked = api.post(f"feeds/{feed.uid}/run", {"start_date": "2025-01-14"})
    work_off(timezone.now())

    assert asked.status == 202, asked.body
    assert asked.body["state"] == "pending"
    told = api.get(f"feeds/{feed.uid}/runs/{asked.body['id']}").body
    assert told["state"] == "delivered"
    assert (told["start_date"], told["end_date"]) == ("2025-01-14", "2025-01-14")
    assert told["counts"] == {"unpriced_records": 3}
    assert [one["error"] for one in told["attempts"]] == [""]
    assert (told["kept"], told["progress"], told["bytes"]) == (True, 1.0, 37)
    assert api.get(f"feeds/{feed.uid}").body["last_run"]["id"] == told["id"]
    file = api.get(f"feeds/{feed.uid}/runs/{told['id']}/file")
    assert file.body == "acme 2025-01-14 00 to 2025-01-15 00 \n"


def test_the_same_key_runs_once(acme: Organization, api: Api) -> None:
    feed = make_feed(acme, MAIL)

    first = api.post(f"feeds/{feed.uid}/run", {}, idempotency_key="k")
    again = api.post(f"feeds/{feed.uid}/run", {}, idempotency_key="k")

    assert first.body == again.body
    assert FeedRun.objects.get().revision == 1


def test_days_that_are_not_over_are_refused_by_name(
    acme: Organization, api: Api
) -> None:
    feed = make_feed(acme, MAIL)

    answer = api.post(f"feeds/{feed.uid}/run", {"start_date": "2199-01-01"})

    assert (answer.status, answer.body["errors"][0]["attr"]) == (400, "start_date")
    odd = api.post(f"feeds/{feed.uid}/run", {"start_date": "0001-01-01"})
    assert odd.status in (202, 400)
    odd = api.post(f"feeds/{feed.uid}/run", {"start_date": "9999-12-31"})
    assert odd.status == 400


def test_a_run_goes_once_more(
    acme: Organization, api: Api, settings: Settings, tmp_path: Path
) -> None:
    settings.EXPORT_DIR = str(tmp_path)
    feed = make_feed(acme, {"type": "directory"}, now=timezone.now())
    run = api.post(f"feeds/{feed.uid}/run", {}).body
    work_off(timezone.now())
    (made,) = tmp_path.glob("acme/*")
    made.unlink()

    again = api.post(f"feeds/{feed.uid}/runs/{run['id']}/redeliver", None)
    work_off(timezone.now())

    assert again.status == 202
    assert made.exists()
    assert FeedRun.objects.get().revision == 1


def test_a_list_takes_few_queries(
    acme: Organization, api: Api, django_assert_max_num_queries: Any
) -> None:
    for number in range(5):
        feed = make_feed(acme, MAIL, name=f"{number}")
        api.post(f"feeds/{feed.uid}/run", {})

    with django_assert_max_num_queries(8):
        assert len(api.get("feeds").body["results"]) == 5
