"""Policies saved, and links opened, by several at once, in real threads.

Each of these fails when the guard it is about is taken out: see its comment.
"""

from dataclasses import replace

import pytest
from django.db import connection
from django.utils import timezone

from accounts.scopes import Role
from accounts.versions import ChangedMeanwhile, version_of
from approvals import trail
from approvals.links import make_link, note_view
from approvals.models import Policy, TrailEntry
from approvals.plans import plan_of
from approvals.policies import save_policy
from approvals.types import SYSTEM, PolicyPlan
from lib.errors import Conflict
from notifications.models import MailedLink
from tests.approvals.factories import NOW, level, make_policy, make_request, person_in
from tests.factories import at_once, make_organization
from tests.sizes import size

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]
HANDS = size(8, 32)


# Without the UPDATE in `policies._hold`, or with the versions compared before it:
# several are saved, and all but the last are lost.
def test_of_many_who_change_one_policy_the_first_is_kept() -> None:
    company = make_organization()
    lead = person_in(company, "lead")
    policy = make_policy(company, level(lead))
    plan, seen = plan_of(policy), [version_of(policy)]

    done = at_once(
        *(
            lambda n=n: save_policy(
                company,
                replace(plan, name=f"By {n}"),
                by=SYSTEM,
                now=NOW,
                policy=Policy.objects.get(pk=policy.pk),
                seen=seen,
            )
            for n in range(HANDS)
        )
    )

    saved = [one for one in done if isinstance(one, Policy)]
    refused = [one for one in done if isinstance(one, ChangedMeanwhile)]
    assert (len(saved), len(refused)) == (1, HANDS - 1), done
    assert Policy.objects.get().name == saved[0].name
    assert list(trail.differences(company)) == []


# Without the refusal of what the database refuses, in `save_policy`: errors.
def test_of_many_policies_made_for_one_place_one_is() -> None:
    company = make_organization()
    lead = person_in(company, "lead")
    plan = PolicyPlan(name="All", levels=[level(lead)])

    done = at_once(
        *(lambda: save_policy(company, plan, by=SYSTEM, now=NOW) for _ in range(HANDS))
    )

    assert Policy.objects.count() == 1
    assert sum(isinstance(one, Policy) for one in done) == 1, done
    assert sum(isinstance(one, Conflict) for one in done) == HANDS - 1, done


# Without the second look in `links.note_view`, under the lock of the trail: several.
def test_of_many_visitors_of_a_kind_at_once_one_is_noted() -> None:
    company = make_organization()
    pm, lead = person_in(company, "pm", Role.BUDGET_OWNER), person_in(company, "lead")
    make_policy(company, level(lead))
    step = make_request(company, pm).steps.get()
    make_link(step, lead, now=timezone.now())
    link = MailedLink.objects.latest("pk")

    done = at_once(
        *(lambda: note_view(link, "browser", by=SYSTEM, now=NOW) for _ in range(HANDS))
    )

    assert sorted(done) == [False] * (HANDS - 1) + [True]
    assert TrailEntry.objects.filter(event="link.viewed").count() == 1
    assert list(trail.differences(company)) == []
