"""Links in messages: what they are good for, for how long, and for whom."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import transaction

from accounts.models import Organization
from notifications import mailed_links
from notifications.mailed_links import (
    KEPT,
    BadLink,
    LinkUsed,
    Visit,
    burn,
    forget,
    issue,
    link_of,
    url_of,
    use,
    void,
)
from notifications.models import MailedLink
from notifications.tasks import forget_links_at
from tests.factories import make_organization

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ENDS = NOW + DAY
ANN, BOB = "ann@acme.example", "bob@acme.example"
VISIT = Visit("192.0.2.7", "Mozilla/5.0")
SUBJECT = uuid4()


def make(organization: Organization, person: str = ANN, **values: Any) -> str:
    return issue(
        organization.pk,
        person=person,
        **{
            "purpose": "request",
            "subject": SUBJECT,
            "expires_at": ENDS,
            **values,
        },
    )


def found(token: str, now: datetime = NOW) -> MailedLink:
    return link_of(token, purpose="request", now=now)


def test_only_the_digest_of_a_token_is_kept(acme: Organization) -> None:
    token = make(acme)

    row = MailedLink.objects.values().get()
    assert len(token) == 43  # 256 bits
    assert bytes(row["digest"]) == sha256(token.encode()).digest()
    assert token not in repr(row)


def test_no_two_links_are_alike(acme: Organization) -> None:
    assert len({make(acme) for _ in range(20)}) == 20


def test_a_link_says_what_it_is_for(acme: Organization) -> None:
    link = found(make(acme, revision=3))

    assert (link.organization, link.subject, link.person) == (acme, SUBJECT, ANN)
    assert (link.purpose, link.revision, link.once) == ("request", 3, True)
    assert link.expires_at == ENDS


def test_an_address_is_of_the_site_and_has_the_token(acme: Organization) -> None:
    assert url_of("answer-alert", "abc") == "http://testserver/alerts/abc"


def test_looking_changes_nothing(acme: Organization) -> None:
    token = make(acme)
    before = MailedLink.objects.values().get()

    for _ in range(100):
        found(token)

    assert MailedLink.objects.values().get() == before


def made_up(token: str, link: MailedLink) -> None:
    MailedLink.objects.all().delete()


def expired(token: str, link: MailedLink) -> None:
    MailedLink.objects.update(expires_at=NOW)


def burnt(token: str, link: MailedLink) -> None:
    burn(link, now=NOW, visit=VISIT)


def voided(token: str, link: MailedLink) -> None:
    void(link.organization_id, purpose="request", subject=SUBJECT, now=NOW)


def of_another_purpose(token: str, link: MailedLink) -> None:
    MailedLink.objects.update(purpose="alert")


WRONG = [made_up, expired, burnt, voided, of_another_purpose]


@pytest.mark.parametrize("spoil", WRONG)
def test_whatever_is_wrong_the_answer_is_the_same(
    acme: Organization,
    spoil: Callable[[str, MailedLink], None],
    django_assert_num_queries: Any,
) -> None:
    token = make(acme)
    spoil(token, found(token))

    with django_assert_num_queries(1), pytest.raises(BadLink) as refused:
        found(token)

    assert str(refused.value).startswith("This link does not work.")
    assert str(refused.value) == str(BadLink())


@pytest.mark.parametrize("spoil", [expired, burnt, voided])
def test_what_goes_wrong_after_the_look_stops_the_use(
    acme: Organization, spoil: Callable[[str, MailedLink], None]
) -> None:
    token = make(acme)
    link = found(token)
    spoil(token, link)

    with pytest.raises(BadLink):
        use(link, now=NOW, visit=VISIT)

    assert MailedLink.objects.get().used_at is None


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "A" * 5_000, "ü", "\x00"])
def test_a_forged_token_leads_nowhere(acme: Organization, token: str) -> None:
    make(acme)

    with pytest.raises(BadLink):
        found(token)


def test_the_last_instant_is_the_one_before_the_end(acme: Organization) -> None:
    token = make(acme)

    assert found(token, ENDS - timedelta(microseconds=1))
    with pytest.raises(BadLink):
        found(token, ENDS)


def test_a_use_keeps_when_and_from_where(acme: Organization) -> None:
    token = make(acme)

    use(found(token), now=NOW, visit=Visit("2001:db8::1", "x" * 1_000))

    link = MailedLink.objects.get()
    assert (link.used_at, link.address) == (NOW, "2001:db8::1")
    assert link.agent == "x" * 300


def test_a_link_is_used_once(acme: Organization) -> None:
    token = make(acme)
    use(found(token), now=NOW, visit=VISIT)

    link = found(token, NOW + DAY / 2)  # its page can still be looked at
    with pytest.raises(LinkUsed):
        use(link, now=NOW + DAY / 2, visit=Visit("192.0.2.99"))

    link.refresh_from_db()
    assert (link.used_at, link.address) == (NOW, "192.0.2.7")


def test_a_link_that_lasts_is_used_until_it_ends(acme: Organization) -> None:
    token = make(acme, once=False)

    for hours in (0, 23):
        use(found(token), now=NOW + timedelta(hours=hours), visit=VISIT)

    link = MailedLink.objects.get()
    assert link.used_at == NOW + timedelta(hours=23)
    with pytest.raises(BadLink):
        use(link, now=ENDS, visit=VISIT)


def test_a_use_is_undone_with_what_it_was_for(acme: Organization) -> None:
    token = make(acme)

    def act() -> None:
        with transaction.atomic():
            use(found(token), now=NOW, visit=VISIT)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        act()

    use(found(token), now=NOW, visit=VISIT)


def test_a_burnt_link_keeps_who_burnt_it(
    acme: Organization, caplog: pytest.LogCaptureFixture
) -> None:
    token = make(acme)
    link = found(token)

    burn(link, now=NOW, visit=VISIT)
    burn(link, now=NOW + DAY / 2, visit=Visit("192.0.2.99"))

    row = MailedLink.objects.get()
    assert (row.burnt_at, row.address, row.agent) == (NOW, "192.0.2.7", "Mozilla/5.0")
    assert row.used_at is None
    assert len(caplog.records) == 1
    assert token not in caplog.text
    assert ANN not in caplog.text


@pytest.mark.parametrize(
    ("which", "left"),
    [
        pytest.param({}, set(), id="all"),
        pytest.param({"person": ANN}, {(BOB, 1), (BOB, 2)}, id="one person's"),
        pytest.param({"before_revision": 2}, {(ANN, 2), (BOB, 2)}, id="old revisions"),
        pytest.param({"person": BOB, "before_revision": 1}, None, id="none"),
    ],
)
def test_links_are_taken_back(
    acme: Organization, which: dict[str, Any], left: set[tuple[str, int]] | None
) -> None:
    every = {(person, number) for person in (ANN, BOB) for number in (1, 2)}
    left = every if left is None else left
    for person, number in sorted(every):
        make(acme, person, revision=number)

    taken = void(acme.pk, purpose="request", subject=SUBJECT, now=NOW, **which)

    rows = MailedLink.objects.open(NOW).values_list("person", "revision")
    assert set(rows) == left
    assert taken == len(every) - len(left)


def test_links_to_something_else_are_not_taken_back(acme: Organization) -> None:
    globex = make_organization("globex")
    make(acme, subject=UUID(int=1))
    make(acme, purpose="alert")
    make(globex)

    taken = void(acme.pk, purpose="request", subject=SUBJECT, now=NOW)

    assert taken == 0
    assert MailedLink.objects.filter(voided_at=None).count() == 3


@pytest.mark.parametrize(
    ("ended", "gone"),
    [
        pytest.param(KEPT - timedelta(microseconds=1), 0, id="not long ago"),
        pytest.param(KEPT, 1, id="long ago"),
    ],
)
def test_links_are_forgotten(acme: Organization, ended: timedelta, gone: int) -> None:
    make(acme, expires_at=NOW - ended)
    make(acme)

    told = forget_links_at(NOW)

    assert told == (
        f"Forgot {gone} mailed links and 0 attachments that ended long ago."
    )
    assert MailedLink.objects.count() == 2 - gone
    assert MailedLink.objects.filter(expires_at=ENDS).exists()


def test_many_links_are_forgotten_some_at_a_time(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailed_links, "_AT_ONCE", 2)
    for _ in range(5):
        make(acme, expires_at=NOW - KEPT)

    assert forget(NOW) == 5
