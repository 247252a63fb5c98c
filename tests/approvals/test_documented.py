"""The policy that the page for finance admins shows does what the page says."""

import json
import re
from pathlib import Path

import pytest

from accounts.models import Organization
from accounts.scopes import Role
from tests.approvals.factories import person_in
from tests.factories import Api, make_budget

pytestmark = pytest.mark.django_db
PAGE = Path(__file__).parents[2] / "docs" / "finance-admins.md"


def test_the_policy_in_the_page_asks_whom_it_says(acme: Organization, api: Api) -> None:
    _, _, section = PAGE.read_text().partition("## Who approves: policies")
    policy, question = (
        json.loads(one) for one in re.findall(r"-d '(\{.*?\})'", section, re.S)
    )
    for name in ("ann", "bob"):
        person_in(acme, name, Role.FINANCE_ADMIN)
    owners = [person_in(acme, name) for name in ("head", "lead")]
    company = make_budget(acme, "Company", "9000", owner=owners[0])
    team = make_budget(acme, "Team", "900", parent=company, owner=owners[1])

    saved = api.post("approval-policies", policy)

    def asked(amount: str) -> list[str]:
        said = {**question, "amount": amount, "budget": str(team.uid)}
        levels = api.post("approval-policies/preview", said).body["levels"]
        return [level["name"] for level in levels]

    assert saved.status == 201, saved.body
    assert asked("400") == ["Owner"]
    assert asked("4000") == asked(question["amount"]) == ["Owner", "Department"]
    assert asked("40000") == ["Owner", "Department", "Finance", "Security"]
