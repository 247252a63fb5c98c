"""Sheets of alert rules."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from accounts.versions import Seen
from alerts import configuration
from alerts.api.schemas import ConfigurationIn
from alerts.changes import version_of
from alerts.models import BASES, RuleType, Sensitivity, Severity, SpikeWindow
from budgets.models import Budget
from bulk.columns import BulkColumn
from bulk.forms import (
    AmountCells,
    ListCells,
    TextCells,
    TruthCells,
    WholeCells,
    WordCells,
)
from bulk.grouped import BUDGET, Bodies, BudgetListSheet
from bulk.models import BulkKind


class AlertRuleSheet(BudgetListSheet):
    """What budgets are watched for, and who is told."""

    kind = BulkKind.ALERT_RULES
    noun = "rule"
    first = "type"
    words = (
        "The lines of a budget are all its own alert rules and thresholds: one that "
        "has no line is taken away. Who is told when nobody answers stays as it is."
    )
    columns = (
        BUDGET,
        BulkColumn("type", WordCells(tuple(RuleType.values)), "of the rule"),
        BulkColumn("threshold", AmountCells(), "a share as 0.8; an amount of a spike"),
        BulkColumn("basis", WordCells(tuple(map(str, BASES))), "what the share is of"),
        BulkColumn("probability", AmountCells(), "of a forecast: 0.8"),
        BulkColumn("condition", TextCells(), "such as daily_spend > 2 * average"),
        BulkColumn("sensitivity", WordCells(tuple(Sensitivity.values)), "an anomaly's"),
        BulkColumn("window", WordCells(tuple(SpikeWindow.values)), "of a spike"),
        BulkColumn("channels", ListCells(), "by which people are told"),
        BulkColumn("recipients", ListCells(), "who is told"),
        BulkColumn("message", TextCells(), "for them"),
        BulkColumn("cooldown", WholeCells(), "seconds without telling it again"),
        BulkColumn("severity", WordCells(tuple(Severity.values)), "of the alert"),
        BulkColumn("enabled", TruthCells(), "whether it is in use"),
    )

    def bodies(self, budget: Budget) -> Bodies:
        found: Bodies = configuration.configuration(budget)["alerts"]
        return [_exact(body) for body in found]

    def read(self, wires: Bodies) -> Any:
        shape = ConfigurationIn(data={"alerts": wires})
        shape.is_valid(raise_exception=True)
        return shape.validated_data

    def configure(
        self, budget: Budget, given: Any, now: datetime, seen: Seen | None
    ) -> None:
        configuration.configure(budget, given, now=now, seen=seen)

    def version(self, budget: Budget) -> str:
        return version_of(budget)

    def summary(self, body: Mapping[str, Any]) -> str:
        kind = RuleType(body["type"]).label
        about = body["threshold"] or body["condition"]
        told = ", ".join([*body["channels"], *body["recipients"]])
        words = f"{kind} {about}" if about else str(kind)
        return f"{words}, told by {told}" if told else words


def _exact(body: dict[str, Any]) -> dict[str, Any]:
    """Return *body* with its shares as text: the API answers them as JSON numbers."""
    shares = {
        name: None if body[name] is None else str(body[name])
        for name in ("threshold", "probability")
    }
    return body | shares
