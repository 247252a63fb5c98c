"""What alerts refuse."""

from lib.errors import Conflict, NotFound


class AlreadyResolved(Conflict):
    """A resolved alert takes no more answers."""

    code = "alert_resolved"


class AnsweredMeanwhile(Conflict):
    """Somebody else answered the alert after this caller looked at it."""

    code = "alert_answered"


class NotAnAnomalyAlert(Conflict):
    """Only of an unusual day can be said that it was a usual one."""

    code = "alert_not_anomaly"


class BadLink(NotFound):
    """A link that was never made, or is too old."""

    code = "bad_link"
