"""Every page of the admin, beside an organization that has a row of most kinds."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.db import transaction
from django.db.models import Model
from django.urls import reverse
from pytest_django import DjangoDbBlocker

from accounts.models import Organization
from accounts.scopes import Role
from tests.factories import (
    browser_for,
    browser_of,
    make_organization,
    make_person,
)
from tests.filled import fill

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_globex")]


@pytest.fixture(scope="module")
def _globex(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """Fill globex once for all tests here; each takes back what it does beside it."""
    with django_db_blocker.unblock(), transaction.atomic():
        globex = make_organization("globex")
        fill(globex)
        make_person("gus@globex.example", {globex: Role.FINANCE_ADMIN})
        yield
        transaction.set_rollback(True)


def registered() -> list[Any]:
    models = admin.site._registry
    return sorted(models, key=lambda model: str(model._meta))


def pages_of(model: type[Model], page: str, *arguments: object) -> str:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}"
    return reverse(name, args=arguments)


@pytest.mark.parametrize("model", registered(), ids=lambda model: str(model._meta))
def test_every_page_of_every_model_opens(
    model: type[Model], acme: Organization
) -> None:
    root = browser_of(make_person("root@example.com", is_superuser=True))
    declared = admin.site._registry[model]
    row = model._default_manager.first()

    pages = [root.get(pages_of(model, "changelist"), follow=True)]
    request: Any = pages[0].wsgi_request
    if declared.has_add_permission(request):
        pages.append(root.get(pages_of(model, "add")))
    if row is not None:
        pages.append(root.get(pages_of(model, "change", row.pk)))
        pages.append(root.get(pages_of(model, "history", row.pk)))

    assert [page.status_code for page in pages] == [200] * len(pages)
    for page in pages:
        content = page.content.decode()
        assert content.count("<main") == content.count("</main>") == 1
        title = content.partition("<title>")[2].partition("</title>")[0]
        assert title.partition("|")[0].strip()


@pytest.mark.parametrize("model", registered(), ids=lambda model: str(model._meta))
def test_nobody_sees_a_row_of_another_organization(
    model: type[Model], acme: Organization
) -> None:
    theirs = [row for row in model._default_manager.all() if row != acme]
    ann = browser_for(acme, Role.FINANCE_ADMIN)

    listed = ann.get(pages_of(model, "changelist"), follow=True)
    answers = [
        ann.get(pages_of(model, page, row.pk))
        for row in theirs
        for page in ("change", "history")
    ]

    assert b"globex" not in listed.content.lower()
    for answer in answers:
        # The theme leads from a row that is not there to the start.
        assert answer.status_code in {302, 403, 404}
