"""Figures of a month, made up and sound: all sums are right."""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from reports.figures import CostPoint
from reports.monthly.figures import (
    ApprovalLine,
    Between,
    Bridge,
    BridgeCause,
    Comment,
    DecisionNeeded,
    LateLine,
    MonthlyFigures,
    MonthPoint,
    OverrideLine,
    PlanAndSpend,
    ReportDriver,
    ReportedAlert,
    ReportRow,
    SignOff,
    TrailEnd,
    UnpricedLine,
    YearOutlook,
)

D = Decimal
ZONE = "Europe/Berlin"
MONTH = date(2026, 10, 1)
CUT_OFF = datetime(2026, 11, 3, 8, 30, tzinfo=UTC)
_WORKS = ("Search", "Support assistant", "Code review", "Translation", "Fraud checks")
_LEVEL = D("0.8")
# Of October, in each month; ten of them come to ten, and twelve to twelve.
_WEIGHTS = [
    D(f"{tenths / 10}") for tenths in (7, 8, 9, 11, 9, 10, 13, 10, 13, 10, 11, 9)
]


def month_of(budgets: int = 20, *, currency: str = "USD") -> MonthlyFigures:
    """Return a month of a tree of *budgets*: departments, with teams below them."""
    rows = tuple(_rows(budgets))
    total = _sum_of([row.month for row in rows if row.depth <= 0])
    year = _sum_of([row.year_to_date for row in rows if row.depth <= 0])
    full = _sum_of([row.full_year for row in rows if row.depth <= 0])
    variance = total.variance
    parts = [variance * D(part) for part in ("0.7", "-0.2", "0.4")]
    causes = (
        *zip(("Volume", "Price", "Mix"), parts, strict=True),
        ("Currency", variance - sum(parts)),
    )
    return MonthlyFigures(
        organization="Acme Corp",
        title="Acme Corp",
        currency=currency,
        locale="en_US",
        zone=ZONE,
        month=MONTH,
        cut_off=CUT_OFF,
        is_draft=True,
        revision=1,
        replaces="",
        sentence="Acme Corp spent more than was budgeted in October 2026.",
        total=total,
        total_year_to_date=year,
        total_full_year=full,
        rows=rows,
        threshold=D(500),
        threshold_share=D("0.1"),
        bridge=Bridge(
            total.budgeted,
            tuple(BridgeCause(name, amount) for name, amount in causes),
            total.spent,
        ),
        drivers=(
            ReportDriver(
                "model", "claude-sonnet-4-5", total.spent / 2, total.spent / 3
            ),
            ReportDriver("project", "Search", total.spent / 4, total.spent / 5),
            ReportDriver("model", "gpt-4o-mini", total.spent / 8, total.spent / 6),
        ),
        outlook=YearOutlook(full.spent, _around(full.spent), full.budgeted, 0.71, ""),
        decisions=(
            DecisionNeeded(
                "A request for $16,000.00 more waits for you.",
                "https://costops.acme.example/admin/x/1/",
            ),
            DecisionNeeded(
                "2 variances have no comment yet.",
                "https://costops.acme.example/admin/x/2/",
            ),
        ),
        days=tuple(_days(total)),
        year=tuple(_year(total)),
        alerts=tuple(_alerts()),
        approvals=tuple(_approvals(currency)),
        overrides=(
            OverrideLine(
                CUT_OFF - timedelta(days=9),
                "Grace Hopper",
                "Let Search pass its limit until 31 October",
                "Release week",
            ),
        ),
        late=(LateLine(("Acme Corp", "Search"), D("12.3400000001")),),
        unpriced=(UnpricedLine("openai", "gpt-6-preview", ("audio",), 1_204),),
        uncounted=D("3.5"),
        ledger=total.spent + D("3.5"),
        notes=("Records that came in after the cut-off are not in here.",),
        sign_offs=(
            SignOff("Prepared by", "Grace Hopper", CUT_OFF - timedelta(hours=2)),
            SignOff("Reviewed by", "", None),
            SignOff("Approved by", "", None),
        ),
        trail=TrailEnd(4_711, "9f" * 32, CUT_OFF),
    )


def _rows(count: int) -> Iterator[ReportRow]:
    """Yield a top, departments of four teams each, in the tree's order."""
    if not count:
        return
    teams = [_team(place) for place in range(count)]
    heads = [place for place in range(1, count) if place % 5 == 1]
    for place in heads:
        below = teams[place + 1 : place + 5]
        teams[place] = _above(teams[place], below, ("Acme Corp", f"Department {place}"))
        teams[place + 1 : place + 5] = [
            replace(one, path=(*teams[place].path, one.path[-1])) for one in below
        ]
    top = [teams[place] for place in heads]
    teams[0] = _above(teams[0], top, ("Acme Corp",))
    yield from teams


def _team(place: int) -> ReportRow:
    budgeted = D(1_000 + 137 * (place % 11))
    factor = D("0.82") + D("0.07") * (place % 6)
    month = PlanAndSpend(budgeted, _exact(budgeted * factor) + D("0.0000000007"))
    year = PlanAndSpend(budgeted * 10, month.spent * 10)
    full = PlanAndSpend(budgeted * 12, month.spent * 12)
    is_material = month.variance > 120
    return ReportRow(
        budget=UUID(int=place + 1),
        path=("Acme Corp", f"{_WORKS[place % 5]} {place}"),
        has_children=False,
        owner=f"owner{place % 7}@acme.example",
        month=month,
        year_to_date=year,
        full_year=full,
        full_year_between=_around(full.spent),
        is_material=is_material,
        comment=_comment(place) if is_material and place % 2 else None,
    )


def _above(row: ReportRow, below: list[ReportRow], path: tuple[str, ...]) -> ReportRow:
    if not below:
        return replace(row, path=path)
    full = _sum_of([one.full_year for one in below])
    return replace(
        row,
        path=path,
        has_children=True,
        month=_sum_of([one.month for one in below]),
        year_to_date=_sum_of([one.year_to_date for one in below]),
        full_year=full,
        full_year_between=_around(full.spent),
        is_material=False,
        comment=None,
    )


def _sum_of(parts: list[PlanAndSpend]) -> PlanAndSpend:
    return PlanAndSpend(
        sum((one.budgeted for one in parts), D(0)),
        sum((one.spent for one in parts), D(0)),
    )


def _around(amount: Decimal) -> Between:
    return Between(_exact(amount * D("0.93")), _exact(amount * D("1.09")), _LEVEL)


def _exact(amount: Decimal) -> Decimal:
    return amount.quantize(D("1e-10"))


def _comment(place: int) -> Comment:
    return Comment(
        text="A prompt grew to three times its length when the new tools were "
        "described in it; the cache caught little of it.",
        driver="Volume",
        owner="Ada Lovelace",
        action="Cut the tools' descriptions, and measure again.",
        due=date(2026, 11, 1 + place % 28),
        writer="Grace Hopper",
        written_at=CUT_OFF - timedelta(days=1),
    )


def _days(total: PlanAndSpend) -> Iterator[CostPoint]:
    zone = ZoneInfo(ZONE)
    length = monthrange(MONTH.year, MONTH.month)[1]
    weights = [D(2) if (day % 7) < 5 else D(1) for day in range(length)]
    spent = D(0)
    for day, weight in enumerate(weights):
        at = datetime(MONTH.year, MONTH.month, day + 1, tzinfo=zone)
        spent += total.spent * weight / sum(weights)
        if day == length - 1:
            spent = total.spent
        budgeted = total.budgeted * (day + 1) / length
        yield CostPoint(at, _exact(spent), _exact(budgeted), None, None, "")


def _year(total: PlanAndSpend) -> Iterator[MonthPoint]:
    for number, weight in enumerate(_WEIGHTS, start=1):
        month, amount = date(MONTH.year, number, 1), total.spent * weight
        if number <= MONTH.month:
            yield MonthPoint(month, total.budgeted, amount, None, None)
        else:
            yield MonthPoint(month, total.budgeted, None, amount, _around(amount))


def _alerts() -> Iterator[ReportedAlert]:
    for place, severity in enumerate(("warning", "critical", "exceeded")):
        fired = CUT_OFF - timedelta(days=20 - place * 3)
        yield ReportedAlert(
            fired_at=fired,
            path=("Acme Corp", "Department 1", "Support assistant 2"),
            severity=severity,
            words="84 % of $1,274.00 is spent",
            state="resolved" if place else "acknowledged",
            answered_by="Ada Lovelace",
            ended_at=fired + timedelta(hours=5) if place else None,
        )


def _approvals(currency: str) -> Iterator[ApprovalLine]:
    for place, state in enumerate(("approved", "rejected", "pending")):
        asked = CUT_OFF - timedelta(days=14 - place)
        yield ApprovalLine(
            asked_at=asked,
            path=("Acme Corp", "Department 1") if place else (),
            kind="increase" if place else "new budget",
            amount=D(4_000),
            currency=currency,
            requester="Ada Lovelace",
            state=state,
            decided_by=("Grace Hopper",) if place < 2 else (),
            decided_at=asked + timedelta(hours=8) if place < 2 else None,
        )
