"""What all that happens to a request begins and ends with."""

from collections.abc import Sequence
from datetime import datetime

from approvals import notices, trail
from approvals.chains import opened_notes
from approvals.errors import AlreadyDecided, ChangedSince
from approvals.models import OPEN_STATES, BudgetRequest, RequestState
from approvals.notices import Moved
from approvals.trail import Note
from approvals.voices import asked
from lib.queue import announce

# What a request says of people and budgets.
_WITH = (
    *("organization", "requester", "on_behalf_of", "filed_by"),
    *("budget", "parent", "source", "policy"),
)


def hold(
    request: BudgetRequest,
    *states: RequestState,
    now: datetime,
    revision: int | None = None,
) -> BudgetRequest:
    """Keep everybody else from *request*, until commit, and return it as it is.

    The first thing in each transaction about a request: of any number at once one goes
    on, and the others find what it left.

    Raises:
        AlreadyDecided: it is in none of *states* by now.
        ChangedSince: it is not of *revision*.
    """
    rows = BudgetRequest.objects.filter(pk=request.pk, state__in=states)
    if revision is not None:
        rows = rows.filter(revision=revision)
    if not rows.update(changed_at=now):
        raise _why_not(request, states)
    return as_it_is(request)


def as_it_is(request: BudgetRequest) -> BudgetRequest:
    """Return *request* as it stands, with whom and what it names."""
    return BudgetRequest.objects.select_related(*_WITH).get(pk=request.pk)


def _why_not(
    request: BudgetRequest, states: Sequence[RequestState]
) -> AlreadyDecided | ChangedSince:
    there = BudgetRequest.objects.get(pk=request.pk)
    if there.state in states:
        return ChangedSince("The request was changed after you looked at it.")
    ended = there.decided_at
    when = f" since {ended:%Y-%m-%d %H:%M} UTC" if ended else ""
    state = there.get_state_display().lower()
    return AlreadyDecided(f"The request is {state}{when}.")


def finish(moved: Moved, *notes: Note) -> None:
    """Keep *moved* in the trail, after *notes*, and tell people: the last thing."""
    voices = {step: asked(step, moved.now) for step in moved.opened}
    told = notices.tell(moved, voices)
    request, opened = moved.request, opened_notes(voices)
    if request.state not in OPEN_STATES:
        announce("approvals.ended", request.organization_id, str(request.uid))
    said = (*notes, *opened, *told)
    trail.append(request.organization_id, *said, by=moved.by, now=moved.now)
