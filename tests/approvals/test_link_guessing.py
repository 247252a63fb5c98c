"""Who tries tokens learns nothing: not by the answer, nor by how long it takes.

What is compared is the time that the thread worked, at best: what else the machine does
meanwhile says nothing of the tokens.
"""

from datetime import timedelta
from time import thread_time
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Organization
from accounts.scopes import Role
from approvals.links import PURPOSE
from approvals.models import BudgetRequest
from notifications.mailed_links import issue
from notifications.models import MailedLink
from tests.approvals.factories import asks, person_in
from tests.factories import make_budget
from tests.pages import words_of
from tests.sizes import size

pytestmark = pytest.mark.django_db
ROUNDS = size(20, 200)
EQUAL_ENOUGH = 1.6  # of the slowest to the quickest


def test_a_token_that_leads_nowhere_takes_as_long_whatever_is_wrong_with_it(
    acme: Organization,
) -> None:
    cfo = person_in(acme, "cfo", Role.FINANCE_ADMIN)
    asked = asks(person_in(acme, "pm", Role.BUDGET_OWNER), make_budget(acme))
    step, now = asked.steps.get(), timezone.now()

    def made(purpose: str = PURPOSE, **columns: Any) -> str:
        token = issue(
            acme.pk,
            purpose=purpose,
            subject=step.uid,
            revision=1,
            person=cfo.email,
            expires_at=now + timedelta(days=1),
        )
        MailedLink.objects.filter(pk=MailedLink.objects.latest("pk").pk).update(
            **{"purpose": purpose, **columns}
        )
        return token

    live = made()
    wrong = {
        "forged": "A" * len(live),
        "a letter changed": live[:-1] + ("A" if live[-1] != "A" else "B"),
        "truncated": live[:-1],
        "with more behind it": live + live,
        "another purpose's": made("alert"),
        "expired": made(expires_at=now - timedelta(days=1)),
        "taken back": made(voided_at=now),
        "burnt": made(burnt_at=now),
        "of no step": uuid4().hex,
    }
    browser = Client(enforce_csrf_checks=True)
    took: dict[str, list[float]] = {kind: [] for kind in wrong}
    answers = set()

    for method in (browser.get, browser.post):
        for token in wrong.values():
            with CaptureQueriesContext(connection) as queries:
                answer: Any = method(f"/approvals/{token}", {"answer": "approve"})
            answers.add((answer.status_code, words_of(answer.content.decode())))
            assert len(queries) == 1
    for _ in range(ROUNDS):
        for kind, token in wrong.items():
            began = thread_time()
            browser.get(f"/approvals/{token}")
            took[kind].append(thread_time() - began)

    assert len(answers) == 1
    quick = {kind: min(times) for kind, times in took.items()}
    assert max(quick.values()) < EQUAL_ENOUGH * min(quick.values()), quick
    assert browser.get(f"/approvals/{live}").status_code == 200
    assert BudgetRequest.objects.get().state == "pending"
