"""Whether the amount of a budget is a hard limit: by choice, or by a rule.

Rules lie above this floor. Whoever sets one that stops all calls at the whole amount
notes it here: without money set aside, calls that come together would all pass it.
"""

from budgets.models import Budget, Enforcement
from budgets.reservations.rehold import rehold
from lib.errors import Invalid


def note_stop(budget: Budget, trigger: str) -> None:
    """Note which rule stops calls at the amount of *budget*; "": none does any more.

    While there is one the limit is hard, and so it stays when the rule is gone. Call it
    in a transaction that holds the organization alone.
    """
    is_soft = bool(trigger) and budget.enforcement != Enforcement.HARD
    if budget.hard_stop == trigger and not is_soft:
        return
    if is_soft and budget.template_of_id:
        raise Invalid.field(
            "rules",
            f"“{budget.name}” has a soft limit, as its template has. Make that hard, "
            "which stops calls at the amount too.",
            code="of_template",
        )
    budget.hard_stop = trigger
    if is_soft:
        budget.enforcement = Enforcement.HARD
        budget.give_reason(f"a rule stops calls: {trigger}")
    budget.save(update_fields=["hard_stop", "enforcement"])
    budget.organization.touch()
    if is_soft:
        rehold(budget.organization)


def sound_enforcement(budget: Budget, wanted: str) -> str:
    """Return what is *wanted*, if no rule says otherwise.

    Raises:
        Invalid: a rule stops calls at the amount, so the limit stays hard.
    """
    if budget.hard_stop and wanted != Enforcement.HARD:
        raise Invalid.field(
            "enforcement",
            f"A rule blocks calls at the whole amount ({budget.hard_stop}), so the "
            "limit is hard. Remove the rule first.",
            code="hard_stop",
        )
    return wanted
