"""What alerts refuse."""

from lib.errors import Conflict


class AlreadyResolved(Conflict):
    """A resolved alert takes no more answers."""

    code = "alert_resolved"


class AnsweredMeanwhile(Conflict):
    """Somebody else answered the alert after this caller looked at it."""

    code = "alert_answered"


class NotAnAnomalyAlert(Conflict):
    """Only of an unusual day can be said that it was a usual one."""

    code = "alert_not_anomaly"
