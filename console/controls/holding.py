"""Which rules hold at this moment, whatever is asked for."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from budgets.models import Budget
from budgets.status import statuses
from controls.expressions import OF_BUDGET, OF_CLOCK
from controls.rules import judge
from controls.types import BudgetFigures, ControlAction, ProposedCall, Rule, Subject
from ledger.identity import ModelName
from lib.money import to_units


def holding(path: Sequence[Budget], rules: Sequence[Rule], now: datetime) -> set[int]:
    """Return the rules whose triggers hold at this moment whatever is asked for.

    Those that ask for a forecast are left out. One query, if there are any.
    """
    asked = [one for one in rules if one.trigger.names and one.trigger.names <= _KNOWN]
    if not asked:
        return set()
    organization = path[-1].organization
    figures = {
        pk: BudgetFigures(
            to_units(found.position.spent),
            to_units(found.position.reserved),
            to_units(found.position.limit),
            ZoneInfo(found.budget.timezone),
            None,
        )
        for pk, found in statuses(path, organization, at=now).items()
    }
    said = [
        replace(one, action=ControlAction.NOTIFY, exempt_users=frozenset())
        for one in asked
    ]
    verdict = judge(said, _ANY_CALL, figures.__getitem__, lambda _: None, now)
    return {one.id for one in verdict.acted}


_KNOWN = {*OF_BUDGET, *OF_CLOCK} - {"forecast_probability"}
_NOBODY = Subject("", "", ModelName("", ""), "", "", "", "", "", [])
_ANY_CALL = ProposedCall(_NOBODY, None, 0)


def hangs_on_the_call(rule: Rule) -> bool:
    """Tell whether what is asked for decides whether *rule* holds."""
    return not rule.trigger.names <= {*OF_BUDGET, *OF_CLOCK}
