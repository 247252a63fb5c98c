"""Budgets as they come in over the wire."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from rest_framework import serializers

from accounts.api.fields import ReasonField
from accounts.models import Membership, Organization, User
from budgets.api.amount_schemas import end_named
from budgets.api.thresholds import AlertIn
from budgets.models import Budget, Enforcement, Priority, RolloverMode
from budgets.services import BudgetPlan, plan_of
from budgets.templates import LONGEST_VALUE, MOST_MADE, USUAL_MOST
from lib.errors import Invalid
from lib.measures import MEASURES, MONEY
from lib.money import COUNTED
from lib.periods import Cadence
from lib.query_params import moment_of
from lib.wirefields import ChoiceField, Whole, snake

# Other names that clients use for a field; all names as JavaScript writes them, too.
_ALIASES = {"limit": "amount", "parent_budget": "parent"}


class RolloverIn(Whole):
    """What of a closed period is carried over."""

    mode = ChoiceField(RolloverMode.choices)
    cap = serializers.DecimalField(
        max_digits=7,
        decimal_places=4,
        min_value=Decimal(0),
        allow_null=True,
        required=False,
    )


class TemplateIn(serializers.Serializer[Any]):
    """For what budgets are made: one for each value that is met."""

    for_each = serializers.CharField(
        max_length=300,
        required=False,
        help_text="user, api_key, project, team, department, environment or tag:NAME. "
        "It stays.",
    )
    most = serializers.IntegerField(
        min_value=1,
        max_value=MOST_MADE,
        required=False,
        help_text=f"How many may be in use; {USUAL_MOST:,} where it is left out.",
    )


class OverrideIn(serializers.Serializer[Any]):
    """Another amount for one value of a template."""

    value = serializers.CharField(max_length=LONGEST_VALUE)
    amount = serializers.DecimalField(
        max_digits=30,
        decimal_places=10,
        min_value=Decimal(0),
        allow_null=True,
        help_text="Null: the template's again.",
    )
    reason = ReasonField(help_text="Why it differs; kept on its line.")


class BudgetIn(serializers.Serializer[Any]):
    """A budget as it is sent. `limit` is another name of `amount`, `parent_budget` of
    `parent`; `project_id` stands for a scope of one project. Names are also taken as
    JavaScript writes them: `parentBudget`."""

    name = serializers.CharField(max_length=200)
    amount = serializers.DecimalField(
        max_digits=30, decimal_places=10, min_value=Decimal(0)
    )
    unit = ChoiceField(
        MEASURES,
        required=False,
        help_text="What it counts; as the budget above it. Of tokens and requests "
        "there is no currency: one that is sent is not looked at.",
    )
    currency = serializers.CharField(max_length=8, required=False)
    period = ChoiceField([c.value for c in Cadence], required=False)
    timezone = serializers.CharField(max_length=64, required=False)
    organization_id = serializers.CharField(
        max_length=100, required=False, allow_null=True
    )
    parent = serializers.CharField(  # type: ignore[assignment]  # the wire's name
        max_length=64, required=False, allow_null=True
    )
    project_id = serializers.CharField(
        max_length=200, required=False, allow_null=True, write_only=True
    )
    owner = serializers.EmailField(required=False, allow_null=True)
    note = serializers.CharField(max_length=5_000, required=False, allow_blank=True)
    scope = serializers.JSONField(required=False, allow_null=True)
    warning_threshold = serializers.DecimalField(
        max_digits=7, decimal_places=4, required=False
    )
    critical_threshold = serializers.DecimalField(
        max_digits=7, decimal_places=4, required=False
    )
    alerts = AlertIn(many=True, required=False)
    enforcement = ChoiceField(Enforcement.choices, required=False)
    priority = ChoiceField(Priority.choices, required=False)
    rollover = RolloverIn(required=False, allow_null=True)
    template = TemplateIn(
        required=False,
        allow_null=True,
        help_text="Makes budgets by itself; the amount is each one's.",
    )
    start_date = serializers.CharField(max_length=40, required=False, allow_null=True)
    end_date = serializers.CharField(max_length=40, required=False, allow_null=True)
    reason = ReasonField(help_text="Why the amount is what it is; kept on its line.")

    def to_internal_value(self, data: Any) -> Any:
        """Read other names, and refuse fields there are none of."""
        if isinstance(data, dict):
            data = _with_plain_names(data)
            unknown = {
                str(name): ["Unknown field."]
                for name in data
                if name not in self.fields
            }
            if unknown:
                raise serializers.ValidationError(unknown, code="unknown_field")
        return super().to_internal_value(data)

    @property
    def why(self) -> str:
        return str(self.validated_data.get("reason", ""))

    def plan(
        self, organization: Organization, find: Callable[[str], Budget | None]
    ) -> BudgetPlan:
        """Return the plan that was sent; what was not sent stays as it is.

        Raises:
            Invalid: a budget or person that is named does not exist.
        """
        given = dict(self.validated_data)
        if self.instance is None:
            plan = BudgetPlan(name=given["name"], amount=given["amount"])
        else:
            plan = plan_of(self.instance)
            _keep_organization(given, organization)
        for name in _SAME_NAMES & given.keys():
            setattr(plan, name, given[name])
        if "parent" in given:
            plan.parent = _found(given["parent"], find)
        _set_unit(plan, given)
        if "owner" in given:
            plan.owner = _member(given["owner"], organization)
        if given.get("project_id"):
            plan.scope = _with_project(plan.scope, given["project_id"])
        if "rollover" in given:
            rollover = given["rollover"] or {"mode": RolloverMode.NONE}
            plan.rollover_mode = rollover["mode"]
            plan.rollover_cap = rollover.get("cap")
        if "template" in given:
            _set_template(plan, given["template"])
        _set_dates(plan, given, organization)
        return plan


_SAME_NAMES = frozenset(
    {
        "name",
        "amount",
        "currency",
        "period",
        "timezone",
        "note",
        "scope",
        "warning_threshold",
        "critical_threshold",
        "alerts",
        "enforcement",
        "priority",
    }
)


def _set_unit(plan: BudgetPlan, given: dict[str, Any]) -> None:
    """Have the plan count what was asked for; unless said, what the parent does.

    Raises:
        Invalid: a unit and a currency that contradict each other.
    """
    above = plan.parent.currency if plan.parent else ""
    unit = given.get("unit") or (above if "currency" not in given else None)
    if unit in COUNTED:
        plan.currency = unit
    elif unit == MONEY and plan.currency in COUNTED:
        raise Invalid.field("unit", f"It counts {plan.currency}: make another budget.")


def _with_plain_names(data: dict[Any, Any]) -> dict[Any, Any]:
    plain: dict[Any, Any] = {}
    for name, value in data.items():
        _put(plain, name, snake(name) if isinstance(name, str) else name, value)
    for alias in _ALIASES.keys() & plain.keys():
        _put(plain, alias, _ALIASES[alias], plain.pop(alias))
    return plain


def _put(plain: dict[Any, Any], given: Any, name: Any, value: Any) -> None:
    if name in plain and plain[name] != value:
        detail = f"Differs from {name}; send one of them."
        raise serializers.ValidationError({given: [detail]})
    plain[name] = value


def _keep_organization(given: dict[str, Any], organization: Organization) -> None:
    if given.get("organization_id") not in {None, organization.slug}:
        raise Invalid.field("organization_id", "A budget stays in its organization.")


def _found(uid: str | None, find: Callable[[str], Budget | None]) -> Budget | None:
    if uid is None:
        return None
    found = find(uid)
    if found is None:
        raise Invalid.field("parent", "There is no such budget.", code="not_found")
    return found


def _member(email: str | None, organization: Organization) -> User | None:
    if email is None:
        return None
    membership = Membership.objects.select_related("user").filter(
        organization=organization, user__email=email.lower()
    )
    found = membership.first()
    if found is None:
        detail = f"{email} is not a member of {organization}."
        raise Invalid.field("owner", detail, code="not_found")
    return found.user


def _with_project(scope: Any, project: str) -> Any:
    if not isinstance(scope, dict):
        scope = {}
    if scope.get("projects") not in (None, [], [project]):
        raise Invalid.field("project_id", "Differs from scope.projects; send one.")
    return {**scope, "projects": [project]}


def _set_template(plan: BudgetPlan, given: dict[str, Any] | None) -> None:
    if given is None:
        plan.template_for_each = ""
        return
    if "for_each" not in given and not plan.template_for_each:
        detail = "Say what each of them is for: user, for instance."
        raise Invalid.field("template.for_each", detail, code="required")
    plan.template_for_each = given.get("for_each", plan.template_for_each)
    plan.template_most = given.get("most", plan.template_most)


def _set_dates(
    plan: BudgetPlan, given: dict[str, Any], organization: Organization
) -> None:
    """Read the dates in the budget's zone: bare ones are whole days there."""
    if not {"start_date", "end_date"} & given.keys():
        return
    name = plan.timezone or organization.timezone
    try:
        zone = ZoneInfo(name)
    except (ValueError, OSError) as error:
        detail = f"“{name}” is not a time zone. Use a name such as Europe/Berlin."
        raise Invalid.field("timezone", detail) from error
    if "start_date" in given:
        text = given["start_date"]
        plan.starts_at = moment_of(text, "start_date", zone=zone) if text else None
    if "end_date" in given:
        text = given["end_date"]
        plan.ends_at = end_named(text, "end_date", zone) if text else None
