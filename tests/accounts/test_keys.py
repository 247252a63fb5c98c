"""What a process remembers of API keys, and for how long."""

import time
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Organization
from accounts.types import Caller
from lib.errors import Unauthenticated

pytestmark = pytest.mark.django_db


class Clock:
    """Time as keys are remembered by, moved on by hand."""

    ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(keys, "time", clock)
    return clock


@pytest.fixture
def header(acme: Organization) -> str:
    header = f"Bearer {keys.make_key('tests', organization=acme).secret}"
    keys.check(header)
    return header


def test_a_key_that_another_process_revoked_works_no_longer_than_said(
    header: str, clock: Clock
) -> None:
    ApiKey.objects.update(revoked_at=timezone.now())

    assert keys.check(header).name == "key tests"
    clock.ahead = keys.MEMORY_S
    for _ in range(2):
        with pytest.raises(Unauthenticated, match="revoked"):
            keys.check(header)


def test_a_key_that_was_not_used_for_long_is_looked_up_by_every_request(
    header: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ApiKey.objects.update(revoked_at=timezone.now())
    look_up = keys._look_up
    refused = []

    def slowly(header: str) -> Caller:
        monkeypatch.setattr(keys, "_look_up", look_up)
        with pytest.raises(Unauthenticated):
            keys.check(header)  # as other threads do
        refused.append(header)
        return look_up(header)

    monkeypatch.setattr(keys, "_look_up", slowly)
    clock.ahead = 3_600

    with pytest.raises(Unauthenticated):
        keys.check(header)

    assert refused == [header]


def test_look_ups_that_fail_do_not_keep_a_key_alive(
    header: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: str) -> Caller:
        raise OperationalError

    monkeypatch.setattr(keys, "_look_up", fails)
    answered = 0
    for tenth in range(100):
        clock.ahead = keys.MEMORY_S + tenth / 10
        with suppress(OperationalError):
            answered += keys.check(header) is not None

    assert answered <= keys.LOOK_UP_S * 10


def test_one_request_looks_a_key_up_again_for_all_others(
    header: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile: list[Caller] = []
    look_up = keys._look_up

    def slowly(header: str) -> Caller:
        meanwhile.append(keys.check(header))  # as other threads do
        return look_up(header)

    monkeypatch.setattr(keys, "_look_up", slowly)
    clock.ahead = keys.MEMORY_S

    caller = keys.check(header)

    assert [caller] == meanwhile


def test_how_lately_a_key_was_used_is_known_to_the_minute(
    header: str, clock: Clock
) -> None:
    key = ApiKey.objects.get()
    assert key.last_used_at is not None
    earlier = key.last_used_at - timedelta(minutes=5)
    ApiKey.objects.update(last_used_at=earlier)

    clock.ahead = keys.MEMORY_S
    keys.check(header)

    key.refresh_from_db()
    assert key.last_used_at is not None
    assert key.last_used_at > earlier
