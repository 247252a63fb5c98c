"""How the questions about costs are described in the OpenAPI schema."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

_SEVERAL = "Several values are separated by commas."

ORGANIZATION = OpenApiParameter(
    "organization_id",
    description=(
        "The organization's slug. A platform key must name it where there are several; "
        "an organization's own key may leave it out."
    ),
)
FILTER_PARAMETERS = [
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
    ORGANIZATION,
    *(
        OpenApiParameter(name, description=_SEVERAL)
        for name in (
            "provider",
            "model",
            "project_id",
            "department_id",
            "team_id",
            "environment",
            "user_id",
        )
    ),
    OpenApiParameter(
        "tag",
        many=True,
        description=(
            "A tag's name, or name:value. Given several times, all must be there; "
            "separated by commas, any will do."
        ),
    ),
]
GROUP_BY = OpenApiParameter(
    "group_by",
    description=(
        "Comma-separated: provider, model, project, department, team, environment, "
        "user, tag (or project_id and so on)."
    ),
)
