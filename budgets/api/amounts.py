"""The API of what a budget may spend over time: its dated lines, and more of them."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import IF_MATCH, ApiView, tagged
from accounts.idempotency import idempotent
from accounts.permissions import Action
from accounts.scopes import Scope
from accounts.versions import version_of
from budgets.api.amount_answers import (
    BudgetGrantOut,
    BudgetLineOut,
    PhasingOut,
    RolloverPreviewOut,
    WrittenLinesOut,
    grant_out,
    line_out,
    phasing_out,
    rollover_out,
    written_out,
)
from budgets.api.amount_schemas import PhasingIn, RaiseIn, ReasonedIn, TransferIn
from budgets.api.lookups import budget_or_404, budgets_of
from budgets.carrying import preview_rollover, undo_rollover
from budgets.grants import give_grant, grants_of
from budgets.models import AmountLine, Budget
from budgets.permissions import require, require_raise, require_transfer
from budgets.phasing import gives_more, set_phasing
from budgets.temporary import raise_amount, transfer_amount
from lib.answers import Answered, answers
from lib.errors import Invalid
from lib.lookups import row_or_none
from lib.tables import CsvRenderer


class BudgetAmountView(ApiView):
    """A view of what one budget may spend."""

    read_scope = Scope.BUDGETS_READ
    write_scope = Scope.BUDGETS_WRITE

    def budget(self, uid: str) -> Budget:
        return budget_or_404(uid, self.caller)


class BudgetLines(BudgetAmountView):
    """The dated lines of a budget's amount."""

    renderer_classes = [JSONRenderer, CsvRenderer]

    @answers(s200=Sequence[BudgetLineOut])
    @extend_schema(operation_id="budgets_lines_list")
    def get(self, request: Request, uid: str) -> Response:
        """List why a budget may spend what it may: the dated lines, oldest first.

        The amount of a moment is the sum of those with `effective_from` <= the moment
        < `effective_to` (null: for good).
        """
        rows = self.budget(uid).lines.select_related("counterpart")
        return Answered([line_out(row) for row in rows])


class BudgetTransfers(BudgetAmountView):
    """Money from one budget to another."""

    @answers(s201=WrittenLinesOut)
    @extend_schema(request=TransferIn)
    @idempotent
    def post(self, request: Request, uid: str) -> Response:
        """Give money to another budget of the organization, in the present period.

        It is taken at once from what the budget has left; neither amount is changed
        for the periods to come. Owners may transfer below a budget of their own; where
        more would come to its top, it is a request: 403, `needs_request`.
        """
        source = self.budget(uid)
        shape = TransferIn(data=request.data)
        shape.is_valid(raise_exception=True)
        to = row_or_none(budgets_of(self.caller), shape.validated_data["to"])
        if to is None:
            raise Invalid.field("to", "There is no such budget.", code="not_found")
        require_transfer(self.caller, source, to)
        lines = transfer_amount(
            source,
            to,
            shape.validated_data["amount"],
            now=timezone.now(),
            reason=shape.why,
        )
        return Answered(written_out(lines), status=201)


class BudgetRaises(BudgetAmountView):
    """More of one budget for a while."""

    @answers(s201=WrittenLinesOut)
    @extend_schema(request=RaiseIn)
    @idempotent
    def post(self, request: Request, uid: str) -> Response:
        """Let a budget spend more from now until a moment; it ends by itself.

        What is left of it is not carried over. For the topmost budget of an owner's
        own it is a request: 403, `needs_request`.
        """
        budget = self.budget(uid)
        shape = RaiseIn(data=request.data)
        shape.is_valid(raise_exception=True)
        require_raise(self.caller, budget)
        line = raise_amount(
            budget,
            shape.validated_data["amount"],
            until=shape.ends_at(ZoneInfo(budget.timezone)),
            now=timezone.now(),
            reason=shape.why,
        )
        return Answered(written_out([line]), status=201)


class BudgetGrants(BudgetAmountView):
    """Money that one budget may spend once, until a moment."""

    @answers(s200=Sequence[BudgetGrantOut])
    @extend_schema(operation_id="budgets_grants_list")
    def get(self, request: Request, uid: str) -> Response:
        """List a budget's grants, the one that ends first before the others.

        What is used, left and expired of each is its amount together.
        """
        budget = self.budget(uid)
        found = grants_of(budget, now=timezone.now())
        return Answered([grant_out(budget, one) for one in found])

    @answers(s201=WrittenLinesOut)
    @extend_schema(request=RaiseIn)
    @idempotent
    def post(self, request: Request, uid: str) -> Response:
        """Let a budget spend an amount once, in any of its periods until a moment.

        A period's own amount is used before its grants, and the grant that ends first
        before the others; what a period leaves goes on to the next when the sweep has
        closed it. What is left at the end expires. As for a raise, owners ask for it
        for the topmost budget of their own: 403, `needs_request`.
        """
        budget = self.budget(uid)
        shape = RaiseIn(data=request.data)
        shape.is_valid(raise_exception=True)
        require_raise(self.caller, budget)
        lines = give_grant(
            budget,
            shape.validated_data["amount"],
            until=shape.ends_at(ZoneInfo(budget.timezone)),
            now=timezone.now(),
            reason=shape.why,
        )
        return Answered(written_out(lines), status=201)


class BudgetPhasing(BudgetAmountView):
    """What each month or quarter of a budget's fiscal year has."""

    @answers(s200=PhasingOut)
    def get(self, request: Request, uid: str) -> Response:
        """Return how a budget's amount is phased over the fiscal year."""
        return self._answer(self.budget(uid), [])

    @answers(s200=PhasingOut)
    @extend_schema(request=PhasingIn, parameters=[IF_MATCH])
    def put(self, request: Request, uid: str) -> Response:
        """Phase a budget's amount: twelve months, or four quarters, of each year.

        They hold from the present period on, and come back every year; periods that
        are over keep what they had. Where the planned amount is changed later, each
        keeps its share. More than before for the topmost budget of an owner's own, in
        a year or in what is left of this one, is a request: 403, `needs_request`.
        """
        budget = self.budget(uid)
        require(self.caller, Action.CHANGE, budget)
        shape = PhasingIn(data=request.data)
        shape.is_valid(raise_exception=True)
        amounts = shape.amounts_for(budget)
        now = timezone.now()
        if gives_more(budget, amounts, now=now):
            require_raise(self.caller, budget)
        lines = set_phasing(
            budget, amounts, now=now, reason=shape.why, seen=self.seen()
        )
        return self._answer(self.budget(uid), lines)

    def _answer(self, budget: Budget, lines: Sequence[AmountLine]) -> Response:
        found = phasing_out(budget, lines, timezone.now())
        return tagged(Answered(found), version_of(budget))


class BudgetRollover(BudgetAmountView):
    """What goes over from a budget's present period into the next."""

    @answers(s200=RolloverPreviewOut)
    def get(self, request: Request, uid: str) -> Response:
        """Tell what would be carried over if the present period ended now."""
        found = preview_rollover(self.budget(uid), now=timezone.now())
        return Answered(rollover_out(found))


class BudgetRolloverUndo(BudgetAmountView):
    """Taking back what was carried over."""

    @answers(s201=WrittenLinesOut)
    @extend_schema(request=ReasonedIn, operation_id="budgets_rollover_undo")
    @idempotent
    def post(self, request: Request, uid: str) -> Response:
        """Take back what was carried over into the present period, for good.

        A line says so, and late records carry nothing more into it. To take back
        overspend is to have more: as for a raise, owners ask for it for the topmost
        budget of their own.
        """
        budget, now = self.budget(uid), timezone.now()
        shape = ReasonedIn(data=request.data)
        shape.is_valid(raise_exception=True)
        require(self.caller, Action.CHANGE, budget)
        if preview_rollover(budget, now=now).carried_in < 0:
            require_raise(self.caller, budget)
        line = undo_rollover(budget, now=now, reason=shape.why)
        return Answered(written_out([line]), status=201)
