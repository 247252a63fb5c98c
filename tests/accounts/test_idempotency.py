from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.idempotency import forget_old
from accounts.models import IdempotentAnswer, Organization
from tests.factories import Api, at_once, make_api, make_organization

NEW = {"slug": "new-one", "name": "New"}


def test_the_same_key_and_body_get_the_same_answer(platform: Api) -> None:
    first = platform.post("organizations", NEW, idempotency_key="k1")

    second = platform.post("organizations", NEW, idempotency_key="k1")

    assert first.status == second.status == 201
    assert first.body == second.body
    assert second.headers["Idempotent-Replayed"] == "true"
    assert Organization.objects.filter(slug="new-one").count() == 1


def test_the_same_key_with_another_body_is_a_conflict(platform: Api) -> None:
    platform.post("organizations", NEW, idempotency_key="k1")

    answer = platform.post(
        "organizations", {**NEW, "name": "Else"}, idempotency_key="k1"
    )

    assert answer.status == 409
    assert answer.body["code"] == "idempotency_key_reused"


def test_a_refusal_is_not_remembered(platform: Api) -> None:
    bad = platform.post("organizations", {"slug": "!"}, idempotency_key="k1")

    good = platform.post("organizations", NEW, idempotency_key="k1")

    assert (bad.status, good.status) == (400, 201)


def test_keys_of_different_callers_never_meet(acme: Organization) -> None:
    one, other = make_api(), make_api()
    one.post("organizations", NEW, idempotency_key="k1")

    answer = other.post("organizations", {"slug": "second"}, idempotency_key="k1")

    assert answer.status == 201


@pytest.mark.parametrize("key", ["k" * 256, "k\x00"])
def test_a_key_that_is_none_is_a_400(platform: Api, key: str) -> None:
    assert platform.post("organizations", NEW, idempotency_key=key).status == 400


def test_answers_are_kept_for_a_day(platform: Api) -> None:
    platform.post("organizations", NEW, idempotency_key="k1")
    now = timezone.now()

    early = forget_old(now=now + timedelta(hours=23))
    late = forget_old(now=now + timedelta(hours=25))

    assert (early, late) == (0, 1)
    assert not IdempotentAnswer.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="has one writer at a time")
def test_of_two_at_once_the_second_gets_the_answer_of_the_first() -> None:
    make_organization("acme")
    api = make_api()

    answers = at_once(
        *[lambda: api.post("organizations", NEW, idempotency_key="k1")] * 4
    )

    assert {answer.status for answer in answers} == {201}
    assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 3
