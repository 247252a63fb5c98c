"""The pages of bulk changes."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts.models import Organization
from budgets.models import Budget
from bulk.models import BulkChange, BulkState
from bulk.services import work
from tests.factories import browser_for, make_tree
from tests.pages import page_at

pytestmark = pytest.mark.django_db
IMPORT = "/admin/bulk/bulkchange/import/"


@pytest.fixture
def finance(acme: Organization) -> Client:
    return browser_for(acme)


def page_of(change: BulkChange) -> str:
    return f"/admin/bulk/bulkchange/{change.pk}/page/"


def test_a_file_is_looked_at_shown_and_applied(
    acme: Organization, finance: Client
) -> None:
    make_tree(acme)
    file = SimpleUploadedFile("plan.csv", b"name,amount\nAcme,2000\nOps,x\n")

    answer = finance.post(
        IMPORT, {"organization": "acme", "kind": "budgets", "file": file}
    )

    change = BulkChange.objects.get()
    assert answer["Location"] == page_of(change)
    assert "being looked at" in page_at(finance, page_of(change)).text
    work(change.pk, clock=timezone.now)
    words = page_at(finance, page_of(change)).text
    assert "1 budget would be changed and 1 can't be applied." in words
    assert "Line 3, amount: “x” is no number" in words
    finance.post(page_of(change), {"reason": "The plan"})
    assert BulkChange.objects.get().state == BulkState.READY
    finance.post(page_of(change), {"reason": "The plan", "skips_faulty": "yes"})
    work(change.pk, clock=timezone.now)
    assert Budget.objects.get(name="Acme").amount == 2000
    assert "1 budget was changed" in page_at(finance, page_of(change)).text
