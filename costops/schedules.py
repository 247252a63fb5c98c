"""The tables of what workers do by the clock and after a change."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django_q.models import Schedule

from accounts.idempotency import forget_old
from alerts.evaluation import sweep as sweep_alerts
from alerts.tasks import (
    audit_at,
    escalate_at,
    reevaluate,
    reevaluate_soon,
    tell_confirmed,
    tell_confirmed_at,
)
from approvals.digests import send_due
from approvals.reminders import remind_due
from approvals.services import expire_due
from budgets.backfill import continue_all
from budgets.closing import sweep_periods
from budgets.refiling import refile_due
from budgets.reservations.expire import expire_all
from budgets.rollup import roll_up_all
from budgets.runs import prune
from bulk.tasks import take_up_lost as take_up_lost_changes
from controls.actions import ask_due
from forecasts import storing
from intake.fixed_charges import book_due
from notifications.tasks import deliver, forget_links_at
from reports.feeds.tasks import carry_out, plan_at
from reports.tasks import take_up_lost


@dataclass(frozen=True, slots=True)
class Periodic:
    """One thing that is due every so many minutes, and how to tell what it did."""

    name: str
    minutes: int
    run: Callable[[datetime], str]
    sends: bool = False  # then `manage.py sweep` leaves it to `manage.py deliver`


def _roll_up(now: datetime) -> str:
    return f"Rolled up the spend of {roll_up_all()} organizations."


def _refile(now: datetime) -> str:
    return f"Filed {refile_due()} organizations under names as they are now known."


def _backfill(now: datetime) -> str:
    return f"Went on with {continue_all()} backfills."


def _periods(now: datetime) -> str:
    done = sweep_periods(now=now)
    return (
        f"Opened {done.opened} and closed {done.closed} budget periods, "
        f"carried over {done.carried} times, moved grants on {done.granted} times."
    )


def _judge(now: datetime) -> str:
    done = sweep_alerts(now)
    failed = f" Could not judge {', '.join(done.failed)}." if done.failed else ""
    if done.broken:
        failed += f" Could not read the rules {', '.join(done.broken)}."
    return f"Raised {done.raised} alerts and ended {done.ended}.{failed}"


def _fixed_charges(now: datetime) -> str:
    return f"Booked {book_due(now)} days of fixed charges."


def _expire(now: datetime) -> str:
    return f"Freed {expire_all(now)} expired authorizations and leases."


def _requests(now: datetime) -> str:
    asked, told, ended = ask_due(now), remind_due(now), expire_due(now)
    return (
        f"Asked people about {asked} actions of rules; told again of {told} requests; "
        f"{ended} ended that nobody decided in time."
    )


def _digests(now: datetime) -> str:
    return f"Told {send_due(now)} people which requests wait for them."


def _forecasts(now: datetime) -> str:
    storing.forget_old(now)
    return f"Stored the forecasts of {storing.store_due(now)} budgets."


def _answers(now: datetime) -> str:
    return f"Forgot {forget_old(now=now)} idempotent answers."


def _runs(now: datetime) -> str:
    return f"Forgot {prune(now)} runs that came to nothing."


# In the order in which `manage.py sweep` does them: what is rolled up and charged first
# is what periods are closed with and alerts judged by.
PERIODIC = (
    Periodic("refile", 1, _refile),
    Periodic("backfill", 1, _backfill),
    Periodic("expire", 1, _expire),
    Periodic("fixed_charges", 1, _fixed_charges),
    Periodic("roll_up", 1, _roll_up),
    Periodic("periods", 1, _periods),
    Periodic("judge", 1, _judge),
    Periodic("escalate", 1, escalate_at),
    Periodic("audit", 5, audit_at),
    Periodic("confirmed", 5, tell_confirmed_at),
    Periodic("feeds", 1, plan_at),
    Periodic("feed_runs", 1, lambda _: carry_out(), sends=True),
    Periodic("deliver", 1, lambda _: deliver(), sends=True),
    Periodic("requests", 5, _requests),
    Periodic("digests", 5, _digests),
    Periodic("forecasts", 30, _forecasts),
    Periodic("reports", 5, take_up_lost),
    Periodic("bulk", 5, take_up_lost_changes),
    Periodic("answers", 60, _answers),
    Periodic("runs", 1_440, _runs),
    Periodic("links", 1_440, forget_links_at),
)

# What follows a change that a lower app announces (`lib.queue.announce`), with what
# it hands in. The clock finds all of it as well: this is only quicker.
FOLLOWING: dict[str, Sequence[Callable[..., str]]] = {
    # Each hands in the id of an organization.
    "budgets.watched_amounts": (reevaluate_soon,),
    "budgets.committed": (reevaluate,),
    "intake.corrected": (reevaluate,),
    # With the id of somebody outside who wants the organization's mail.
    "notifications.confirmed": (tell_confirmed,),
    # With the uid of a request that was decided, withdrawn, or has expired.
    "approvals.ended": (),
}


def install() -> None:
    """Bring the queue's schedules in line with PERIODIC; safe to repeat."""
    for periodic in PERIODIC:
        Schedule.objects.update_or_create(
            name=periodic.name,
            defaults={
                "func": "costops.tasks.run_periodic",
                "args": f"'{periodic.name}'",
                "schedule_type": Schedule.MINUTES,
                "minutes": periodic.minutes,
                "repeats": -1,
            },
        )
    Schedule.objects.exclude(name__in=[one.name for one in PERIODIC]).delete()
