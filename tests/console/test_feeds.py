"""Feeds in the admin: set up, run, looked at, and sent again."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Organization
from accounts.scopes import Role
from reports.feeds.claims import prolong
from reports.feeds.files import forget
from reports.feeds.planning import run_now
from reports.models import Feed, FeedRun
from tests.factories import browser_for, make_organization
from tests.reports.feeds.factories import begin, make_feed, work_off

pytestmark = pytest.mark.django_db
FEEDS, RUNS = "/admin/reports/feed/", "/admin/reports/feedrun/"
MAIL = {
    "name": "Weekly",
    "enabled": "on",
    "file": "budgets.xlsx",
    "options": "archived=true",
    "every": "week",
    "day": "1",
    "hour": "6",
    "recipients": "ann@acme.example\nbob@acme.example",
}


@pytest.fixture
def finance(acme: Organization) -> Client:
    return browser_for(acme)


def fill(browser: Client, target: str, data: dict[str, Any]) -> Any:
    """Send the form of a new feed, filled in with *data*."""
    mine = {"organization": Organization.objects.get().pk}
    return browser.post(f"{FEEDS}add/?target={target}", mine | data)


@pytest.fixture
def run(acme: Organization, settings: Settings, tmp_path: Path) -> FeedRun:
    settings.EXPORT_DIR = str(tmp_path)
    feed = make_feed(acme, {"type": "directory"}, kind="budgets", now=timezone.now())
    return run_now(feed, by="ann", now=timezone.now())


def text_of(answer: Any) -> str:
    assert answer.status_code == 200, answer.status_code
    return " ".join(answer.content.decode().split())


def test_without_feeds_the_list_says_what_they_are(finance: Client) -> None:
    told = text_of(finance.get(FEEDS))

    assert "No feed is set up yet" in told
    assert "Set up a feed" in told


def test_the_target_is_asked_for_first(finance: Client) -> None:
    told = text_of(finance.get(f"{FEEDS}add/"))

    assert "?target=s3" in told
    assert "?target=directory" not in told
    assert "COSTOPS_EXPORT_DIR" in told


def test_a_feed_is_set_up_by_the_form(finance: Client) -> None:
    answer = fill(finance, "mail", MAIL)

    feed = Feed.objects.get()
    assert answer.headers["Location"] == f"{FEEDS}{feed.pk}/change/"
    assert (feed.kind, feed.format, feed.options) == (
        "budgets",
        "xlsx",
        {"archived": "true"},
    )
    assert (feed.every, feed.day, feed.hour) == ("week", 1, 6)
    assert feed.config == {"recipients": ["ann@acme.example", "bob@acme.example"]}
    told = text_of(finance.get(f"{FEEDS}{feed.pk}/change/"))
    assert "Its file leaves every Monday at 06:00 (UTC); next in" in told
    assert "It has not run yet" in told


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"day": "8"}, "Must be a whole number from 1 to 7."),
        ({"hour": "24"}, "Must be a whole number from 0 to 23."),
        ({"recipients": "nobody"}, "is not an email address"),
        ({"options": "colour=red"}, "has no such option"),
        ({"options": "budget=x"}, "There is no such budget."),
        ({"file": "nothing.csv"}, "Select a valid choice"),
    ],
)
def test_what_is_wrong_stands_at_its_field(
    finance: Client, change: dict[str, str], words: str
) -> None:
    told = text_of(fill(finance, "mail", MAIL | change))

    assert words in told
    assert not Feed.objects.exists()


def test_a_secret_goes_in_and_never_comes_out(finance: Client) -> None:
    setup = {
        **{name: MAIL[name] for name in ("name", "enabled", "file", "every")},
        "day": "1",
        "hour": "6",
        "bucket": "lake",
        "access_key_id": "AKIA",
    }
    fill(finance, "s3", setup | {"secret_access_key": "hunter2-hunter2"})
    feed = Feed.objects.get()

    told = text_of(finance.get(f"{FEEDS}{feed.pk}/change/"))
    finance.post(f"{FEEDS}{feed.pk}/change/", setup | {"secret_access_key": ""})

    assert "hunter2" not in told
    feed.refresh_from_db()
    assert feed.secrets == {"secret_access_key": "hunter2-hunter2"}


def test_a_signing_secret_that_is_made_is_shown_once(finance: Client) -> None:
    hook = {**MAIL, "recipients": "", "url": "https://x.example/hook"}

    told = text_of(fill(finance, "webhook", hook))

    feed = Feed.objects.get()
    assert feed.secrets["secret"] in told
    assert feed.secrets["secret"] not in text_of(
        finance.get(f"{FEEDS}{feed.pk}/change/")
    )


def test_a_run_is_begun_by_a_button_and_shown(acme: Organization, run: FeedRun) -> None:
    finance = browser_for(acme)
    FeedRun.objects.all().delete()

    answer = finance.post(f"{FEEDS}{run.feed_id}/run/")

    made = FeedRun.objects.get()
    assert made.asked_by == "finance_admin@acme.example"
    assert answer.headers["Location"] == f"{RUNS}{made.pk}/change/"
    told = text_of(finance.get(answer.headers["Location"]))
    assert "It waits for a worker" in told
    assert "data-under-way" in told


def test_a_page_shows_how_much_of_a_file_is_made(
    acme: Organization, run: FeedRun
) -> None:
    claimed = begin(timezone.now())
    prolong(claimed, now=timezone.now(), share=0.42)

    told = text_of(browser_for(acme).get(f"{RUNS}{run.pk}/outcome/"))

    assert "42% so far" in told
    assert 'value="0.420"' in told


def test_a_run_that_arrived_is_downloaded_and_sent_again(
    acme: Organization, run: FeedRun, tmp_path: Path
) -> None:
    work_off(timezone.now())
    finance = browser_for(acme)

    told = text_of(finance.get(f"{RUNS}{run.pk}/change/"))
    file = finance.get(f"{RUNS}{run.pk}/file/")
    again = finance.post(f"{RUNS}{run.pk}/redeliver/")

    assert "It is where it goes." in told
    assert file.getvalue() == (tmp_path / "acme" / run.file_name).read_bytes()
    assert again.status_code == 302
    run.refresh_from_db()
    assert run.state == "pending"
    assert run.made_in == 1


def test_the_list_says_what_became_of_the_last_run(
    acme: Organization, run: FeedRun
) -> None:
    work_off(timezone.now())

    told = text_of(browser_for(acme).get(FEEDS))

    assert "delivered" in told
    assert "every day at 06:00 (UTC)" in told


@pytest.mark.parametrize("role", [Role.BUDGET_OWNER, Role.APPROVER, Role.VIEWER])
def test_others_read_and_change_nothing(
    acme: Organization, run: FeedRun, role: Role
) -> None:
    browser = browser_for(acme, role)

    assert "Run it now" not in text_of(browser.get(f"{FEEDS}{run.feed_id}/change/"))
    assert browser.get(f"{FEEDS}add/?target=mail").status_code == 403
    assert browser.post(f"{FEEDS}{run.feed_id}/run/").status_code == 403
    assert browser.post(f"{RUNS}{run.pk}/redeliver/").status_code == 403


def test_nobody_sees_the_runs_of_others(acme: Organization, run: FeedRun) -> None:
    work_off(timezone.now())
    foreign = browser_for(make_organization("globex"))

    assert run.file_name not in text_of(foreign.get(RUNS))
    for path in ("file/", "outcome/"):
        assert foreign.get(f"{RUNS}{run.pk}/{path}").status_code == 404


def test_a_feed_that_is_off_says_so(acme: Organization, run: FeedRun) -> None:
    Feed.objects.update(enabled=False, disabled_reason="Its receiver is gone.")

    told = text_of(browser_for(acme).get(f"{FEEDS}{run.feed_id}/change/"))

    assert "Switched off" in told
    assert "nothing leaves by itself" in told


def test_a_file_that_is_kept_no_longer_is_not_offered(
    acme: Organization, run: FeedRun
) -> None:
    work_off(timezone.now())
    assert forget(timezone.now() + timedelta(days=31)) == 1
    browser = browser_for(acme)

    assert "Download" not in text_of(browser.get(f"{RUNS}{run.pk}/change/"))
    assert browser.get(f"{RUNS}{run.pk}/file/").status_code == 404
