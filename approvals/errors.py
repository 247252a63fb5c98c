"""What approvals refuse."""

from lib.errors import Conflict, Forbidden, Invalid


class AlreadyDecided(Conflict):
    """The request, or its step, has ended by now."""

    code = "already_decided"


class ChangedSince(Conflict):
    """The request is another than the one that was looked at."""

    code = "request_changed"


class NotItsTurn(Conflict):
    """The step is not open yet."""

    code = "step_not_open"


class HasSpoken(Conflict):
    """The person has decided about this already."""

    code = "already_spoken"


class NotAsked(Forbidden):
    """Nobody asked this person to decide."""

    code = "not_asked"


class OwnRequest(Forbidden):
    """Nobody decides about what they asked for, not by anybody else's voice either."""

    code = "own_request"


class LogInFirst(Forbidden):
    """The amount is above what is decided without logging in."""

    code = "log_in_first"


class AboveLimit(Forbidden):
    """The amount is above what whoever stands in may decide."""

    code = "above_limit"


class NotYourRequest(Forbidden):
    """Only those whose request it is change it or take it back."""

    code = "not_your_request"


class NobodyDecides(Invalid):
    """A level would have nobody, or too few, to decide it."""

    code = "nobody_decides"


class TooLate(Conflict):
    """What was asked for would be over before it begins."""

    code = "too_late"


class TooMany(Conflict):
    """More requests are open than one person, or one budget, may have."""

    code = "too_many_requests_open"
