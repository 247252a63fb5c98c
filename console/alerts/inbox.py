"""The alert inbox: which alerts a person sees, and which first."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import (
    Case,
    Exists,
    F,
    Min,
    OuterRef,
    Q,
    QuerySet,
    TextField,
    When,
)
from django.db.models.functions import Cast
from django.http import QueryDict

from accounts.access import visible_to
from accounts.models import User
from alerts.models import Alert, AlertState, RuleType, Severity
from budgets.models import Budget
from lib.web import id_of

MOST_OPEN = 200  # lines of budgets with alerts that are not resolved
MOST_ALERTS = 1_000  # that they are made of
PAGE = 25  # lines of resolved ones
_LAST_PAGE = 1_000_000
STATES = (
    AlertState.FIRING,
    AlertState.ACKNOWLEDGED,
    AlertState.SNOOZED,
    AlertState.RESOLVED,
)


@dataclass(frozen=True, slots=True)
class InboxQuery:
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
    def of(cls, query: QueryDict) -> "InboxQuery":
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


def alerts_of(user: User, asked: InboxQuery) -> QuerySet[Alert]:
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


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the inbox: what is open of one budget, or one alert that is over."""

    lead: Alert  # the gravest
    others: tuple[Alert, ...] = ()


def counted(alerts: QuerySet[Alert]) -> dict[str, int]:
    """Return how many rows are in each state, all states in order. Two queries.

    What is open of one budget is one row, in the state of what comes first of it.
    """
    still = alerts.filter(resolved_at=None).values("budget")
    leading = Counter(still.annotate(lead=Min(_RANK)).values_list("lead", flat=True))
    counts = {state.value: leading[n] for n, state in enumerate(STATES)}
    over = alerts.filter(state=AlertState.RESOLVED).count()
    return {**counts, AlertState.RESOLVED.value: over}


_RANK = Case(*(When(state=state, then=n) for n, state in enumerate(STATES)))


def waiting(user: User) -> int:
    """Return of how many budgets alerts wait for *user*, as the inbox has them."""
    firing = InboxQuery(state=AlertState.FIRING)
    return alerts_of(user, firing).values("budget").distinct().count()


def listed(alerts: QuerySet[Alert], asked: InboxQuery) -> list[Row]:
    """Return the rows of the page: what is open first, then the latest. Two queries.

    Of one budget the firing ones lead, of those the gravest, then the highest share.
    """
    alerts = alerts.select_related("budget", "organization")
    past = alerts.filter(state=AlertState.RESOLVED).order_by("-fired_at", "-pk")
    start = (asked.page - 1) * PAGE
    over = [Row(alert) for alert in past[start : start + PAGE]]
    if asked.page > 1:
        return over
    grave = Case(When(severity="critical", then=0), When(severity="warning", then=1))
    highest = F("threshold").desc(nulls_last=True)
    still = alerts.filter(resolved_at=None).order_by(
        _RANK, grave, highest, "-fired_at", "-pk"
    )
    return [*rows_of(still[:MOST_ALERTS])[:MOST_OPEN], *over]


def rows_of(alerts: Iterable[Alert]) -> list[Row]:
    """Return a row for each budget, led by the first of its *alerts*."""
    by_budget: dict[int, list[Alert]] = {}
    for alert in alerts:
        by_budget.setdefault(alert.budget_id, []).append(alert)
    return [Row(lead, tuple(others)) for lead, *others in by_budget.values()]


def row_of(alert: Alert, others: QuerySet[Alert]) -> Row:
    """Return the row that *alert* leads; *others* is what its reader may see. A query,
    none for what is over."""
    if alert.state == AlertState.RESOLVED:
        return Row(alert)
    beside = others.filter(budget=alert.budget_id, resolved_at=None)
    rows = beside.exclude(pk=alert.pk).select_related("budget", "organization")
    return Row(alert, tuple(rows.order_by(_RANK, F("threshold").desc(nulls_last=True))))
