"""Setting feeds up, changing them, and having what they brought go once more."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from accounts.models import Organization
from accounts.versions import Seen, check_seen, history_of
from budgets.models import Budget
from lib.errors import Conflict, FieldError, Invalid, NotFound, Refusal
from lib.lookups import row_or_none
from lib.query_params import known_words
from lib.queue import enqueue_once
from notifications import mailed_links, services
from notifications.configs import Setup, new_signing_secret, read_keys, rotated
from notifications.models import DeliveryState
from notifications.services import ask_outsiders
from reports import exports
from reports.feeds import claims, notices, targets
from reports.feeds.planning import CARRY_OUT, RunUnderWay, timetable_for
from reports.feeds.timetables import DAYS, Every
from reports.models.feeds import Feed, FeedRun, FeedRunState, FeedTarget
from reports.types import ExportKind

MOST_FEEDS = 100  # of one organization
_LONGEST_NAME = 100


class FeedNameTaken(Conflict):
    """The organization has a feed of that name."""

    code = "feed_name_taken"


@dataclass(frozen=True, slots=True)
class FeedSaved:
    """A feed, and the signing secret if one was just made: it is shown this once."""

    feed: Feed
    made_secret: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPlan:
    """What a feed is to be; None: as it is, or as usual."""

    name: str | None = None
    kind: str | None = None
    format: str | None = None  # the kind's usual one
    options: Mapping[str, Any] | None = None
    every: str | None = None
    day: int | None = None  # the first
    hour: int | None = None  # 6
    target: Mapping[str, Any] | None = None  # "type", and keys of its setup
    enabled: bool | None = None


@transaction.atomic
def add_feed(organization: Organization, plan: FeedPlan, *, now: datetime) -> FeedSaved:
    """Set a feed up; it is due for the first time after *now*.

    Raises:
        Invalid: of fields of the plan.
        FeedNameTaken: there is one of that name.
    """
    Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
    if Feed.objects.filter(organization=organization).count() >= MOST_FEEDS:
        raise Invalid(f"An organization has at most {MOST_FEEDS} feeds.")
    feed = Feed(organization=organization)
    made = _fill(feed, plan, now)
    feed.enabled = plan.enabled is not False
    _set_clock(feed, now)
    _save(feed)
    _ask_outsiders(feed, now)
    return FeedSaved(feed, made)


@transaction.atomic
def change_feed(
    feed: Feed, plan: FeedPlan, *, now: datetime, seen: Seen | None = None
) -> FeedSaved:
    """Change what the plan says; what it leaves out stays, secrets included.

    What a feed that is switched on missed while it was off is not made up for.

    Raises:
        Invalid, FeedNameTaken: as `add_feed`.
        NotFound: it was deleted meanwhile.
        ChangedMeanwhile: it is none of the versions *seen*.
    """
    held = _held(feed)
    check_seen(history_of(held), seen)
    before = (held.kind, held.every, held.day, held.hour, held.enabled)
    made = _fill(held, plan, now)
    if plan.enabled is not None:
        held.enabled = plan.enabled
        held.disabled_reason = "" if plan.enabled else held.disabled_reason
    if before != (held.kind, held.every, held.day, held.hour, held.enabled):
        _set_clock(held, now)
    _save(held)
    if not held.enabled and before[-1]:
        _end_runs(held, "The feed was switched off.", now)
    if plan.target is not None:
        _ask_outsiders(held, now)
    return FeedSaved(held, made)


@transaction.atomic
def delete_feed(feed: Feed, *, now: datetime, seen: Seen | None = None) -> None:
    """Delete a feed; what it brought stays on record, what is on its way ends.

    Raises:
        NotFound: it was deleted before.
        ChangedMeanwhile: it is none of the versions *seen*.
    """
    held = _held(feed)
    check_seen(history_of(held), seen)
    _end_runs(held, "The feed was deleted.", now)
    mailed_links.void(
        held.organization_id, purpose=notices.STOP_PURPOSE, subject=held.uid, now=now
    )
    held.delete()


@transaction.atomic
def stop_mail(feed: Feed, person: str, *, now: datetime) -> None:
    """Take *person* out of the recipients; without any left the feed is off."""
    held = _held(feed)
    left = [one for one in held.config.get("recipients", []) if one != person]
    if left == held.config.get("recipients", []):
        return
    held.config = {**held.config, "recipients": left}
    if not left:
        held.enabled = False
        held.disabled_reason = "Its last recipient wants it no more."
    held.save()


@transaction.atomic
def redeliver(run: FeedRun, *, now: datetime) -> FeedRun:
    """Have the file of *run* go once more, as it was made; anew if it isn't kept.

    Of mails those that have failed, or all of them where none has.

    Raises:
        NotFound: its feed was deleted.
        RunUnderWay: a worker is at it.
        Refusal: none of its mails may go again; it says why.
    """
    if run.feed_id is None:
        raise NotFound("The feed was deleted, so nobody knows where it goes.")
    if run.made_in is not None and _mail_again(run, now):
        return run
    moved = (
        FeedRun.objects.filter(pk=run.pk)
        .unclaimed(now)
        .update(
            state=FeedRunState.PENDING,
            next_attempt_at=now,
            handed_over_at=None,
            claim=None,
            claimed_until=None,
            finished_at=None,
            tries=0,
        )
    )
    if not moved:
        raise RunUnderWay("This is on its way at this moment; look again shortly.")
    enqueue_once(CARRY_OUT)
    run.refresh_from_db()
    return run


def _mail_again(run: FeedRun, now: datetime) -> bool:
    """Have the outbox send the mails of *run* again; False: it has none to send."""
    mails = list(notices.mails_of(run))
    if not mails or not notices.has_attachment(run):
        return False
    failed = [one for one in mails if one.state == DeliveryState.FAILED]
    refused: list[Refusal] = []
    for one in failed or mails:
        try:
            services.redeliver(one, now=now)
        except Refusal as refusal:
            refused.append(refusal)
    if len(refused) == len(failed or mails):
        raise refused[0]
    FeedRun.objects.filter(pk=run.pk).unclaimed(now).update(
        state=FeedRunState.PENDING,
        next_attempt_at=None,
        handed_over_at=now,
        finished_at=None,
        error="",
    )
    run.refresh_from_db()
    return True


# -- Reading a plan


def _fill(feed: Feed, plan: FeedPlan, now: datetime) -> str:
    """Write *plan* into *feed*; return the signing secret if one was made."""
    if plan.name is not None or not feed.name:
        feed.name = _read_name(plan.name or "")
    if plan.kind is not None or not feed.kind:
        _read_kind(feed, plan.kind or "")
    kind = exports.KINDS.get(feed.kind)
    if kind is not None:
        if plan.format is not None or feed.format not in kind.formats:
            usual = next(iter(kind.formats))
            (feed.format,) = known_words([plan.format or usual], kind.formats, "format")
        if plan.options is not None or not feed.options:
            feed.options = _read_options(feed.organization, kind, plan.options or {})
    _read_times(feed, plan)
    return _read_target(feed, plan.target, now)


def _read_name(name: str) -> str:
    wanted = name.strip()
    if not 1 <= len(wanted) <= _LONGEST_NAME:
        raise Invalid.field("name", f"Use 1 to {_LONGEST_NAME} characters.")
    return wanted


def _read_kind(feed: Feed, name: str) -> None:
    if name not in exports.KINDS:
        known = ", ".join(exports.KINDS)
        raise Invalid.field("kind", f"“{name}” is unknown; there are {known}.")
    if feed.kind != name:
        feed.kind, feed.options = name, {}


def _read_options(
    organization: Organization, kind: ExportKind, given: Mapping[str, Any]
) -> dict[str, str]:
    known = {option.name: option for option in kind.options}
    found = {}
    for name, value in given.items():
        if name not in known:
            there = ", ".join(known) or "none"
            detail = f"{kind.title} has no such option; there are: {there}."
            raise Invalid.field(f"options.{name[:50]}", detail, code="unknown_field")
        text = str(value).lower() if isinstance(value, bool) else str(value or "")
        if known[name].choices and text:
            known_words([text], known[name].choices, f"options.{name}")
        if len(text) > _LONGEST_NAME:
            detail = f"Use at most {_LONGEST_NAME} characters."
            raise Invalid.field(f"options.{name}", detail)
        found[name] = text
    if budget := found.get("budget"):
        mine = Budget.objects.filter(organization=organization)
        if row_or_none(mine, budget) is None:
            raise Invalid.field("options.budget", "There is no such budget.")
    return found


def _read_times(feed: Feed, plan: FeedPlan) -> None:
    every = plan.every or feed.every or Every.MONTH
    known_words([every], [one.value for one in Every], "schedule.every")
    day = plan.day if plan.day is not None else feed.day if every == feed.every else 1
    allowed = DAYS[Every(every)] or range(1, 2)
    if day not in allowed:
        detail = f"Must be a whole number from {allowed[0]} to {allowed[-1]}."
        raise Invalid.field("schedule.day", detail)
    hour = feed.hour if plan.hour is None else plan.hour
    if hour not in range(24):
        raise Invalid.field("schedule.hour", "Must be a whole number from 0 to 23.")
    feed.every, feed.day, feed.hour = every, day, hour


def _read_target(feed: Feed, given: Mapping[str, Any] | None, now: datetime) -> str:
    if given is None and feed.target:
        return ""
    wanted = dict(given or {})
    kind = wanted.pop("type", feed.target or None)
    if kind not in FeedTarget.values:
        known = ", ".join(FeedTarget.values)
        raise Invalid.field("target.type", f"Must be one of {known}.")
    targets.check_target(kind)
    kept = Setup(feed.config, feed.secrets) if kind == feed.target else None
    setup = read_keys(targets.KEYS[kind], wanted, kept=kept, at="target")
    feed.target, feed.config, made = kind, setup.config, ""
    secrets = setup.secrets
    if kind == FeedTarget.WEBHOOK:
        if "secret" not in secrets:
            made = new_signing_secret()
        before = kept.secrets if kept else {}
        secrets = rotated(before, made or secrets["secret"], now=now)
    feed.secrets = secrets
    return made


def _ask_outsiders(feed: Feed, now: datetime) -> None:
    """Mail whom it names from outside the organization that they confirm it."""
    if feed.target == FeedTarget.MAIL:
        people = feed.config.get("recipients", [])
        ask_outsiders(feed.organization_id, people, now=now)


def _set_clock(feed: Feed, now: datetime) -> None:
    table = timetable_for(feed)
    feed.next_on = table.next_on(now)
    feed.next_at = table.due_at(feed.next_on)


def _end_runs(feed: Feed, words: str, now: datetime) -> None:
    """End what waits to be tried; what a worker is at ends by itself."""
    rows = FeedRun.objects.pending().unclaimed(now).filter(feed=feed)
    rows.filter(handed_over_at=None).update(
        **claims.ENDED, state=FeedRunState.FAILED, finished_at=now, error=words
    )


def _held(feed: Feed) -> Feed:
    """Return the feed as it is now; others who change it wait until it is saved."""
    rows = Feed.objects.select_for_update(of=("self",)).select_related("organization")
    found = rows.filter(pk=feed.pk).first()
    if found is None:
        raise NotFound("There is no such feed any more.")
    return found


def _save(feed: Feed) -> None:
    try:
        with transaction.atomic():
            feed.save()
    except IntegrityError as error:
        detail = f"There is a feed “{feed.name}” already."
        raise FeedNameTaken(
            detail, errors=(FieldError("name", FeedNameTaken.code, detail),)
        ) from error
