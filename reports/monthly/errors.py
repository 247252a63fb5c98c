"""Why a monthly report is not made, not written or not final."""

from lib.errors import Conflict, Invalid


class NoReport(Invalid):
    """There is no monthly report of what was asked for."""

    code = "no_report"


class UnsoundReport(Conflict):
    """Its totals don't add up: it is not made before they do."""

    code = "totals_do_not_add_up"


class NotADraft(Conflict):
    """A report is final, or still in the making."""

    code = "report_is_no_draft"


class CommentsMissing(Conflict):
    """Rows beyond the threshold have no comment."""

    code = "comments_missing"


class TooEarly(Conflict):
    """A month that is not over has no final report."""

    code = "month_is_not_over"


class ChangedSinceDrawn(Conflict):
    """The draft was made anew, or commented, while it was signed."""

    code = "report_changed_meanwhile"
