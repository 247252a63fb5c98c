"""Where all budgets stand, as files."""

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from accounts.scopes import Scope
from reports.api.exports import ORGANIZATION, ExportView, parameters_of
from reports.budget_sheets import BUDGETS, XLSX

_ABOUT = (
    "A line for each budget, in the tree's order with its path: amount, limit, spent, "
    "reserved, left, the share of the limit, status and owner of the present period."
)
_PARAMETERS = [ORGANIZATION, *parameters_of(BUDGETS)]


class _BudgetSheet(ExportView):
    read_scope = Scope.BUDGETS_READ
    kind = BUDGETS

    def known_parameters(self) -> frozenset[str]:
        return frozenset({"organization_id"} | {one.name for one in BUDGETS.options})


class BudgetsXlsx(_BudgetSheet):
    """All budgets as a workbook."""

    extension = "xlsx"

    @extend_schema(
        operation_id="exports_budgets_xlsx",
        tags=["reports"],
        summary="Export budgets as a workbook",
        description=f"{_ABOUT} Numbers are numbers, and texts never formulas.",
        parameters=_PARAMETERS,
        responses={(200, XLSX): OpenApiTypes.BINARY},
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        return self.file(request)


class BudgetsCsv(_BudgetSheet):
    """All budgets as CSV."""

    extension = "csv"

    @extend_schema(
        operation_id="exports_budgets_csv",
        tags=["reports"],
        summary="Export budgets as CSV",
        description=f"{_ABOUT} Amounts have ten places.",
        parameters=_PARAMETERS,
        responses={(200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        return self.file(request)
