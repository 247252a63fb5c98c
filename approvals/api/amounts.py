"""The API of new amounts for many budgets: shape in, service, shape out."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import organization_named
from accounts.api.base import ApiView
from accounts.idempotency import idempotent
from accounts.models import Organization
from accounts.scopes import Scope
from approvals.api.amount_answers import NewAmountsOut, new_amounts_out
from approvals.api.lookups import by_of
from approvals.api.schemas import NewAmountsIn
from approvals.applying import apply_amounts, ways_of
from budgets.api.lookups import budgets_of
from budgets.reallotment import NewAmount
from budgets.validation import sound_amount
from lib.answers import Answered, answers
from lib.errors import Invalid
from lib.lookups import uuid_of


class NewAmounts(ApiView):
    """New amounts for many budgets, such as those that were recommended."""

    write_scope = Scope.BUDGETS_WRITE

    @answers(s200=NewAmountsOut)
    @extend_schema(request=NewAmountsIn)
    @idempotent
    def post(self, request: Request) -> Response:
        """Give budgets new amounts: all of them, or none.

        From the present period on. Raises that a policy has people decide become
        requests of the key's person; what is not theirs to change stays as it is. A
        dry run tells what would become of each.
        """
        shape = NewAmountsIn(data=request.data)
        shape.is_valid(raise_exception=True)
        given: dict[str, Any] = shape.validated_data
        organization = self._organization(given)
        wanted = self._wanted(organization, given["amounts"])
        by = by_of(request, self.caller)
        ways = ways_of(organization, wanted, person=by.person)
        if given["dry_run"]:
            return Answered(new_amounts_out(wanted, ways, None))
        now, reason = timezone.now(), given["reason"]
        done = apply_amounts(organization, wanted, ways, by=by, reason=reason, now=now)
        return Answered(new_amounts_out(wanted, ways, done))

    def _organization(self, given: dict[str, Any]) -> Organization:
        """Return the one that is named, else that of the first budget."""
        slug, key = given.get("organization_id"), uuid_of(given["amounts"][0]["budget"])
        if not slug and key is not None:
            budget = budgets_of(self.caller).filter(uid=key).first()
            if budget is not None:
                return budget.organization
        return organization_named(slug, caller=self.caller)

    def _wanted(
        self, organization: Organization, amounts: Sequence[dict[str, Any]]
    ) -> list[NewAmount]:
        """Return what is sent, with the budgets it names. One query."""
        keys = [uuid_of(one["budget"]) for one in amounts]
        rows = budgets_of(self.caller).filter(
            organization=organization, uid__in=filter(None, keys)
        )
        budgets = {budget.uid: budget for budget in rows.order_by()}
        times = Counter(keys)
        for place, key in enumerate(keys):
            attr = f"amounts.{place}.budget"
            if key not in budgets:
                detail = f"There is no budget {amounts[place]['budget']}."
                raise Invalid.field(attr, detail, code="not_found")
            if times[key] > 1:
                raise Invalid.field(attr, "Is there twice; send one amount for each.")
            unit, attr = budgets[key].currency, f"amounts.{place}.amount"
            sound_amount(amounts[place]["amount"], unit, attr=attr)
        return [
            NewAmount(budgets[key], one["amount"], one.get("version"))
            for key, one in zip(keys, amounts, strict=True)
            if key is not None
        ]
