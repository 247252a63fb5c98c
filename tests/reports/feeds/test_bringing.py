"""Files are made once and brought where they go, whatever happens on the way."""

import json
import logging
import socket
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import time_machine
from cryptography.fernet import Fernet
from django.test import Client
from pytest_django import Settings
from standardwebhooks import Webhook

from accounts.models import Organization
from accounts.scopes import Role
from lib.errors import Invalid
from notifications import outbox
from notifications.models import Delivery, MailFile, Outsider
from notifications.outsiders import confirm
from notifications.transports import TransportError
from reports.feeds import files, notices, targets
from reports.feeds.claims import MOST_TRIES, claim_next, settle
from reports.feeds.planning import plan_due, run_now
from reports.feeds.services import FeedPlan, change_feed, redeliver
from reports.feeds.work import carry_out, follow_mails
from reports.models import Feed, FeedRun
from tests.factories import NOON, make_person
from tests.notifications.factories import SECRET
from tests.notifications.receivers import MailServer, Receiver, with_status
from tests.reports.feeds.buckets import FakeBucket, holding
from tests.reports.feeds.factories import (
    S3_SETUP,
    begin,
    mail_setup,
    make_feed,
    only_run,
    webhook_setup,
    work_off,
)

pytestmark = pytest.mark.django_db
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
LINE = b"acme 2025-01-14 00 to 2025-01-15 00 \n"


@pytest.fixture(autouse=True)
def _at_noon() -> Iterator[None]:
    """Have links and signatures be as old as the runs."""
    with time_machine.travel(NOON):
        yield


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Path:
    settings.EXPORT_DIR = str(tmp_path)
    return tmp_path


@pytest.fixture
def bucket(open_to_itself: None) -> Iterator[FakeBucket]:
    with holding(S3_SETUP["secret_access_key"]) as running:  # type: ignore[arg-type]
        yield running


def start(feed: Feed) -> FeedRun:
    return run_now(feed, by="ann", now=NOON)


# -- A directory


def test_a_file_is_put_into_the_organizations_folder(
    acme: Organization, folder: Path
) -> None:
    run = start(make_feed(acme, {"type": "directory", "folder": "finance/in"}))

    work_off(NOON)

    run.refresh_from_db()
    path = folder / "acme" / "finance" / "in" / run.file_name
    assert path.read_bytes() == LINE
    assert [one.name for one in path.parent.iterdir()] == [run.file_name]
    assert (run.state, run.size, run.error) == ("delivered", len(LINE), "")
    assert run.sha256 == sha256(LINE).hexdigest()
    assert run.counts == {"unpriced_records": 3}


def test_no_link_leads_out_of_the_directory(
    acme: Organization, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (folder / "acme").symlink_to(elsewhere)
    start(make_feed(acme, {"type": "directory"}))

    work_off(NOON)

    assert only_run().error == "The folder leads out of COSTOPS_EXPORT_DIR."
    assert not list(elsewhere.iterdir())


def test_a_directory_that_is_away_is_tried_again(
    acme: Organization, settings: Settings, tmp_path: Path
) -> None:
    settings.EXPORT_DIR = str(tmp_path / "disk")
    start(make_feed(acme, {"type": "directory"}))
    work_off(NOON)
    assert only_run().state == "pending"

    (tmp_path / "disk").mkdir()
    work_off(NOON + MINUTE)

    run = only_run()
    assert (run.state, run.attempts.count()) == ("delivered", 2)


def test_what_is_too_large_for_one_part_arrives_whole(
    acme: Organization, folder: Path
) -> None:
    run = start(make_feed(acme, {"type": "directory"}, kind="large"))

    work_off(NOON)

    run.refresh_from_db()
    made = b"".join(bytes([number]) * 100_000 for number in range(60))
    assert (folder / "acme" / run.file_name).read_bytes() == made
    assert run.parts.count() == 6
    assert run.sha256 == sha256(made).hexdigest()


# -- A bucket


def test_a_file_is_put_into_a_bucket_signed(
    acme: Organization, bucket: FakeBucket
) -> None:
    run = start(make_feed(acme, {**S3_SETUP, "endpoint": bucket.endpoint}))

    work_off(NOON)

    run.refresh_from_db()
    assert bucket.objects == {f"/finance/costs/in/{run.file_name}": LINE}
    assert (run.state, run.attempts.get().status) == ("delivered", 200)


def test_a_bucket_may_stand_before_the_host(
    acme: Organization, bucket: FakeBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lib.http.looked_up", _this_machine)
    setup = {
        **S3_SETUP,
        "endpoint": f"http://s3.example:{bucket.port}",
        "path_style": False,
        "folder": None,
    }
    run = start(make_feed(acme, setup, kind="large"))

    work_off(NOON)

    run.refresh_from_db()
    assert run.error == ""
    assert list(bucket.objects) == [f"/{run.file_name}"]
    assert bucket.hosts == [f"finance.s3.example:{bucket.port}"]


def _this_machine(host: str, port: int, *, within_s: float) -> list[object]:
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


def _metadata_service(host: str, port: int, *, within_s: float) -> list[object]:
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", port))]


def test_a_busy_bucket_gets_the_same_file_again(
    acme: Organization, bucket: FakeBucket
) -> None:
    bucket.failures = [503]
    start(make_feed(acme, {**S3_SETUP, "endpoint": bucket.endpoint}))
    work_off(NOON)
    first = only_run()
    assert (first.state, first.error) == ("pending", "Answered 503: SlowDown")

    work_off(NOON + MINUTE)

    run = only_run()
    assert (run.state, run.sha256, run.made_in) == ("delivered", first.sha256, 1)
    assert list(bucket.objects.values()) == [LINE]


def test_a_wrong_key_fails_at_once_and_is_told_to_nobody(
    acme: Organization, bucket: FakeBucket, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    make_person("ann@acme.example", {acme: Role.FINANCE_ADMIN})
    wrong = "hunter3-hunter3-hunter3"
    setup = {**S3_SETUP, "endpoint": bucket.endpoint, "secret_access_key": wrong}
    start(make_feed(acme, setup))

    work_off(NOON)

    run = only_run()
    assert run.state == "failed"
    assert run.error == (
        "Answered 403: SignatureDoesNotMatch: The signature does not match."
    )
    told = Delivery.objects.get(recipient="ann@acme.example").message
    assert "did not arrive" in told["title"]
    everything = caplog.text + run.error + json.dumps(told)
    assert wrong not in everything
    assert str(S3_SETUP["secret_access_key"]) not in everything


def test_a_bucket_on_a_closed_network_is_refused(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Invalid, match="closed to requests"):
        make_feed(acme, {**S3_SETUP, "endpoint": "http://169.254.169.254"})
    monkeypatch.setattr("lib.http.looked_up", _metadata_service)
    start(make_feed(acme, {**S3_SETUP, "endpoint": "http://s3.example"}))

    work_off(NOON)

    run = only_run()
    assert (run.state, run.attempts.get().status) == ("failed", None)


def test_more_than_s3_takes_at_once_is_refused(
    acme: Organization, bucket: FakeBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, "MOST_PUT", 10)
    start(make_feed(acme, {**S3_SETUP, "endpoint": bucket.endpoint}))

    work_off(NOON)

    assert "5 GB" in only_run().error
    assert bucket.puts == 0


# -- A webhook


def test_a_webhook_is_told_signed_and_gets_the_file_by_the_link(
    acme: Organization, receiver: Receiver, open_to_itself: None
) -> None:
    run = start(make_feed(acme, webhook_setup(receiver.url())))

    work_off(NOON)

    (request,) = receiver.requests
    told = Webhook(SECRET).verify(request.body, dict(request.headers.items()))
    assert told["type"] == "export.ready"
    assert told["data"]["id"] == request.headers["webhook-id"] == str(run.uid)
    file = told["data"]["file"]
    assert file["sha256"] == sha256(LINE).hexdigest()
    assert told["data"]["start_date"] == told["data"]["end_date"] == "2025-01-14"
    answer = Client().get(urlsplit(file["url"]).path)
    assert answer.getvalue() == LINE
    assert answer["Content-Disposition"] == f'attachment; filename="{run.file_name}"'


def test_a_webhook_that_fails_is_told_again_under_its_id(
    acme: Organization, receiver: Receiver, open_to_itself: None
) -> None:
    receiver.answers = [with_status(500)]
    start(make_feed(acme, webhook_setup(receiver.url())))

    work_off(NOON)
    work_off(NOON + MINUTE)

    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-attempt"] != second.headers["webhook-attempt"]
    assert only_run().state == "delivered"


def test_a_file_that_is_made_anew_has_another_id(
    acme: Organization, receiver: Receiver, open_to_itself: None
) -> None:
    feed = make_feed(acme, webhook_setup(receiver.url()))
    start(feed)
    work_off(NOON)

    start(feed)
    work_off(NOON)

    first, second = (request.headers["webhook-id"] for request in receiver.requests)
    assert second == f"{first}.2"
    old = urlsplit(receiver.bodies[0]["data"]["file"]["url"]).path
    assert Client().get(old).status_code == 404


def test_a_receiver_that_is_gone_switches_the_feed_off(
    acme: Organization, receiver: Receiver, open_to_itself: None
) -> None:
    receiver.answers = [with_status(410)]
    feed = make_feed(acme, webhook_setup(receiver.url()))
    start(feed)

    work_off(NOON)

    feed.refresh_from_db()
    assert only_run().state == "failed"
    assert not feed.enabled
    assert "410" in feed.disabled_reason


def test_it_is_tried_for_days_and_then_has_failed(
    acme: Organization, receiver: Receiver, open_to_itself: None
) -> None:
    receiver.answers = [with_status(503)] * 20
    start(make_feed(acme, webhook_setup(receiver.url())))

    now = NOON
    while (run := only_run()).state == "pending":
        assert run.next_attempt_at is not None
        now = run.next_attempt_at
        work_off(now)

    assert (run.state, len(receiver.requests)) == ("failed", MOST_TRIES)
    assert timedelta(days=3) < now - NOON < timedelta(days=4)
    redeliver(run, now=now)
    receiver.answers = []
    work_off(now)
    assert only_run().state == "delivered"


# -- By mail


def mailed(now_s: float = 0) -> None:
    now = NOON + timedelta(seconds=now_s)
    work_off(now)
    outbox.deliver(now=now)
    follow_mails(now)


def test_a_small_file_is_mailed_to_each_recipient(
    acme: Organization, mail_server: MailServer
) -> None:
    feed = make_feed(acme, mail_setup("ann@acme.example", "bob@acme.example"))
    run = start(feed)

    mailed()

    run.refresh_from_db()
    assert run.state == "delivered"
    (mail,) = mail_server.to("ann@acme.example")
    (file,) = mail.message.iter_attachments()
    assert file.get_filename() == run.file_name
    assert file.get_payload(decode=True) == LINE
    assert mail["Subject"] == "Slips: 14 January 2025"
    assert "3 unpriced records" in mail.text
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert len(mail_server.to("bob@acme.example")) == 1
    assert MailFile.objects.count() == 1


def test_a_large_file_is_behind_the_mails_link(
    acme: Organization, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.feeds.work.MOST_BYTES", 10)
    run = start(make_feed(acme, mail_setup("ann@acme.example")))

    mailed()

    (mail,) = mail_server.mails
    assert not list(mail.message.iter_attachments())
    (link,) = [word for word in mail.text.split() if "/files/" in word]
    answer = Client().get(urlsplit(link).path)
    assert answer.getvalue() == LINE
    assert run.file_name in answer["Content-Disposition"]


def test_a_mail_that_is_refused_fails_the_run_and_goes_alone_again(
    acme: Organization, mail_server: MailServer
) -> None:
    mail_server.refuse("bob@acme.example", "550 no such user")
    run = start(make_feed(acme, mail_setup("ann@acme.example", "bob@acme.example")))
    mailed()
    run.refresh_from_db()
    assert run.state == "failed"
    assert "bob@acme.example" in run.error

    mail_server.keeping.answers.clear()
    redeliver(run, now=NOON)
    outbox.deliver(now=NOON)
    follow_mails(NOON)

    run.refresh_from_db()
    assert run.state == "delivered"
    assert [len(mail_server.to(f"{who}@acme.example")) for who in ("ann", "bob")] == [
        1,
        1,
    ]


def test_whoever_is_outside_is_asked_first(
    acme: Organization, mail_server: MailServer, settings: Settings
) -> None:
    settings.MAIL_DOMAINS = []
    run = start(make_feed(acme, mail_setup("cfo@elsewhere.example")))

    mailed()

    run.refresh_from_db()
    assert run.state == "failed"
    assert "has not confirmed" in run.error
    assert [mail["Subject"] for mail in mail_server.mails] == [
        "Do you want alerts of Acme at this address?"
    ]

    confirm(Outsider.objects.get(), by="cfo@elsewhere.example", now=NOON)
    redeliver(run, now=NOON)
    mailed(1)
    run.refresh_from_db()
    assert run.state == "delivered"


def test_one_click_takes_a_recipient_out(
    acme: Organization, mail_server: MailServer
) -> None:
    feed = make_feed(acme, mail_setup("ann@acme.example", "bob@acme.example"))
    start(feed)
    mailed()
    (mail,) = mail_server.to("bob@acme.example")
    path = urlsplit(mail["List-Unsubscribe"].strip(" <>")).path

    assert Client().get(path).status_code == 200
    feed.refresh_from_db()
    assert len(feed.config["recipients"]) == 2
    answer = Client().post(path, {"List-Unsubscribe": "One-Click"})

    assert answer.status_code == 200
    feed.refresh_from_db()
    assert feed.config["recipients"] == ["ann@acme.example"]
    assert feed.enabled


# -- Whatever happens


def test_what_can_not_be_made_fails_at_once(acme: Organization, folder: Path) -> None:
    feed = make_feed(acme, {"type": "directory"}, options={"text": "broken"})
    start(feed)

    work_off(NOON)

    assert (only_run().state, only_run().error) == ("failed", "It can't be made.")


def test_a_bug_is_tried_again_and_tells_no_details(
    acme: Organization, folder: Path
) -> None:
    feed = make_feed(acme, {"type": "directory"}, options={"text": "bug"})
    start(feed)

    work_off(NOON)

    run = only_run()
    assert (run.state, run.error) == ("pending", "Unexpected: RuntimeError.")


def test_secrets_that_can_not_be_read_hold_up_nobody_else(
    acme: Organization, folder: Path, settings: Settings
) -> None:
    make_feed(acme, webhook_setup("https://x.example/hook"), name="Lost")
    key = settings.ENCRYPTION_KEYS
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    make_feed(acme, {"type": "directory"}, name="Kept")

    assert plan_due(NOON + DAY) == 2
    work_off(NOON + DAY)

    told = FeedRun.objects.defer("feed__secrets")
    ended = dict(told.values_list("feed_name", "state"))
    assert ended == {"Lost": "pending", "Kept": "delivered"}
    assert "COSTOPS_ENCRYPTION_KEYS" in told.get(feed_name="Lost").error
    settings.ENCRYPTION_KEYS = key


def test_a_worker_that_dies_leaves_its_run_to_others_in_two_minutes(
    acme: Organization, folder: Path
) -> None:
    start(make_feed(acme, {"type": "directory"}))
    begin(NOON)

    assert work_off(NOON + MINUTE) == 0
    assert work_off(NOON + 2 * MINUTE) == 1

    run = only_run()
    first, second = run.attempts.all()
    assert run.state == "delivered"
    assert (first.duration_ms, second.error) == (None, "")


def test_who_lost_its_claim_writes_nothing_more(
    acme: Organization, folder: Path
) -> None:
    start(make_feed(acme, {"type": "directory"}))
    slow = begin(NOON)
    work_off(NOON + 2 * MINUTE)
    (made,) = folder.glob("acme/*")
    made.unlink()

    carry_out(slow, clock=lambda: NOON + 3 * MINUTE)

    assert only_run().state == "delivered"


def test_a_failure_of_who_lost_its_claim_changes_nothing(
    acme: Organization, folder: Path
) -> None:
    start(make_feed(acme, {"type": "directory"}))
    slow = begin(NOON)
    other = begin(NOON + 2 * MINUTE)

    error = TransportError("Too late.", permanent=True)
    assert not settle(slow, error, began=NOON, now=NOON + 3 * MINUTE)

    run = only_run()
    assert (run.state, run.claim) == ("pending", other.claim)


def test_what_kills_its_worker_each_time_fails_in_the_end(
    acme: Organization, folder: Path
) -> None:
    start(make_feed(acme, {"type": "directory"}))
    now = NOON

    for _ in range(MOST_TRIES):
        begin(now)
        now += 2 * MINUTE
    assert claim_next(now) is None

    run = only_run()
    assert run.state == "failed"
    assert "killed each time" in run.error


def test_one_organization_never_holds_all_workers(
    acme: Organization, folder: Path
) -> None:
    for number in range(4):
        start(make_feed(acme, {"type": "directory"}, name=f"{number}"))

    taken = [claim_next(NOON) for _ in range(4)]

    assert [one is not None for one in taken] == [True, True, False, False]


def test_files_are_forgotten_after_a_while_and_made_anew(
    acme: Organization, folder: Path
) -> None:
    run = start(make_feed(acme, {"type": "directory"}))
    work_off(NOON)
    later = NOON + files.KEPT

    assert files.forget(later - MINUTE) == 0
    assert files.forget(later) == 1

    run.refresh_from_db()
    assert run.made_in is None
    assert not run.parts.exists()
    redeliver(run, now=later)
    work_off(later)
    run.refresh_from_db()
    assert (run.state, run.made_in) == ("delivered", 2)


def test_another_key_signs_along_for_a_day(
    acme: Organization, receiver: Receiver, open_to_itself: None
) -> None:
    feed = make_feed(acme, webhook_setup(receiver.url()))
    change_feed(
        feed, FeedPlan(target={"secret": f"whsec_{'A' * 43}="}), now=NOON - DAY / 2
    )
    feed.refresh_from_db()
    plan_due(NOON + DAY)

    start(feed)
    work_off(NOON)

    (request,) = receiver.requests
    assert len(request.headers["webhook-signature"].split()) == 2
    assert timedelta(days=14) == notices.LINK_LASTS
