"""What the README has people do first works, and is seen where they look."""

import json
import re

import pytest
from django.utils import timezone

from accounts.scopes import Role
from budgets.models import Budget
from budgets.services import BudgetPlan, create_budget
from costops import demo
from tests.databases import ROOT
from tests.factories import browser_for, make_api, make_organization
from tests.pages import page_at

pytestmark = pytest.mark.django_db

README = (ROOT / "README.md").read_text()


def first_request() -> dict[str, object]:
    """Return the first body that the README sends, as a shell would."""
    body = re.search(r"-d '(\{.*?\})'\n", README, re.DOTALL)
    assert body is not None
    now = f"{timezone.now():%Y-%m-%dT%H:%M:%SZ}"
    found: dict[str, object] = json.loads(body[1].replace("'$(date -u +%FT%TZ)'", now))
    return found


def test_the_first_request_is_seen_in_the_demos_tree() -> None:
    acme = make_organization(demo.SLUG)
    made: dict[str, Budget] = {}
    for plan in demo.BUDGETS:
        made[plan.name] = create_budget(
            acme,
            BudgetPlan(
                name=plan.name,
                amount=demo.amount_of(plan),
                parent=made.get(plan.parent or ""),
                scope=plan.scope,
            ),
            now=timezone.now(),
        )

    answer = make_api(organization=acme).post("usage", first_request())

    tree = page_at(browser_for(acme, Role.VIEWER), "/admin/budgets/budget/tree/")
    spent = [row.texts[0] for row in tree.table().rows if "$0.01" in row.element.text]
    assert answer.status in {200, 201}
    assert answer.body["cost"] == "0.0065000000"
    assert len(spent) == 3
    assert f"--organization {demo.SLUG})" in README


def test_the_snippet_of_the_sdk_is_whole() -> None:
    found = re.search(r"pip install ./sdk\n\n(.*?)\n\nIt decides", README, re.DOTALL)
    assert found is not None
    snippet = re.sub("^    ", "", found[1], flags=re.MULTILINE)

    compile(snippet, "README", "exec")
    assert "import CostTracker" in snippet
