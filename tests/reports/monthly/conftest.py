from collections.abc import Callable

import pytest

from accounts.models import Organization, User
from accounts.scopes import Role
from budgets.models import Budget
from reports.monthly import services
from reports.monthly.figures import MonthlyFigures
from reports.monthly.frozen import frozen
from tests.factories import make_budget, make_person, spend
from tests.reports.monthly.factories import BEFORE, BY, JAN_10


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[MonthlyFigures]:
    """Draw reports by writing down their figures; returns all that were drawn."""
    found: list[MonthlyFigures] = []

    def pdf_of(
        figures: MonthlyFigures, progress: Callable[[float], None] = lambda _: None
    ) -> bytes:
        found.append(figures)
        progress(0.5)
        return frozen(figures).encode()

    monkeypatch.setattr(services, "pdf_of", pdf_of)
    return found


@pytest.fixture
def admin(acme: Organization) -> User:
    return make_person(BY, {acme: Role.FINANCE_ADMIN})


@pytest.fixture
def company(acme: Organization) -> Budget:
    """A budget that is 500 over in January."""
    budget = make_budget(acme, now=BEFORE)
    spend(acme, "1500", JAN_10)
    return budget
