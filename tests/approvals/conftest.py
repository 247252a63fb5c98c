"""Who asks, and who decides: in the organization of the test."""

import pytest

from accounts.models import Organization, User
from accounts.scopes import Role
from tests.approvals.factories import person_in


@pytest.fixture
def pm(acme: Organization) -> User:
    return person_in(acme, "pm", Role.BUDGET_OWNER)


@pytest.fixture
def lead(acme: Organization) -> User:
    return person_in(acme, "lead")


@pytest.fixture
def cfo(acme: Organization) -> User:
    return person_in(acme, "cfo", Role.FINANCE_ADMIN)
