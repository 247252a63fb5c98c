"""Plain makers of what tests begin with. The ledger is filled through the pipeline."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from accounts import keys
from accounts.models import Organization, User
from intake.pipeline import take
from ledger.types import Outcome
from ledger.usage import Usage, check, decode_one

NOON = datetime(2025, 1, 15, 12, tzinfo=UTC)


def make_organization(slug: str = "acme", **overrides: Any) -> Organization:
    return Organization.objects.create(slug=slug, **{"name": slug.title(), **overrides})


def make_key(
    *scopes: str,
    organization: Organization | None = None,
    user: User | None = None,
    name: str = "tests",
) -> str:
    """Return the secret of a new key; without *scopes* it carries all of them."""
    made = keys.make_key(name, organization=organization, user=user, scopes=scopes)
    return made.secret


def usage_record(**overrides: Any) -> dict[str, Any]:
    """Return a usage record as a client sends it: 0.0125 USD by the list price."""
    return {
        "id": "u1",
        "timestamp": NOON.isoformat(),
        "provider": "openai",
        "model": "gpt-4o",
        "input_tokens": 1000,
        "output_tokens": 1000,
        **overrides,
    }


def report(organization: Organization, *records: dict[str, Any]) -> Sequence[Outcome]:
    """Book *records* of *organization*"""
    usage: list[Usage] = []
    for record in records:
        usage.append(decode_one(msgspec.json.encode(record)))
        assert check(usage[-1]) == ()
    return take(organization.pk, usage)
