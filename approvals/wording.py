"""What is said of a request: what it asks for, what that means, how it stands."""

from datetime import datetime
from zoneinfo import ZoneInfo

from approvals.impact import Impact, ImpactLine
from approvals.models import BudgetRequest, Decision, RequestKind, RequestState, Step
from lib.humanize import clock, day_words
from lib.money import format_money

US = "en_US"
_LONGEST_WHY = 600  # characters of a justification in a message


def zone_of(request: BudgetRequest) -> ZoneInfo:
    """Return the time zone that moments of *request* are told in."""
    place = request.place
    return ZoneInfo(place.timezone if place else request.organization.timezone)


def money_of(request: BudgetRequest, locale: str = US) -> str:
    """Write the amount that is decided about."""
    return format_money(request.present_amount, request.currency, locale)


def about(request: BudgetRequest) -> str:
    """Name what it is about: the budget, or what a new one is to be called."""
    return request.budget.name if request.budget else request.name


def asked_by(request: BudgetRequest) -> str:
    """Say who asks, and on whose behalf."""
    who: str = request.requester.email
    behalf = request.on_behalf_of
    return f"{who}, on behalf of {behalf.email}" if behalf else who


def wish_of(request: BudgetRequest, locale: str = US) -> str:
    """Say what is asked for: "$200.00 more for Team until 3 Dec 2026"."""
    money, name, until = money_of(request, locale), about(request), _until(request)
    match RequestKind(request.kind):
        case RequestKind.NEW:
            below = f" below {request.parent.name}" if request.parent else ""
            return f"a new {request.period} budget, {name}, of {money}{below}"
        case RequestKind.TRANSFER:
            source = request.source.name if request.source else ""
            return f"{money} of {source} for {name}"
        case RequestKind.ROLLOVER_EXCEPTION:
            return f"{money} more for {name} in this period, carried over"
        case RequestKind.RULE_EXCEPTION:
            rule = (
                f"the rule “{request.rule_words}”" if request.rule_words else "a rule"
            )
            return f"an exception from {rule} of {name}{until}"
        case RequestKind.RULE_ACTION:
            return f"“{request.rule}” to take effect on {name}{until}"
        case _:
            return f"{money} more for {name}{until}"


def _until(request: BudgetRequest) -> str:
    if request.until is None:
        return ""
    return f" until {clock(request.until, zone_of(request))}"


def sentence_of(request: BudgetRequest, locale: str = US) -> str:
    """Say who asks for what: the one sentence that messages and pages begin with."""
    return f"{request.requester.email} asks for {wish_of(request, locale)}"


def why_of(request: BudgetRequest) -> str:
    """Quote the justification, as much of it as a message has room for."""
    why = " ".join(request.justification.split())
    if len(why) > _LONGEST_WHY:
        why = f"{why[:_LONGEST_WHY].rstrip()}…"
    return f"“{why}”" if why else "No reason was given."


def needed_by(request: BudgetRequest) -> str:
    """Say the day it is needed by; "": whenever."""
    return day_words(request.needed_by, zone_of(request)) if request.needed_by else ""


def needed_words(step: Step, count: int) -> str:
    """Say how many of *count* people have to approve."""
    if count == 1:
        return "nobody else has to approve"
    if step.needed >= count:
        return "all have to approve"
    return f"{step.needed} of {count} {_has(step.needed)} to approve"


def waiting_words(count: int) -> str:
    """Say how many requests wait: "1 request waits for you"."""
    return f"{count} request{' waits' if count == 1 else 's wait'} for you"


def _has(number: int) -> str:
    return "has" if number == 1 else "have"


def moment_of(request: BudgetRequest, at: datetime) -> str:
    """Write a moment in the request's time zone, and which that is."""
    zone = zone_of(request)
    return f"{clock(at, zone)} {zone.key}"


def impact_words(impact: Impact | None, locale: str = US) -> str:
    """Say in one line what it would mean: of the budget that it leaves least."""
    if impact is not None and not impact.amount:
        return "No amount changes."
    lines = impact.lines if impact else ()
    others = [line for line in lines if line.role != "asked"]
    if not lines:
        return "It touches no other budget."
    line = min(others or lines, key=_left)
    then = format_money(line.left_then, line.currency, locale)
    now = format_money(line.left_now, line.currency, locale)
    if line.left_then < 0 and line.role != "asked":
        short = format_money(-line.left_then, line.currency, locale)
        if line.left_now < 0:
            over = format_money(-line.left_now, line.currency, locale)
            return f"{line.name} is {over} over its limit, and would be {short} over."
        return f"{line.name} has {now} left: {short} too little."
    return f"{line.name} would have {then} left instead of {now}."


def _left(line: ImpactLine) -> tuple[bool, object]:
    """Order by what would be left of a limit: budgets may differ in currency."""
    return line.limit_then > 0, line.left_then / (line.limit_then or 1)


_ENDED = {
    RequestState.APPROVED: "approved",
    RequestState.REJECTED: "rejected",
    RequestState.CHANGES_REQUESTED: "sent back: changes are requested",
    RequestState.WITHDRAWN: "taken back by those who asked",
    RequestState.EXPIRED: "over: nobody decided in time",
}


def standing_of(request: BudgetRequest, locale: str = US) -> str:
    """Say how it stands, and who decided what when. One query where it was decided."""
    state = RequestState(request.state)
    if state == RequestState.DRAFT:
        return "Nobody was asked yet: it is a draft."
    if state == RequestState.PENDING:
        return "It waits for a decision."
    words = f"It is {_ENDED[state]}"
    if state == RequestState.APPROVED and request.is_lowered:
        words += f" with {money_of(request, locale)}"
    last = _last_decision(request)
    if last is not None and state not in _BY_NOBODY:
        words += f", by {last[0]} on {moment_of(request, last[1])}"
    elif request.decided_at:
        words += f", since {moment_of(request, request.decided_at)}"
    return f"{words}."


_BY_NOBODY = {RequestState.WITHDRAWN, RequestState.EXPIRED}


def _last_decision(request: BudgetRequest) -> tuple[str, datetime] | None:
    rows = Decision.objects.filter(step__request=request).order_by("-decided_at", "-pk")
    return rows.values_list("person__email", "decided_at").first()
