"""What budgets refuse."""

from lib.errors import Conflict, Forbidden, NotFound


class HasBudgetsBelow(Conflict):
    """A budget can't be archived over the heads of those below it."""

    code = "has_budgets_below"


class NotEnoughLeft(Conflict):
    """More is to be taken from a budget than it has left."""

    code = "not_enough_left"


class IsArchived(Conflict):
    """An archived budget stays as it was."""

    code = "budget_archived"


class NoPeriod(NotFound):
    """The budget had not begun at the moment that is asked about."""

    code = "no_period"


class NotYours(Forbidden):
    """The person may read the budget, and somebody else changes it."""

    code = "not_yours"


class NotOpened(Exception):
    """A template makes a budget for a cost that nobody here knows of yet.

    Roll back, and begin anew with a snapshot that `opens`.
    """


class NoTemplate(Conflict):
    """Only a template has values."""

    code = "no_template"


class TemplateFull(Conflict):
    """A template has as many budgets as it may make."""

    code = "template_full"


class NothingCarried(Conflict):
    """What was carried over is to be taken back, and nothing was."""

    code = "nothing_carried"


class NeedsRequest(Forbidden):
    """More than their own: the person asks for it, and others decide."""

    code = "needs_request"
