"""Requests, decisions, policies and delegations as they come in over the wire."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.fields import ReasonField
from approvals.models import Outcome, RequestKind
from approvals.policies import MOST_APPROVERS, MOST_LEVELS
from lib.periods import Cadence
from lib.wirefields import ChoiceField, Plain, Whole, WireAmountField

MOST_LINKS = 20
MOST_AMOUNTS = 5_000  # of one call
_MOST_IN_METADATA = 16_000  # characters, as JSON
_PERIODS = [one.value for one in Cadence if one is not Cadence.CUSTOM]
_DAYS = "A bare date includes that whole day, in the organization's zone."


def _budget(words: str) -> serializers.CharField:
    return serializers.CharField(
        max_length=64, required=False, allow_null=True, help_text=words
    )


class RequestLinkIn(Plain):
    """Something to read about it."""

    title = serializers.CharField(max_length=200, allow_blank=True, default="")
    url = serializers.URLField(max_length=2_000)

    def validate_url(self, value: str) -> str:
        if not value.lower().startswith(("https://", "http://")):
            raise serializers.ValidationError("Must begin with https:// or http://.")
        return value


class MetadataField(serializers.DictField):
    """Whatever else is to be kept with a request."""

    def to_internal_value(self, data: Any) -> Any:
        found = super().to_internal_value(data)
        if len(repr(found)) > _MOST_IN_METADATA:
            detail = f"At most {_MOST_IN_METADATA:,} characters; link to what is more."
            raise serializers.ValidationError(detail)
        return found


class BudgetRequestEditIn(Plain):
    """What a request is to say; what is left out stays as it is."""

    shown = frozenset(
        {
            *("id", "state", "kind", "organization_id", "requester", "on_behalf_of"),
            *("filed_by", "budget_name", "approved_amount", "policy", "reason"),
            *("created_at", "changed_at", "submitted_at", "decided_at", "expires_at"),
            *("self_approval", "impact", "steps", "decisions", "trail", "ask_key"),
        }
    )

    budget = _budget("The id of the one it is about; of a transfer: what gets.")
    name = serializers.CharField(
        max_length=200, required=False, allow_blank=True, help_text="Of a new budget."
    )
    scope = serializers.JSONField(
        required=False,
        allow_null=True,
        help_text="Of a new budget, as there; of a rule exception: what it is for.",
    )
    project_id = serializers.CharField(
        max_length=200,
        required=False,
        allow_null=True,
        help_text="Stands for a scope of one project.",
    )
    duration = ChoiceField(
        _PERIODS, required=False, help_text="The period of a new budget."
    )
    period = ChoiceField(
        _PERIODS, required=False, help_text="Another name of duration."
    )
    rule = serializers.CharField(
        max_length=200,
        required=False,
        allow_blank=True,
        help_text="Of a rule exception: the id of a rule of `budget`.",
    )
    until = serializers.CharField(
        max_length=40,
        required=False,
        allow_null=True,
        help_text=f"When a raise or a rule exception ends. {_DAYS}",
    )
    amount = WireAmountField(
        required=False, help_text="By how much more; of a new budget all of it."
    )
    currency = serializers.CharField(max_length=8, required=False)
    justification = serializers.CharField(
        max_length=10_000, required=False, allow_blank=True
    )
    metadata = MetadataField(required=False)
    links = serializers.ListField(
        child=RequestLinkIn(), max_length=MOST_LINKS, required=False
    )
    needed_by = serializers.CharField(
        max_length=40, required=False, allow_null=True, help_text=_DAYS
    )
    approvers = serializers.ListField(
        child=serializers.EmailField(max_length=320),
        max_length=MOST_APPROVERS,
        required=False,
        help_text="Their addresses; none: by the organization's policy.",
    )
    mode = ChoiceField(
        ["parallel", "sequential"],
        required=False,
        help_text="Whether those who are named decide at once, or one after another.",
    )
    revision = serializers.IntegerField(
        min_value=1,
        required=False,
        help_text="The one you read; where there is another by now: 409.",
    )

    def get_fields(self) -> dict[str, Any]:
        # DRF's fields have a parent and a source of their own.
        return {
            **super().get_fields(),
            "parent": _budget("Of a new budget: the id of the one above it."),
            "source": _budget("Of a transfer: the id of the budget that gives."),
        }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        period = attrs.pop("period", None)
        if period and attrs.setdefault("duration", period) != period:
            detail = "Differs from duration; send one of them."
            raise serializers.ValidationError({"period": [detail]})
        return attrs


class BudgetRequestIn(BudgetRequestEditIn):
    """Money that is asked for."""

    shown = BudgetRequestEditIn.shown - {
        *("kind", "organization_id", "requester", "on_behalf_of", "ask_key")
    }

    kind = ChoiceField(
        [one for one in RequestKind.choices if one[0] != RequestKind.RULE_ACTION],
        required=False,
        help_text="Left out: an increase of the budget that is named, else a new one.",
    )
    organization_id = serializers.CharField(
        max_length=100, required=False, allow_null=True
    )
    requester = serializers.EmailField(
        max_length=320,
        required=False,
        help_text="Whose request it is; left out: the key's person.",
    )
    on_behalf_of = serializers.EmailField(
        max_length=320, required=False, allow_null=True
    )
    amount = WireAmountField(
        help_text="By how much more; of a new budget all of it.",
    )
    draft = serializers.BooleanField(
        default=False, help_text="Write it down; nobody is asked before `submit`."
    )
    ask_key = serializers.CharField(
        max_length=200,
        allow_blank=True,
        default="",
        help_text="Equal asks join the open request with the same key: the larger "
        "amount stands.",
    )


class VersionedIn(Plain):
    """Something that is done to a request as it was read."""

    revision = serializers.IntegerField(
        min_value=1,
        required=False,
        help_text="The one you read; where there is another by now: 409.",
    )


class ApprovalDecisionIn(VersionedIn):
    """What the key's person says."""

    shown = frozenset({"request_id"})

    decision = ChoiceField(Outcome.choices)
    comments = serializers.CharField(
        max_length=5_000,
        allow_blank=True,
        default="",
        help_text="Needed, unless it is approved.",
    )
    amount = WireAmountField(
        required=False, allow_null=True, help_text="Approve this much, and no more."
    )
    approver = serializers.EmailField(
        max_length=320,
        required=False,
        allow_null=True,
        help_text="Who you take yourself for: another than the key's person is a 403.",
    )
    step = serializers.CharField(
        max_length=64,
        required=False,
        allow_null=True,
        help_text="The id of the step; left out: the first that is open for you.",
    )


class WithdrawalIn(Plain):
    """Why a request is taken back."""

    reason = serializers.CharField(max_length=5_000, allow_blank=True, default="")


class ReassignmentIn(Plain):
    """Who is asked in whose place."""

    to = serializers.EmailField(max_length=320)
    reason = serializers.CharField(max_length=400)
    step = serializers.CharField(
        max_length=64,
        required=False,
        allow_null=True,
        help_text="The id of the step; left out: the one that asks `from`.",
    )

    def get_fields(self) -> dict[str, Any]:
        # "from" is a word of Python's own.
        return {"from": serializers.EmailField(max_length=320), **super().get_fields()}


@extend_schema_field(
    {"oneOf": [{"type": "integer", "minimum": 1}, {"enum": ["any", "all"]}]}
)
class RequiredField(serializers.Field[int | None, Any, Any, Any]):
    """How many of a level have to approve: a number, "any" (1) or "all" (None)."""

    def to_internal_value(self, data: object) -> int | None:
        if data is None or data == "all":
            return None
        if data == "any":
            return 1
        if isinstance(data, bool) or not isinstance(data, int | str):
            data = ""
        text = str(data)
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 1_000):
            detail = "Must be a number of approvers from 1 on, “any” or “all”."
            raise serializers.ValidationError(detail)
        return int(text)

    def to_representation(self, value: int | None) -> Any:
        return "all" if value is None else value


class ApprovalLevelIn(Whole, Plain):
    """One level of a policy."""

    name = serializers.CharField(max_length=200)
    approvers = serializers.ListField(
        child=serializers.CharField(max_length=320),
        max_length=MOST_APPROVERS,
        help_text="Addresses, role:finance_admin, budget_owner, ancestor_owner:1.",
    )
    min_amount = WireAmountField(
        default=Decimal(0), help_text="From which amount on, in the policy's currency."
    )
    parallel = serializers.BooleanField(
        default=False, help_text="At the same time as the level before it."
    )

    def get_fields(self) -> dict[str, Any]:
        # DRF's fields have a word of their own for this.
        needed = RequiredField(default=1, help_text="A number, “any” (1) or “all”.")
        return {**super().get_fields(), "required": needed}


class ApprovalPolicyIn(Plain):
    """Who has to approve how much."""

    shown = frozenset({"id", "created_at", "budget_name"})

    name = serializers.CharField(max_length=200)
    organization_id = serializers.CharField(
        max_length=100, required=False, allow_null=True
    )
    budget = _budget("The id of the subtree's root; null: the whole organization.")
    currency = serializers.CharField(
        max_length=3, required=False, help_text="Left out: the organization's."
    )
    self_approval_below = WireAmountField(
        required=False,
        allow_null=True,
        help_text="Requests of less than this their own requester may decide.",
    )
    levels = serializers.ListField(
        child=ApprovalLevelIn(), min_length=1, max_length=MOST_LEVELS
    )


class ApprovalPreviewIn(Plain):
    """What somebody would ask for."""

    amount = WireAmountField(min_value=0)
    currency = serializers.CharField(max_length=3, required=False, default="")
    organization_id = serializers.CharField(
        max_length=100, required=False, allow_null=True
    )
    budget = _budget("The id of the one it would be about.")
    requester = serializers.EmailField(
        max_length=320,
        required=False,
        allow_null=True,
        help_text="They are not asked about their own request.",
    )


class DelegationIn(Plain):
    """Who stands in for whom, and when."""

    shown = frozenset({"id", "ended_at", "created_at"})

    delegator = serializers.EmailField(
        max_length=320, required=False, help_text="Left out: the key's person."
    )
    delegate = serializers.EmailField(max_length=320)
    organization_id = serializers.CharField(
        max_length=100, required=False, allow_null=True
    )
    start_date = serializers.CharField(
        max_length=40, required=False, help_text="A moment or a date; left out: now."
    )
    end_date = serializers.CharField(
        max_length=40, help_text=f"Before this moment. {_DAYS}"
    )
    limit = WireAmountField(
        required=False, allow_null=True, help_text="Decide up to this amount."
    )
    currency = serializers.CharField(max_length=3, required=False, default="")
    reason = serializers.CharField(max_length=500, allow_blank=True, default="")


class NewAmountIn(Plain):
    """What a budget is to have a period, in its currency."""

    budget = serializers.CharField(max_length=64, help_text="Its id.")
    amount = WireAmountField(min_value=Decimal(0))
    version = serializers.CharField(
        max_length=20,
        required=False,
        help_text="The one you saw; where there is another by now: 412.",
    )


class NewAmountsIn(Plain):
    """New amounts for budgets of one organization."""

    organization_id = serializers.CharField(max_length=63, required=False)
    amounts = serializers.ListField(
        child=NewAmountIn(), min_length=1, max_length=MOST_AMOUNTS
    )
    reason = ReasonField(required=True, allow_blank=False)
    dry_run = serializers.BooleanField(
        default=False, help_text="Only tell what would become of each."
    )
