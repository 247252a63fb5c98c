"""Deciding calls and leases: several at once, exactly, in one transaction."""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from budgets.settling import expire, overdue
from controls.asks import Answer, Ask, LeaseAsk
from controls.calls import decide_call
from controls.desk import Desk
from controls.leasing import decide_lease
from controls.outright import allow_outright
from controls.plans import open_guard
from costops.lib.grouping import Together

MOST_TOGETHER = 500  # decisions in one transaction


def decide(organization_id: int, asks: Sequence[Ask]) -> Sequence[Answer]:
    """Decide *asks* in their order and set aside what they are allowed.

    Atomic and durable when it returns. No hard limit is passed, however many decide at
    once, and what has expired does not stand in the way of a call there is room for.
    """
    answers = allow_outright(organization_id, asks)
    rest = [place for place in range(len(asks)) if place not in answers]
    if rest:
        looked_at = _decide_closely(organization_id, [asks[place] for place in rest])
        answers |= zip(rest, looked_at, strict=True)
    return [answers[place] for place in range(len(asks))]


def _decide_closely(organization_id: int, asks: Sequence[Ask]) -> Sequence[Answer]:
    answers = list(_decide(organization_id, asks))
    refused = [place for place, answer in enumerate(answers) if answer.no_room]
    if refused and _made_room(organization_id):
        again = _decide(organization_id, [asks[place] for place in refused])
        for place, answer in zip(refused, again, strict=True):
            answers[place] = answer
    return answers


_together: Together[int, Ask, Answer] = Together(decide, most=MOST_TOGETHER)


def decide_all(organization_id: int, asks: Sequence[Ask]) -> Sequence[Answer]:
    """Decide *asks*, in a transaction shared with whoever asks at the same time.

    In a transaction that is open already, alone.
    """
    if transaction.get_connection().in_atomic_block:
        return decide(organization_id, asks)
    return _together.do(organization_id, asks)


def decide_together(organization_id: int, ask: Ask) -> Answer:
    """Decide one call or lease, as `decide_all` does."""
    return decide_all(organization_id, [ask])[0]


@transaction.atomic
def try_call(organization_id: int, ask: Ask) -> Answer:
    """Return what would be decided; changes nothing and tells nobody."""
    desk = Desk(open_guard(organization_id), [ask], timezone.now())
    answer = decide_call(desk, ask, desk.plans[0])
    transaction.set_rollback(True)
    return answer


@transaction.atomic
def _decide(organization_id: int, asks: Sequence[Ask]) -> Sequence[Answer]:
    desk = Desk(open_guard(organization_id), asks, timezone.now())
    answers = [
        decide_lease(desk, ask, plans)
        if isinstance(ask, LeaseAsk)
        else decide_call(desk, ask, plans)
        for ask, plans in zip(asks, desk.plans, strict=True)
    ]
    desk.write()
    return answers


def _made_room(organization_id: int) -> bool:
    now = timezone.now()
    if not overdue(now).filter(organization=organization_id).exists():
        return False
    return expire(organization_id, now=now) > 0
