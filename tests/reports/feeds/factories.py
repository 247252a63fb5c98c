"""Makers of feeds, and of exports that are quick and small."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from accounts.models import Organization
from lib.errors import Invalid
from reports.feeds.claims import ClaimedRun, claim_next
from reports.feeds.services import FeedPlan, add_feed
from reports.feeds.work import carry_out
from reports.models import Feed, FeedRun
from reports.types import ExportFormat, ExportKind, ExportOrder, Option
from tests.factories import NOON
from tests.notifications.factories import SECRET


def _slip(order: ExportOrder) -> Iterator[bytes]:
    if order.options["text"] == "broken":
        raise Invalid.field("text", "It can't be made.")
    if order.options["text"] == "bug":
        raise RuntimeError("A bug with a hunter2 in it.")
    yield f"{order.organization.slug} {order.window.start:%Y-%m-%d %H}".encode()
    order.tell(0.5)
    yield f" to {order.window.end:%Y-%m-%d %H} {order.options['text']}\n".encode()


def _large(order: ExportOrder) -> Iterator[bytes]:
    for number in range(60):
        yield bytes([number]) * 100_000


def _counts(order: ExportOrder) -> Mapping[str, int]:
    return {"unpriced_records": 3}


_TEXT = Option("text", "Which.")
SLIP = ExportKind(
    "slip",
    "Slip",
    {"csv": ExportFormat("text/csv", _slip), "txt": ExportFormat("text/plain", _slip)},
    (_TEXT, Option("budget", "Whose.")),
    counts=_counts,
    local=True,
)
LARGE = ExportKind(
    "large", "Large file", {"bin": ExportFormat("application/octet-stream", _large)}
)
KINDS = {"slip": SLIP, "large": LARGE}

S3_SETUP = {
    "type": "s3",
    "bucket": "finance",
    "region": "eu-central-1",
    "folder": "costs/in",
    "path_style": True,
    "access_key_id": "AKIAEXAMPLE",
    "secret_access_key": "hunter2-hunter2-hunter2",
}


def mail_setup(*recipients: str) -> dict[str, Any]:
    return {"type": "mail", "recipients": list(recipients)}


def webhook_setup(url: str) -> dict[str, Any]:
    return {"type": "webhook", "url": url, "secret": SECRET}


def make_feed(
    organization: Organization,
    target: Mapping[str, Any],
    *,
    now: datetime = NOON,
    **plan: Any,
) -> Feed:
    """Make a feed of slips that is due every day at 6, first after *now*."""
    usual = {"name": "Slips", "kind": "slip", "every": "day"}
    wanted = FeedPlan(target=target, **{**usual, **plan})
    return add_feed(organization, wanted, now=now).feed


def begin(now: datetime) -> ClaimedRun:
    claimed = claim_next(now)
    assert claimed is not None
    return claimed


def work_off(now: datetime) -> int:
    """Carry out all that is due at *now*, here; return how many runs."""
    done = 0
    while (claimed := claim_next(now)) is not None:
        carry_out(claimed, clock=lambda: now)
        done += 1
    return done


def only_run() -> FeedRun:
    return FeedRun.objects.select_related("feed", "organization").get()
