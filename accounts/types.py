"""Plain values that cross the edge of accounts."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Caller:
    """A checked API key: who asks and what it may do."""

    key_id: int
    name: str  # "key NAME", or the person's email; as it stands in histories
    organization_id: int | None  # None: a platform key
    organization_slug: str | None
    scopes: frozenset[str]
    user_id: int | None
    expires_at: datetime | None
    key_prefix: str = ""  # what people know the key by

    @property
    def is_authenticated(self) -> bool:
        """True: DRF asks it of whatever stands in request.user."""
        return True

    @property
    def why_no_other(self) -> str:
        """Why nothing of another organization is to be had, and what would help."""
        return (
            "This API key belongs to another organization: its own is "
            f"{self.organization_slug}. A platform key, which manage.py create_api_key "
            "makes without --organization, reads all and compares them."
        )


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made; *secret* is never to be had again."""

    key_id: int
    secret: str
