"""The alert inbox: which alerts a person sees, and which first."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Case, Count, Exists, OuterRef, Q, QuerySet, TextField, When
from django.db.models.functions import Cast
from django.http import QueryDict

from accounts.access import visible_to
from accounts.models import User
from alerts.models import Alert, AlertState, RuleType, Severity
from budgets.models import Budget
from lib.web import id_of

MOST_OPEN = 200  # lines of alerts that are not resolved
PAGE = 25  # lines of resolved ones
_LAST_PAGE = 1_000_000
STATES = (
    AlertState.FIRING,
    AlertState.ACKNOWLEDGED,
    AlertState.SNOOZED,
    AlertState.RESOLVED,
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the inbox is asked for; "" where anything will do."""

    whose: str = "mine"  # or "all"
    state: str = ""
    severity: str = ""
    type: str = ""
    organization: str = ""  # a slug
    q: str = ""  # a part of the budget's name or of the sentence
    budget: int | None = None  # it and those below it
    page: int = 1  # of the resolved ones

    @classmethod
    def of(cls, query: QueryDict) -> "Asked":
        def known(name: str, values: Iterable[str]) -> str:
            value = query.get(name, "")
            return value if value in values else ""

        return cls(
            whose=known("whose", ["mine", "all"]) or "mine",
            state=known("state", AlertState.values),
            severity=known("severity", Severity.values),
            type=known("type", RuleType.values),
            organization=query.get("organization", "")[:100],
            q=query.get("q", "").strip()[:100],
            budget=id_of(query.get("budget")),
            page=min(max(id_of(query.get("page")) or 1, 1), _LAST_PAGE),
        )

    @property
    def is_narrowed(self) -> bool:
        """Tell whether more is asked for than whose alerts."""
        return bool(
            self.state or self.severity or self.type or self.q or self.budget
        ) or bool(self.organization)

    def query(self, **changes: object) -> str:
        """Return the query of a URL that asks the same, but for *changes*."""
        query = QueryDict(mutable=True)
        said = {name: getattr(self, name) for name in self.__slots__ if name != "page"}
        for name, value in {**said, **changes}.items():
            if value not in ("", None):
                query[name] = str(value)
        return query.urlencode()


def alerts_of(user: User, asked: Asked) -> QuerySet[Alert]:
    """Return what *user* may see of what is asked for, in no order."""
    alerts = visible_to(user, Alert.objects.order_by())
    if asked.whose == "mine":
        alerts = alerts.alias(to=Cast("steps", TextField())).filter(_mine(user))
    if asked.organization:
        alerts = alerts.filter(organization__slug=asked.organization)
    for name in ("state", "severity", "type"):
        if getattr(asked, name):
            alerts = alerts.filter(**{name: getattr(asked, name)})
    if asked.q:
        named = Q(budget__name__icontains=asked.q)
        alerts = alerts.filter(named | Q(message__icontains=asked.q))
    if asked.budget is not None:
        alerts = alerts.filter(Exists(_above(Budget.objects.filter(pk=asked.budget))))
    return alerts


def _mine(user: User) -> Q:
    """Keep the alerts of budgets that are *user*'s, and those they are told about."""
    owned = Exists(_above(Budget.objects.filter(owner=user)))
    return Q(owned) | Q(to__icontains=f'"{user.email}"')


def _above(budgets: QuerySet[Budget]) -> QuerySet[Budget]:
    """Keep the *budgets* that are the alert's own, or above it."""
    return budgets.order_by().filter(
        organization=OuterRef("organization"),
        tree_id=OuterRef("budget__tree_id"),
        lft__lte=OuterRef("budget__lft"),
        rght__gte=OuterRef("budget__rght"),
    )


def counted(alerts: QuerySet[Alert]) -> dict[str, int]:
    """Return how many are in each state, all states in order. One query."""
    rows = dict(alerts.values_list("state").annotate(Count("pk")))
    return {state.value: rows.get(state.value, 0) for state in STATES}


def firing(user: User) -> int:
    """Return how many alerts of *user*'s organizations are firing. One query."""
    rows = Alert.objects.filter(resolved_at=None, state=AlertState.FIRING)
    return visible_to(user, rows).count()


def listed(alerts: QuerySet[Alert], asked: Asked) -> list[Alert]:
    """Return the lines of the page: what is open first, then the latest. Two queries.

    Firing ones lead, the gravest of them first, then the newest.
    """
    rows = alerts.select_related("budget", "organization")
    states = Case(*(When(state=state, then=n) for n, state in enumerate(STATES)))
    grave = Case(When(severity="critical", then=0), When(severity="warning", then=1))
    order = (states, grave, "-fired_at", "-pk")
    still = rows.filter(resolved_at=None).order_by(*order)[:MOST_OPEN]
    past = rows.filter(state=AlertState.RESOLVED).order_by("-fired_at", "-pk")
    start = (asked.page - 1) * PAGE
    shown = list(still) if asked.page == 1 else []
    return [*shown, *past[start : start + PAGE]]
