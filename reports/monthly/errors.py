"""Why a monthly report is not made, not written or not final."""

from lib.errors import Conflict, Invalid


class NoReport(Invalid):
    """There is no monthly report of what was asked for."""

    code = "no_report"


class UnsoundReport(Conflict):
    """Its totals don't add up: it is not made before they do."""

    code = "totals_do_not_add_up"
