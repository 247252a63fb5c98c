"""FOCUS files, as the API answers them."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from reports.api.exports import ORGANIZATION, TIME, ExportView, parameters_of
from reports.focus.files import FOCUS

Handler = TypeVar("Handler", bound=Callable[..., Any])
_PARAMETERS = [
    *TIME,
    ORGANIZATION,
    *parameters_of(FOCUS),
    OpenApiParameter(
        "X-Unpriced-Records",
        int,
        location=OpenApiParameter.HEADER,
        response=[200],
        description="How many records have no known price, and so no line.",
    ),
]
_WHAT = (
    "What was spent in the time asked for, as FOCUS has it (1.2, with the columns of "
    "later versions that it lacks): a line for each kind of quantity that a record "
    "used, whose costs add up to the record's. What corrects a record takes off what "
    "it was and adds what it is; it is a `Correction` where its month was over. Costs "
    "below zero are a `Credit`. Usage without a known price is left out, and counted "
    "in `X-Unpriced-Records`. Who spent what is personal data: `pseudonymise=true` "
    "has words stand for names."
)


def _schema(extension: str, kind: OpenApiTypes) -> Callable[[Handler], Handler]:
    media_type = FOCUS.formats[extension].content_type
    declare: Callable[[Handler], Handler] = extend_schema(
        operation_id=f"exports_focus_{extension}",
        tags=["exports"],
        summary=f"Export costs in the form of FOCUS, as {extension.upper()}",
        description=_WHAT,
        parameters=_PARAMETERS,
        responses={(200, media_type): kind},
    )
    return declare


class FocusCsv(ExportView):
    """A FOCUS file as CSV, streamed."""

    kind = FOCUS
    extension = "csv"

    @_schema("csv", OpenApiTypes.STR)
    def get(self, request: Request) -> StreamingHttpResponse:
        return self.file(request)


class FocusParquet(ExportView):
    """A FOCUS file as Parquet."""

    kind = FOCUS
    extension = "parquet"

    @_schema("parquet", OpenApiTypes.BINARY)
    def get(self, request: Request) -> StreamingHttpResponse:
        return self.file(request)
