"""Making sheets, and having a worker do what is due about them."""

import csv
from collections.abc import Mapping, Sequence
from io import BytesIO, StringIO
from typing import Any

from django.utils import timezone
from openpyxl import Workbook

from accounts.models import Organization, User
from accounts.scopes import Role
from bulk.models import BulkChange, BulkKind, BulkStep
from bulk.services import ask_file, confirm, work
from tests.factories import make_person

Table = Sequence[Mapping[str, Any]]


def as_csv(table: Table) -> bytes:
    text = StringIO()
    writer = csv.DictWriter(text, list(table[0]))
    writer.writeheader()
    writer.writerows(table)
    return text.getvalue().encode()


def as_xlsx(table: Table) -> bytes:
    book = Workbook()
    book.active.append(list(table[0]))
    for row in table:
        book.active.append(list(row.values()))
    file = BytesIO()
    book.save(file)
    return file.getvalue()


def finance_of(organization: Organization) -> User:
    email = f"fin@{organization.slug}.example"
    found = User.objects.filter(email=email).first()
    return found or make_person(email, {organization: Role.FINANCE_ADMIN})


def looked_at(
    organization: Organization,
    content: bytes,
    kind: BulkKind = BulkKind.BUDGETS,
    name: str = "plan.csv",
    locale: str = "en_US",
    person: User | None = None,
) -> BulkChange:
    """Upload a file, and have a worker look at it."""
    change = ask_file(
        organization,
        kind,
        content,
        name,
        person=person or finance_of(organization),
        locale=locale,
        now=timezone.now(),
    )
    work(change.pk, clock=timezone.now)
    change.refresh_from_db()
    return change


def confirmed(change: BulkChange, *, skips_faulty: bool = False) -> BulkChange:
    """Confirm a change without having it applied."""
    return confirm(
        change,
        skips_faulty=skips_faulty,
        reason="the plan of the year",
        by="fin@acme.example",
        now=timezone.now(),
    )


def applied(change: BulkChange, *, skips_faulty: bool = False) -> BulkChange:
    """Confirm a change, and have a worker apply it."""
    confirmed(change, skips_faulty=skips_faulty)
    work(change.pk, clock=timezone.now)
    change.refresh_from_db()
    return change


def steps_of(change: BulkChange) -> list[tuple[str, str]]:
    return [(one.label, one.action) for one in change.steps.all()]


def faults_of(change: BulkChange) -> list[tuple[int, str, str]]:
    found = BulkStep.objects.filter(change=change)
    return [tuple(fault) for one in found for fault in one.faults]
