"""The inbox of requests: which of them a person sees, and which first."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, F, Q, QuerySet, When
from django.http import QueryDict

from accounts.access import visible_to
from accounts.models import User
from approvals.impact import frozen_impact
from approvals.models import (
    OPEN_STATES,
    BudgetRequest,
    BudgetRequestQuerySet,
    RequestKind,
    RequestState,
)
from approvals.voices import waiting_for
from approvals.wording import impact_words, needed_by, sentence_of
from console.approvals.picture import KINDS
from console.costs.records_top import Chip
from lib.web import id_of

PAGE = 50
_LAST_PAGE = 100_000
WHOSE = {"decide": "For me to decide", "mine": "Asked by me", "all": "Everybody's"}
STATES = {"open": "Open", "ended": "Ended", "": "Any"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the inbox is asked for."""

    whose: str = "decide"
    state: str = "open"
    kind: str = ""  # a RequestKind; "": any
    q: str = ""  # a part of a name, an address or the justification
    page: int = 1

    @classmethod
    def of(cls, query: QueryDict) -> "Asked":
        whose, state = query.get("whose", "decide"), query.get("state", "open")
        return cls(
            whose=whose if whose in WHOSE else "decide",
            state=state if state in STATES else "open",
            kind=kind if (kind := query.get("kind", "")) in RequestKind.values else "",
            q=query.get("q", "").strip()[:100],
            page=min(max(id_of(query.get("page")) or 1, 1), _LAST_PAGE),
        )

    def query(self, **changes: object) -> str:
        """Return the query of a URL that asks the same, but for *changes*."""
        query = QueryDict(mutable=True)
        said = {name: getattr(self, name) for name in ("whose", "state", "kind", "q")}
        for name, value in {**said, **changes}.items():
            query[name] = str(value)
        return query.urlencode()

    @property
    def chips(self) -> list[Chip]:
        """Return what it is narrowed by, each with the way to the inbox without it."""
        said = {
            "state": {"ended": "Ended", "": "In any state"}.get(self.state, ""),
            "kind": RequestKind(self.kind).label if self.kind else "",
            "q": f"“{self.q}”" if self.q else "",
        }
        usual = {"state": "open", "kind": "", "q": ""}
        return [
            Chip(words, f"?{self.query(**{name: usual[name]})}")
            for name, words in said.items()
            if words
        ]


@dataclass(frozen=True, slots=True)
class Line:
    """One request as the inbox has it."""

    request: BudgetRequest
    kind: str  # of the status component
    word: str
    sentence: str
    impact: str
    needed_by: str
    is_late: bool  # it was needed by now


def requests_of(user: User, asked: Asked, now: datetime) -> QuerySet[BudgetRequest]:
    """Return what *user* may see of what is asked for, in no order."""
    if asked.whose == "decide":
        rows: QuerySet[BudgetRequest] = waiting_for(user, now)
    else:
        rows = visible_to(user, BudgetRequest.objects.all())
    if asked.whose == "mine":
        own = Q(requester=user) | Q(on_behalf_of=user) | Q(filed_by=user)
        rows = rows.filter(own)
    elif asked.whose == "all":
        # A draft is nobody else's to see.
        rows = rows.exclude(~Q(requester=user), state=RequestState.DRAFT)
    if asked.state == "open":
        rows = rows.filter(state__in=OPEN_STATES)
    elif asked.state == "ended":
        rows = rows.exclude(state__in=OPEN_STATES)
    if asked.kind:
        rows = rows.filter(kind=asked.kind)
    if asked.q:
        rows = rows.filter(
            Q(name__icontains=asked.q)
            | Q(budget__name__icontains=asked.q)
            | Q(requester__email__icontains=asked.q)
            | Q(justification__icontains=asked.q)
        )
    return rows.order_by()


def listed(
    rows: QuerySet[BudgetRequest],
    asked: Asked,
    *,
    first: QuerySet[BudgetRequest] | None = None,
    most: int = PAGE + 1,
) -> list[BudgetRequest]:
    """Return the lines of a page and one more, if there is one: those among *first*,
    what is needed soonest, then the newest. One query."""
    start = (asked.page - 1) * PAGE
    people = ("organization", "requester", "on_behalf_of", "budget", "parent", "source")
    order: list[Any] = ["-created_at", "-pk"]
    if asked.state == "open":
        order.insert(0, F("needed_by").asc(nulls_last=True))
    if first is not None:
        mine = When(pk__in=first.order_by().values("pk"), then=0)
        order.insert(0, Case(mine, default=1))
    # Of all of them little is sorted; what a line says is read of those of the page.
    here = rows.order_by(*order).values("pk")[start : start + most]
    shown = BudgetRequest.objects.filter(pk__in=here).select_related(*people)
    return list(shown.order_by(*order))


def line_of(request: BudgetRequest, now: datetime, locale: str) -> Line:
    """Write *request* for the inbox, with the impact that it was submitted with."""
    waits = request.state in OPEN_STATES
    return Line(
        request=request,
        kind=KINDS.get(RequestState(request.state), "NONE"),
        word=request.get_state_display(),
        sentence=sentence_of(request, locale),
        impact=impact_words(frozen_impact(request), locale) if waits else "",
        needed_by=needed_by(request),
        is_late=bool(waits and request.needed_by and request.needed_by <= now),
    )


def waiting(user: User, now: datetime) -> int:
    """Return how many requests wait for *user*."""
    rows: BudgetRequestQuerySet | QuerySet[BudgetRequest] = waiting_for(user, now)
    return rows.order_by().count()
