"""How feeds, their runs and attempts are shown: in words, shapes and colours."""

from urllib.parse import urlsplit

from babel.numbers import format_decimal
from django.utils import timezone
from django.utils.safestring import SafeString

from console.templatetags.console import noted, status
from lib.humanize import ahead, reader_locale
from reports import exports
from reports.feeds.planning import timetable_for
from reports.models.feeds import (
    Feed,
    FeedAttempt,
    FeedRun,
    FeedRunState,
    FeedTarget,
)

PURPOSES: dict[str, str] = {
    FeedTarget.DIRECTORY: "A file in a directory of this installation's, for programs "
    "that pick it up there.",
    FeedTarget.S3: "An object in a bucket: AWS S3, or what speaks like it (MinIO, R2, "
    "GCS with HMAC keys).",
    FeedTarget.WEBHOOK: "Signed JSON to a program of your own, with a link that it "
    "fetches the file by.",
    FeedTarget.MAIL: "A mail to people, with the file attached where it is small.",
}


def kind_words(feed: Feed) -> str:
    """Say what files they are: "FOCUS, csv"."""
    kind = exports.KINDS.get(feed.kind)
    return f"{kind.title if kind else feed.kind}, {feed.format}"


def destination_of(feed: Feed) -> str:
    """Say where a feed goes, as far as that may be shown."""
    config = feed.config
    folder = config.get("folder", "")
    if feed.target == FeedTarget.MAIL:
        people = config.get("recipients", [])
        rest = len(people) - 2
        return ", ".join(people[:2]) + (f" and {rest} more" if rest > 0 else "")
    if feed.target == FeedTarget.WEBHOOK:
        return urlsplit(str(config.get("url", ""))).netloc
    if feed.target == FeedTarget.S3:
        return f"{config.get('bucket', '')}{f'/{folder}' if folder else ''}"
    return f"{feed.organization.slug}{f'/{folder}' if folder else ''}"


def schedule_words(feed: Feed) -> str:
    """Say when it is due: "every Monday at 06:00 (Europe/Berlin)"."""
    return f"{timetable_for(feed).words} ({feed.organization.timezone})"


def next_words(feed: Feed) -> str:
    """Say how far off its next run is: "in 3 days"."""
    return ahead(feed.next_at, timezone.now()) if feed.enabled else "none: it is off"


def feed_state(feed: Feed) -> SafeString:
    if feed.enabled:
        return status("OK", "on")
    if not feed.disabled_reason:
        return status("NONE", "off")
    return noted(status("CRITICAL", "switched off"), feed.disabled_reason)


def run_state(run: FeedRun) -> SafeString:
    """Say how a run stands."""
    if run.state != FeedRunState.PENDING:
        return ended_state(run.state)
    if run.handed_over_at is not None:
        return status("NONE", "being mailed")
    if is_under_way(run):
        return status("NONE", "being brought" if run.made_in else "being made")
    return status("WARNING", "trying again") if run.tries else status("NONE", "waiting")


def ended_state(state: str) -> SafeString:
    """Say how a run ended, or that it has not."""
    if state == FeedRunState.DELIVERED:
        return status("OK", "delivered")
    if state == FeedRunState.FAILED:
        return status("CRITICAL", "failed")
    return status("NONE", "under way")


def is_under_way(run: FeedRun) -> bool:
    """Tell whether a worker is at it."""
    now = timezone.now()
    return run.claimed_until is not None and run.claimed_until > now


def run_words(run: FeedRun) -> str:
    """Say in one sentence what became of a run."""
    if run.state == FeedRunState.DELIVERED:
        return "It is where it goes."
    if run.state == FeedRunState.FAILED:
        return f"It did not arrive. {run.error}"
    if run.handed_over_at is not None:
        return "It is made, and its mails are on their way."
    if is_under_way(run):
        if run.made_in is not None:
            return "It is made, and being brought where it goes."
        made = f", {run.progress:.0%} so far" if run.progress else ""
        return f"It is being made{made}. You may leave this page."
    due = ahead(run.next_attempt_at, timezone.now()) if run.next_attempt_at else ""
    if run.tries:
        return f"It did not arrive yet. {run.error} The next attempt is due {due}."
    return f"It waits for a worker, and is due {due}."


def size_words(size: int | None) -> str:
    """Say how large a file is: "12 kB", "3.4 MB"."""
    if size is None:
        return "not made yet"
    amount, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB"):
        if amount < 1_000:
            break
        amount, unit = amount / 1_000, larger
    places = "0" if unit == "bytes" or amount >= 10 else "0.0"
    return f"{format_decimal(amount, f'#,##{places}', reader_locale())} {unit}"


def attempt_state(attempt: FeedAttempt) -> SafeString:
    """Say how an attempt ended."""
    if attempt.duration_ms is None:
        return status("NONE", "has not ended")
    code = "" if attempt.status is None else f"{attempt.status} "
    if attempt.error:
        return noted(status("CRITICAL", f"{code}failed"), attempt.error)
    return status("OK", f"{code}done")
