"""Files of the books, as the API answers them."""

from typing import Any, ClassVar

from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from accounts.api.base import ApiView, Negotiation
from reports.exports import file_name, file_of, order_of
from reports.types import YES_NO, ExportKind

ORGANIZATION = OpenApiParameter(
    "organization_id",
    description=(
        "The organization's slug. A platform key must name it where there are several; "
        "an organization's own key may leave it out."
    ),
)
MONTH = OpenApiParameter("month", description="A whole month, such as 2025-01.")
TIME = [
    OpenApiParameter(
        "start_date",
        OpenApiTypes.DATETIME,
        description="From this moment on; a date, or a time. Without a zone: UTC.",
    ),
    OpenApiParameter(
        "end_date",
        OpenApiTypes.DATETIME,
        description="Before this moment; a bare date includes that whole day.",
    ),
    MONTH,
]


class AsItIs(Negotiation):
    """A file has the one type that its address says; its errors are JSON."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return JSONRenderer(), JSONRenderer.media_type


class ExportView(ApiView):
    """One kind of export in one format; a subclass says which, and what its schema is.

    `query_parameters` are those of the time and the options of the kind.
    """

    kind: ClassVar[ExportKind]
    extension: ClassVar[str]
    content_negotiation_class = AsItIs

    def known_parameters(self) -> frozenset[str]:
        names = {"organization_id", "start_date", "end_date", "month"}
        return frozenset(names | {option.name for option in self.kind.options})

    def file(self, request: Request) -> StreamingHttpResponse:
        """Answer with the file; what it can't have in it stands in headers."""
        kind, extension = self.kind, self.extension
        query = request.query_params
        order = order_of(kind, self.organization(), query, now=timezone.now())
        counts = kind.counts(order)
        response = StreamingHttpResponse(
            file_of(kind, order, extension),
            content_type=kind.formats[extension].content_type,
        )
        name = file_name(kind, order, extension)
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        for words, count in counts.items():
            response[header_of(words)] = str(count)
        return response


def header_of(count: str) -> str:
    """Return the header that tells *count*: X-Unpriced-Records of unpriced_records."""
    return "X-" + "-".join(word.capitalize() for word in count.split("_"))


def parameters_of(kind: ExportKind) -> list[OpenApiParameter]:
    """Return the options of *kind* as the schema has them."""
    return [
        OpenApiParameter(
            option.name,
            bool if option.choices == YES_NO else str,
            description=option.help,
            enum=None if option.choices == YES_NO else option.choices or None,
            default=option.default or None,
        )
        for option in kind.options
    ]
