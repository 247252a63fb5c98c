"""Amounts recommended for 1,000 budgets, beside their forecasts alone, and applied."""

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import cycle
from random import Random

from accounts.models import Organization
from budgets.models import Budget, BudgetHour
from budgets.reallotment import NewAmount, reallot
from dev.benchmarks import world
from dev.benchmarks.timing import Contender, Figure, take_turns
from forecasts.advice import Advice, AdviceQuestion, advise
from forecasts.outlooks import MOST_DAYS
from forecasts.probabilities import outlooks
from lib.periods import DAY

NOW = world.STARTS_AT + timedelta(days=100, hours=12)
DEPARTMENTS, BUDGETS = 20, 1_000
SCARCE = Decimal(1_000)  # far less than they need


def measure(rounds: int) -> list[Figure]:
    organization = _filled()
    budgets = list(Budget.objects.filter(organization=organization))
    turns = cycle([SCARCE, SCARCE * 2])

    def apply(found: Advice) -> None:
        wanted = [NewAmount(line.budget, line.share.amount) for line in found.lines]
        reallot(organization, wanted, now=NOW)

    rates = take_turns(
        {
            "forecasts": Contender(
                lambda: None, lambda _: outlooks(budgets, NOW), BUDGETS
            ),
            "amounts": Contender(
                lambda: None, lambda _: _advised(organization, SCARCE), BUDGETS
            ),
            "applied": Contender(
                lambda: _advised(organization, next(turns)), apply, BUDGETS
            ),
        },
        rounds=rounds,
        label="recommendations",
    )
    took = {name: BUDGETS / rates.median(name) for name in rates.by_name}
    return [
        Figure(
            f"amounts of {BUDGETS:,} budgets / their forecasts alone",
            rates.ratio("forecasts", "amounts"),
            2,
            better="less",
            rate=f"{took['amounts']:.2f} s against {took['forecasts']:.2f}",
        ),
        Figure(
            f"new amounts of {BUDGETS:,} budgets applied / recommended",
            rates.ratio("amounts", "applied"),
            rate=f"{took['applied']:.2f} s",
        ),
    ]


def _advised(organization: Organization, total: Decimal) -> Advice:
    found = advise(AdviceQuestion(organization=organization, total=total), now=NOW)
    assert len(found.lines) == BUDGETS
    assert found.lines[0].share.amount == total
    return found


def _filled() -> Organization:
    organization = Organization.objects.create(slug="amounts", name="Amounts")
    departments = [f"dept-{number}" for number in range(DEPARTMENTS)]
    teams = [f"team-{number}" for number in range(BUDGETS - DEPARTMENTS - 1)]
    scopes = [
        ("everything", {}, None),
        *((one, {"departments": [one]}, "everything") for one in departments),
        *(
            (one, {"teams": [one]}, above)
            for one, above in zip(teams, cycle(departments), strict=False)
        ),
    ]
    world.plant(organization, scopes)
    random = Random(1)
    days = [_nine(NOW - DAY * (ago + 1)) for ago in range(MOST_DAYS)]
    BudgetHour.objects.bulk_create(
        (
            BudgetHour(
                organization=organization,
                budget=budget,
                starts_at=day,
                spent=round(Decimal(random.lognormvariate(1, 0.5)), 2),
                requests=1,
            )
            for budget in Budget.objects.filter(organization=organization)
            for day in days
        ),
        batch_size=5_000,
    )
    world.vacuum()
    return organization


def _nine(at: datetime) -> datetime:
    return at.replace(hour=9, minute=0)
