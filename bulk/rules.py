"""Sheets of guardrail rules."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from accounts.versions import Seen, newest
from budgets.models import Budget
from bulk.columns import BulkColumn
from bulk.forms import (
    AmountCells,
    ListCells,
    PairsCells,
    TextCells,
    TruthCells,
    WholeCells,
    WordCells,
)
from bulk.grouped import BUDGET, Bodies, BudgetListSheet
from bulk.models import BulkKind
from controls import configuration
from controls.api.answers import controls_out
from controls.api.rule_schemas import ControlsIn
from controls.types import ControlAction


def _config(name: str, form: Any, words: str) -> BulkColumn:
    return BulkColumn(name, form, words, path=f"config.{name}")


class RuleSheet(BudgetListSheet):
    """What happens to calls while a trigger holds."""

    kind = BulkKind.RULES
    noun = "rule"
    first = "trigger"
    words = (
        "The lines of a budget are all its guardrail rules: one that has no line is "
        "taken away. Budgets that are not in the sheet stay as they are."
    )
    columns = (
        BUDGET,
        BulkColumn("id", TextCells(), "of a rule that stays itself"),
        BulkColumn("trigger", TextCells(), "such as budget_percentage >= 0.9"),
        BulkColumn("action", WordCells(tuple(ControlAction.values)), "what it does"),
        _config("message", TextCells(), "for who is blocked"),
        _config("downgrades", PairsCells(), "model=cheaper model"),
        _config("blocked_models", ListCells(), "that may not be used"),
        _config("allowed_models", ListCells(), "the only ones"),
        _config("max_requests_per_minute", WholeCells(), "of a rate limit"),
        _config("max_cost_per_hour", AmountCells(), "of a rate limit"),
        _config("exempt_users", ListCells(), "whom it leaves alone"),
        _config("needs_approval", TruthCells(), "whether people are asked first"),
        BulkColumn("notify", TruthCells(), "whether the owner is told"),
    )

    def bodies(self, budget: Budget) -> Bodies:
        found: Bodies = msgspec.to_builtins(controls_out(budget).rules)
        return found

    def read(self, wires: Bodies) -> Any:
        shape = ControlsIn(data={"rules": wires})
        shape.is_valid(raise_exception=True)
        return shape.validated_data["rules"]

    def configure(
        self, budget: Budget, given: Any, now: datetime, seen: Seen | None
    ) -> None:
        configuration.configure(budget, given, seen=seen)

    def version(self, budget: Budget) -> str:
        return newest(configuration.history_of_rules(budget))

    def summary(self, body: Mapping[str, Any]) -> str:
        return str(body["summary"])
