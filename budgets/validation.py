"""What a budget may be: checks of its fields that no constraint can say."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Max

from accounts.models import Organization
from budgets.models import Budget
from budgets.scopes import clean as clean_scope
from budgets.templates import MOST_MADE, USUAL_MOST, ForEach
from ledger.pricing import PriceBook
from ledger.rates import currency_named
from lib.errors import FieldError, Invalid
from lib.measures import measure_of
from lib.money import COUNTED, MOST_SHARE, NO_SHARE
from notifications.services import refuse_unknown

MOST_AMOUNT = Decimal(10) ** 15
MOST_LEVELS = 50  # of a tree: each call locks the periods of all that are above
# By the functions here and the services, or by who hands it in. For the organization
# and the parent, validation would ask the database whether they exist.
_CHECKED_ELSEWHERE = [
    *("organization", "parent", "starts_at", "ends_at", "scope", "alerts", "note")
]


def path_of(budget: Budget) -> list[int]:
    """Return the ids from *budget* up to its root, by parents: they can't be stale."""
    path = [budget.pk]
    parent_id = budget.parent_id
    while parent_id is not None:
        path.append(parent_id)
        parent_id = Budget.objects.values_list("parent_id", flat=True).get(pk=parent_id)
    return path


def sound_amount(
    amount: Decimal, currency: str = "", *, attr: str = "amount"
) -> Decimal:
    if not amount.is_finite() or not 0 <= amount < MOST_AMOUNT:
        raise Invalid.field(attr, f"Must be from 0 to {MOST_AMOUNT:,}.")
    if amount != round(amount, 10):
        raise Invalid.field(attr, "At most ten decimal places.")
    if currency in COUNTED and amount != round(amount):
        raise Invalid.field(attr, f"Must be a whole number of {currency}.")
    return amount


def known_currency(currency: str) -> str:
    code = currency_named(currency)
    if code is None:
        detail = "Unknown currency; use an ISO 4217 code such as USD."
        raise Invalid.field("currency", detail, code="unknown_currency")
    return code


def sound_currency(currency: str, organization: Organization) -> str:
    code = known_currency(currency)
    if code != organization.currency:
        try:
            PriceBook(organization.pk).first_rate(organization.currency, code)
        except LookupError as error:
            raise Invalid.field(
                "currency",
                f"There is no exchange rate from {organization.currency} to "
                f"{code}. Enter one first.",
                code="no_rate",
            ) from error
    return code


def sound_counted(currency: str, organization: Organization) -> str:
    """Return the currency, or what is counted in place of money."""
    if currency in COUNTED:
        return currency
    return sound_currency(currency, organization)


def check_own_amount(budget: Budget, attr: str) -> None:
    """Refuse what is about the amount of a template itself, which binds nobody."""
    if budget.is_template:
        raise Invalid.field(
            attr,
            f"“{budget.name}” is a template: calls are held against the budgets it "
            "made. Choose one of these, or change the amount of all on its page.",
            code="is_template",
        )


def sound_parent(budget: Budget, wanted: Budget | None) -> Budget | None:
    if wanted is None:
        return None
    own = Budget.objects.filter(organization=budget.organization_id)
    parent = own.filter(pk=wanted.pk).first()
    if parent is None:
        raise Invalid.field("parent", "There is no such budget.", code="not_found")
    check_parent(budget, parent, path_of(parent), _levels_below(budget))
    return parent


def check_parent(
    budget: Budget, parent: Budget, path: Sequence[int], below: int
) -> None:
    """Refuse to have *budget* under *parent*, whose *path* of ids leads from it to the
    root, where *below* levels are below *budget*. No query.

    Raises:
        Invalid: it can't be there.
    """
    if parent.archived_at:
        raise Invalid.field("parent", f"“{parent.name}” is archived.")
    if budget.template_of_id != parent.pk:
        check_place(parent)
    if budget.pk is not None and budget.pk in path:
        raise Invalid.field(
            "parent",
            f"“{parent.name}” is “{budget.name}” itself or below it.",
            code="cycle",
        )
    if budget.unit != parent.unit:
        raise Invalid.field(
            "parent",
            f"“{parent.name}” counts {parent.unit}, and “{budget.name}” {budget.unit}: "
            "budgets above one another count the same.",
            code="other_unit",
        )
    _check_depth(budget, parent, len(path), below)


def check_place(parent: Budget) -> None:
    """Refuse to have anything made by hand below a template, or what it made.

    Raises:
        Invalid: *parent* is one of these.
    """
    if parent.is_template:
        raise Invalid.field(
            "parent",
            f"“{parent.name}” makes the budgets below it itself. Choose a budget above "
            "it, or give one value its own amount there.",
            code="is_template",
        )
    if parent.template_of_id:
        raise Invalid.field(
            "parent",
            f"“{parent.name}” is made by a template, and nothing lies below it. Choose "
            "a budget above the template.",
            code="is_made",
        )


def check_unit(budget: Budget, currency: str) -> None:
    """Refuse to have a budget that is there count something else from now on."""
    if budget.pk is not None and measure_of(currency) != budget.unit:
        raise Invalid.field(
            "unit",
            f"“{budget.name}” counts {budget.unit}, and so does its history: make "
            "another budget instead.",
            code="unit_is_fixed",
        )


def _levels_below(budget: Budget) -> int:
    if budget.pk is None:
        return 0
    deepest = budget.get_descendants().aggregate(deepest=Max("level"))["deepest"]
    return (deepest or budget.level) - budget.level


def _check_depth(budget: Budget, parent: Budget, above: int, below: int) -> None:
    """Refuse what would be too deep a tree; one that is already may stay as it is.

    Raises:
        Invalid: *budget*, or what is below it, would be on too deep a level.
    """
    if budget.pk is not None and budget.parent_id == parent.pk:
        return
    # What a template makes lies below it.
    levels = above + 1 + max(below, int(budget.is_template))
    if levels > MOST_LEVELS:
        raise Invalid.field(
            "parent",
            f"The tree would have {levels} levels; at most {MOST_LEVELS} are kept. "
            "Choose a parent further up.",
            code="too_deep",
        )


def sound_template(budget: Budget, for_each: str, most: int | None) -> int | None:
    """Return how many budgets *budget* may make; None: it is no template.

    Raises:
        Invalid: it can't be one of this kind, or no longer be of another.
    """
    if budget.pk is not None and for_each != budget.template_for_each:
        raise Invalid.field(
            "template.for_each",
            "What a budget is for stays as it is. Make another one, and archive this.",
        )
    if not for_each:
        return None
    try:
        ForEach.of(for_each)
    except ValueError as error:
        raise Invalid.field("template.for_each", str(error)) from error
    most = USUAL_MOST if most is None else most
    if not 1 <= most <= MOST_MADE:
        detail = f"Must be a number of budgets from 1 to {MOST_MADE:,}."
        raise Invalid.field("template.most", detail)
    if most < (budget.template_most or 0) and most < (made := budget.made_in_use):
        detail = f"{made:,} of its budgets are in use: archive some of them first."
        raise Invalid.field("template.most", detail, code="too_many")
    return most


def check_followed(budget: Budget, wanted: Mapping[str, Any]) -> None:
    """Refuse what a budget that was made can't have otherwise than its template.

    Raises:
        Invalid: *wanted*, by field of the model, has something else.
    """
    for name, value in wanted.items():
        if value != getattr(budget, name):
            attr = _WIRE_NAMES.get(name, name)
            raise Invalid.field(
                attr,
                f"“{budget.name}” has this of its template. Change it there, for all.",
                code="of_template",
            )


_WIRE_NAMES = {"starts_at": "start_date", "ends_at": "end_date"}


def sound_scope(scope: Any) -> dict[str, Any]:
    try:
        return clean_scope(scope)
    except ValueError as error:
        attr, detail = error.args
        raise Invalid.field(attr, detail) from error


def check_channels(budget: Budget, alerts: Sequence[Mapping[str, Any]]) -> None:
    """Refuse channels that lead nowhere, but for those that the budget has already."""
    known = {name for one in budget.alerts for name in one.get("channels", ())}
    places = [
        (f"alerts.{place}.channels.{number}", name)
        for place, one in enumerate(alerts)
        for number, name in enumerate(one.get("channels", ()))
        if name not in known
    ]
    refuse_unknown(budget.organization_id, places)


def check_fields(budget: Budget) -> None:
    """Run the model's own validation, with the wire's words for what is wrong."""
    try:
        budget.clean_fields(exclude=_CHECKED_ELSEWHERE)
    except ValidationError as error:
        errors = tuple(
            FieldError(name, "invalid", message)
            for name, messages in error.message_dict.items()
            for message in messages
        )
        raise Invalid(errors[0].detail, errors=errors) from error
    if budget.warning_threshold <= 0:
        raise Invalid.field("warning_threshold", "Must be more than 0.")
    for name in ("warning_threshold", "critical_threshold"):
        if getattr(budget, name) > MOST_SHARE:
            raise Invalid.field(name, NO_SHARE)
    if budget.critical_threshold < budget.warning_threshold:
        detail = "Must not be below the warning threshold."
        raise Invalid.field("critical_threshold", detail)
    if budget.rollover_cap is not None and budget.rollover_cap < 0:
        raise Invalid.field("rollover_cap", "Must not be negative.")
