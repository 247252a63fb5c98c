"""manage.py create_api_key: make a key and print it, alone, on stdout."""

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accounts.audit import acting_as
from accounts.keys import make_key
from accounts.organizations import organization_for
from accounts.people import person_for
from lib.errors import Refusal
from lib.query_params import listed, moment_of


class Command(BaseCommand):
    help = "Make an API key and print it. It is shown this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what it is for, as lists show it")
        parser.add_argument(
            "--organization",
            metavar="SLUG",
            help="whose key it is, made if unknown (default: a platform key, for all)",
        )
        parser.add_argument(
            "--user",
            metavar="EMAIL",
            help="act as this person, made if unknown, without a password",
        )
        parser.add_argument(
            "--scopes",
            default="",
            metavar="a,b",
            help="what it may be used for (default: everything)",
        )
        parser.add_argument(
            "--expires", metavar="TIME", help="such as 2027-01-01T00:00:00Z"
        )

    def handle(
        self,
        *,
        name: str,
        organization: str | None,
        user: str | None,
        scopes: str,
        expires: str | None,
        **options: Any,
    ) -> None:
        try:
            expires_at = moment_of(expires, "expires") if expires else None
            with transaction.atomic(), acting_as("manage.py create_api_key"):
                key = _make(name, organization, user, listed(scopes), expires_at)
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(key)


def _make(
    name: str,
    slug: str | None,
    email: str | None,
    scopes: list[str],
    expires_at: datetime | None,
) -> str:
    organization = organization_for(slug) if slug else None
    person = person_for(email, organization) if email else None
    return make_key(
        name,
        organization=organization,
        user=person,
        scopes=scopes,
        expires_at=expires_at,
    ).secret
