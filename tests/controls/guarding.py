"""What the tests of guardrails' pages begin with."""

import re
from collections.abc import Mapping
from typing import Any

from django.test import Client

from budgets.models import Budget
from controls.configuration import configure
from controls.models import ControlRule

RULES = "/admin/controls/controlrule/"


def page_of(budget: Budget, page: str = "") -> str:
    return f"{RULES}budget/{budget.pk}/{page}"


def error_at(content: str, field: str) -> str:
    """Return what a page says is wrong with one of its fields."""
    found = re.search(rf'id="id_{field}_error">(.*?)</p>', content)
    return found.group(1) if found else ""


def given(action: str = "block", trigger: str = "always", **config: Any) -> Any:
    """Return a rule as `configure` takes it."""
    return {"action": action, "trigger": trigger, "config": config, "notify": False}


def guard(budget: Budget, *rules: Any) -> list[ControlRule]:
    """Give *budget* these rules, and return them in their order."""
    configure(budget, rules)
    return list(ControlRule.objects.filter(budget=budget))


def downgrade(old: str = "gpt-4", new: str = "gpt-3.5-turbo") -> Any:
    return given("model_downgrade", "budget_percentage >= 0.9", downgrades={old: new})


def surely(browser: Client, url: str, form: Mapping[str, Any]) -> Any:
    """Send *form*, say why, and yes where that is asked; return the last page."""
    why = {"reason": "So it shall be."}
    asked = browser.post(url, form, follow=True)
    confirmation = (asked.context or {}).get("confirmation")
    if confirmation is None:
        return asked
    token = {"confirm": confirmation.asked.token}
    return browser.post(url, {**why, **form, **token}, follow=True)
