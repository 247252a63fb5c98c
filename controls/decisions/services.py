"""Deciding calls and leases: several at once, exactly.

Those that nothing speaks against in one transaction, the others in another.
"""

from collections.abc import Iterable, Sequence

from django.db import DatabaseError, transaction
from django.utils import timezone

from budgets.reservations.capture import expire, overdue
from controls.decisions.batch import Desk
from controls.decisions.calls import decide_call
from controls.decisions.fast_path import allow_outright
from controls.decisions.leases import decide_lease
from controls.decisions.types import Answer, Ask, LeaseAsk
from controls.policy import open_guard
from lib.grouping import Together

MOST_TOGETHER = 500  # decisions in one transaction


def decide(organization_id: int, asks: Sequence[Ask]) -> Sequence[Answer]:
    """Decide *asks*, the plain ones first, and set aside what they are allowed.

    Durable when it returns. No hard limit is passed, however many decide at once, and
    what has expired does not stand in the way of a call there is room for.
    """
    return _all_of(_decide_each(organization_id, asks))


def _decide_each(
    organization_id: int, asks: Sequence[Ask]
) -> list[Answer | DatabaseError]:
    """Return an answer for each, or what kept the database from giving one.

    Where some have been allowed already, another's fault must not have them repeated.
    """
    answers: dict[int, Answer | DatabaseError] = {
        **allow_outright(organization_id, asks)
    }
    rest = [place for place in range(len(asks)) if place not in answers]
    try:
        looked_at: Sequence[Answer | DatabaseError] = (
            _decide_closely(organization_id, [asks[place] for place in rest])
            if rest
            else ()
        )
    except DatabaseError:
        if not answers:
            raise
        looked_at = [_decide_alone(organization_id, asks[place]) for place in rest]
    answers |= zip(rest, looked_at, strict=True)
    return [answers[place] for place in range(len(asks))]


def _decide_alone(organization_id: int, ask: Ask) -> Answer | DatabaseError:
    try:
        return _decide_closely(organization_id, [ask])[0]
    except DatabaseError as error:
        return error


def _all_of(answers: Iterable[Answer | DatabaseError]) -> Sequence[Answer]:
    found = []
    for answer in answers:
        if isinstance(answer, DatabaseError):
            raise answer
        found.append(answer)
    return found


def _decide_closely(organization_id: int, asks: Sequence[Ask]) -> Sequence[Answer]:
    answers = list(_decide(organization_id, asks))
    refused = [place for place, answer in enumerate(answers) if answer.no_room]
    if refused and _made_room(organization_id):
        again = _decide(organization_id, [asks[place] for place in refused])
        for place, answer in zip(refused, again, strict=True):
            answers[place] = answer
    return answers


_together: Together[int, Ask, Answer | DatabaseError] = Together(
    _decide_each, most=MOST_TOGETHER
)


def decide_all(organization_id: int, asks: Sequence[Ask]) -> Sequence[Answer]:
    """Decide *asks*, together with those of whoever asks at the same time.

    In a transaction that is open already, without them.
    """
    if transaction.get_connection().in_atomic_block:
        return decide(organization_id, asks)
    return _all_of(_together.do(organization_id, asks))


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
