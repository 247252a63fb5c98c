"""What several questions to the ledger have in common, and how the schema has it."""

from django.db.models import Q
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from accounts.access import is_platform, organizations_of
from accounts.api.base import ApiView
from accounts.models import Organization

NOBODY = 0  # no organization's id: only what is for all applies
_SEVERAL = "Several values are separated by commas."
_NAMES = (
    "However it is spelled; a model means its versions, gpt-4* what follows a dash."
)

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
        OpenApiParameter(name, description=f"{_NAMES} {_SEVERAL}")
        for name in ("provider", "model", "user_id")
    ),
    *(
        OpenApiParameter(name, description=_SEVERAL)
        for name in (
            "project_id",
            "department_id",
            "team_id",
            "environment",
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
        "Comma-separated: provider, model, model_version, project, department, team, "
        "environment, user, tag (or project_id and so on)."
    ),
)


def concerning(view: ApiView) -> Q:
    """Return which prices or rates the caller sees: its own, and those for all."""
    if view.request.query_params.get("organization_id"):
        return Q(organization=view.organization()) | Q(organization=None)
    mine = organizations_of(view.caller)
    return Q(organization__in=mine) | Q(organization=None)


def organization_concerned(view: ApiView) -> int:
    """Return whose prices and rates apply: NOBODY for those that are for all.

    A platform key need not name an organization here.
    """
    named = view.request.query_params.get("organization_id")
    if not named and is_platform(view.caller):
        only = list(Organization.objects.values_list("pk", flat=True)[:2])
        return only[0] if len(only) == 1 else NOBODY
    return view.organization().pk
