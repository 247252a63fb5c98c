"""What a process remembers of an organization, as of one revision."""

from typing import Any

import pytest
from django.db import transaction
from django.test import TestCase

from accounts.models import Organization
from accounts.revisions import Revision, RevisionPart, known_revision, open_revision
from tests.factories import make_organization

pytestmark = pytest.mark.django_db

PART: RevisionPart[list[int]] = RevisionPart(lambda revision: [revision.number])


def opened(organization: Organization) -> Revision:
    with TestCase.captureOnCommitCallbacks(execute=True):
        revision = open_revision(organization.pk)
        revision.get(PART)
    return revision


def test_it_is_remembered_with_its_parts(
    acme: Organization, django_assert_num_queries: Any
) -> None:
    revision = opened(acme)

    with django_assert_num_queries(1):
        again = open_revision(acme.pk)

    assert again is revision
    assert again.get(PART) is revision.get(PART)


def test_nothing_is_asked_by_who_says_which_revision(
    acme: Organization, django_assert_num_queries: Any
) -> None:
    revision = opened(acme)

    with django_assert_num_queries(0):
        again = open_revision(acme.pk, revision.number)

    assert again is revision


def test_a_change_drops_all_of_it(acme: Organization) -> None:
    before = opened(acme)
    acme.touch()

    after = opened(acme)

    assert known_revision(acme.pk) is after
    assert after.get(PART) == [before.number + 1]


def test_one_organizations_change_leaves_the_others(acme: Organization) -> None:
    other = opened(make_organization("other"))
    acme.touch()

    opened(acme)

    assert known_revision(other.organization.pk) is other


def test_what_is_rolled_back_is_not_remembered(acme: Organization) -> None:
    with TestCase.captureOnCommitCallbacks(execute=True), transaction.atomic():
        acme.touch()
        open_revision(acme.pk).get(PART)
        transaction.set_rollback(True)

    assert known_revision(acme.pk) is None


def test_a_part_of_what_is_known_is_added_on_commit(acme: Organization) -> None:
    part: RevisionPart[list[int]] = RevisionPart(lambda _: [])
    revision = opened(acme)

    with TestCase.captureOnCommitCallbacks(execute=True):
        first = revision.get(part)
        assert revision.known(part) is None

    assert revision.known(part) is first


def test_a_part_that_was_rolled_back_is_loaded_again(acme: Organization) -> None:
    part: RevisionPart[list[int]] = RevisionPart(lambda _: [])
    revision = opened(acme)

    with TestCase.captureOnCommitCallbacks(execute=True), transaction.atomic():
        revision.get(part)
        transaction.set_rollback(True)

    assert revision.known(part) is None


def test_parts_that_need_one_another_are_loaded_once(acme: Organization) -> None:
    loaded: list[int] = []

    def load(revision: Revision) -> list[int]:
        loaded.append(revision.number)
        return loaded

    inner = RevisionPart(load)
    outer: RevisionPart[list[int]] = RevisionPart(
        lambda revision: [*revision.get(inner)]
    )
    with TestCase.captureOnCommitCallbacks(execute=True):
        revision = open_revision(acme.pk)

        revision.get(inner)
        revision.get(outer)

    assert loaded == [revision.number]
