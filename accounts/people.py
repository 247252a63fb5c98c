"""Who is told when there is nobody else."""

from accounts.models import Membership
from accounts.scopes import Role


def finance_admins(organization_id: int) -> tuple[str, ...]:
    """Return the mail addresses of those who look after the organization's money."""
    rows = Membership.objects.filter(
        organization=organization_id, role=Role.FINANCE_ADMIN, user__is_active=True
    )
    return tuple(rows.order_by("user__email").values_list("user__email", flat=True))
