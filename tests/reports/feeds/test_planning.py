"""Which runs are written, and when."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django_q.models import OrmQ
from pytest_django import Settings

from accounts.models import Organization
from lib.errors import Invalid
from reports.feeds.planning import RunUnderWay, plan_due, run_now
from reports.feeds.services import FeedPlan, change_feed, delete_feed
from reports.models import Feed, FeedRun
from tests.factories import NOON, make_organization
from tests.reports.feeds.factories import begin, make_feed, work_off

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
DIRECTORY = {"type": "directory"}


@pytest.fixture(autouse=True)
def _somewhere(settings: Settings, tmp_path: Path) -> None:
    settings.EXPORT_DIR = str(tmp_path)


def days_of_runs() -> list[tuple[str, str]]:
    rows = FeedRun.objects.order_by("pk").values_list("first_day", "end_day")
    return [(f"{first}", f"{end}") for first, end in rows]


def test_a_feed_is_due_once_a_day(acme: Organization) -> None:
    make_feed(acme, DIRECTORY)

    assert plan_due(NOON + timedelta(hours=17)) == 0
    assert plan_due(NOON + timedelta(hours=18)) == 1
    assert plan_due(NOON + timedelta(hours=20)) == 0

    assert days_of_runs() == [("2025-01-15", "2025-01-16")]
    assert OrmQ.objects.get().func() == "reports.feeds.tasks.carry_out"


def test_days_that_were_missed_are_one_file(acme: Organization) -> None:
    feed = make_feed(acme, DIRECTORY)

    assert plan_due(NOON + 10 * DAY) == 1

    assert days_of_runs() == [("2025-01-15", "2025-01-25")]
    feed.refresh_from_db()
    assert feed.next_on == date(2025, 1, 26)


def test_months_that_were_missed_have_a_file_each(acme: Organization) -> None:
    make_feed(acme, DIRECTORY, every="month", day=3)

    assert plan_due(datetime(2025, 4, 10, tzinfo=UTC)) == 3

    assert days_of_runs() == [
        ("2025-01-01", "2025-02-01"),
        ("2025-02-01", "2025-03-01"),
        ("2025-03-01", "2025-04-01"),
    ]


def test_a_month_turns_by_the_organizations_clocks() -> None:
    berlin = make_organization("berlin", timezone="Europe/Berlin")
    make_feed(
        berlin, DIRECTORY, every="month", hour=0, now=datetime(2025, 3, 20, tzinfo=UTC)
    )

    assert plan_due(datetime(2025, 3, 31, 21, 59, tzinfo=UTC)) == 0
    assert plan_due(datetime(2025, 3, 31, 22, 0, tzinfo=UTC)) == 1  # in summer time

    work_off(datetime(2025, 4, 1, tzinfo=UTC))
    run = FeedRun.objects.get()
    assert run.state == "delivered"
    kept = bytes(run.parts.get().body)
    assert kept == b"berlin 2025-02-28 23 to 2025-03-31 22 \n"


def test_a_feed_that_is_off_is_not_due_and_makes_up_for_nothing(
    acme: Organization,
) -> None:
    feed = make_feed(acme, DIRECTORY)
    change_feed(feed, FeedPlan(enabled=False), now=NOON)

    assert plan_due(NOON + 10 * DAY) == 0
    change_feed(feed, FeedPlan(enabled=True), now=NOON + 10 * DAY)
    assert plan_due(NOON + 10 * DAY) == 0
    assert plan_due(NOON + 11 * DAY) == 1

    assert days_of_runs() == [("2025-01-25", "2025-01-26")]


def test_switching_a_feed_off_ends_what_waits(acme: Organization) -> None:
    feed = make_feed(acme, DIRECTORY)
    plan_due(NOON + DAY)

    change_feed(feed, FeedPlan(enabled=False), now=NOON + DAY)

    run = FeedRun.objects.get()
    assert (run.state, run.error) == ("failed", "The feed was switched off.")


def test_what_a_feed_brought_stays_when_it_is_deleted(acme: Organization) -> None:
    feed = make_feed(acme, DIRECTORY)
    plan_due(NOON + DAY)

    delete_feed(feed, now=NOON + DAY)

    run = FeedRun.objects.get()
    assert not Feed.objects.exists()
    assert (run.feed_name, run.state, run.error) == (
        "Slips",
        "failed",
        "The feed was deleted.",
    )


def test_another_schedule_begins_anew(acme: Organization) -> None:
    feed = make_feed(acme, DIRECTORY)

    change_feed(feed, FeedPlan(every="week", day=1), now=NOON)

    feed.refresh_from_db()
    assert feed.next_at == datetime(2025, 1, 20, 6, tzinfo=UTC)


def test_an_organization_that_moves_takes_its_hour_along(acme: Organization) -> None:
    feed = make_feed(acme, DIRECTORY)
    acme.timezone = "America/New_York"
    acme.save()

    assert plan_due(NOON + timedelta(hours=18)) == 0
    feed.refresh_from_db()
    assert feed.next_at == datetime(2025, 1, 16, 11, tzinfo=UTC)
    assert plan_due(NOON + timedelta(hours=23)) == 1


# -- By hand


def test_a_run_by_hand_is_of_the_last_days_that_are_over(acme: Organization) -> None:
    for every, days in (
        ("day", ("2025-01-14", "2025-01-15")),
        ("week", ("2025-01-06", "2025-01-13")),
        ("month", ("2024-12-01", "2025-01-01")),
    ):
        feed = make_feed(acme, DIRECTORY, every=every, name=every)
        run = run_now(feed, by="ann@acme.example", now=NOON)

        assert (f"{run.first_day}", f"{run.end_day}") == days
        assert run.asked_by == "ann@acme.example"


def test_how_things_stand_is_of_the_day_it_is_made(acme: Organization) -> None:
    feed = make_feed(acme, DIRECTORY, kind="budgets", every="month")

    run = run_now(feed, by="ann", now=NOON)

    assert run.file_name.endswith("-2025-01-15.xlsx")


def test_a_run_by_hand_may_be_of_days_long_ago(acme: Organization) -> None:
    feed = make_feed(acme, DIRECTORY, every="month")

    run = run_now(feed, by="ann", now=NOON, day=date(2024, 5, 17))

    assert run.file_name == f"slip-acme-{str(feed.uid)[:8]}-2024-05.csv"


def test_days_that_are_not_over_are_refused(acme: Organization) -> None:
    feed = make_feed(acme, DIRECTORY, every="month")

    with pytest.raises(Invalid, match="not over"):
        run_now(feed, by="ann", now=NOON, day=date(2025, 1, 3))

    assert not FeedRun.objects.exists()


def test_the_same_days_are_one_run_made_anew(acme: Organization) -> None:
    feed = make_feed(acme, DIRECTORY)
    first = run_now(feed, by="ann", now=NOON)
    work_off(NOON)

    again = run_now(feed, by="ann", now=NOON + timedelta(hours=1))
    work_off(NOON + timedelta(hours=1))

    again.refresh_from_db()
    assert again.pk == first.pk
    assert (again.state, again.revision, again.attempts.count()) == ("delivered", 2, 2)


def test_what_is_being_made_is_not_begun_beside(acme: Organization) -> None:
    feed = make_feed(acme, DIRECTORY)
    run_now(feed, by="ann", now=NOON)
    begin(NOON)

    with pytest.raises(RunUnderWay):
        run_now(feed, by="ann", now=NOON)
