"""Mail, by a real SMTP server."""

import re
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import pytest
from pytest_django import Settings

from notifications.transports import TRANSPORTS, Accepted, TransportError
from tests.notifications.factories import make_message, make_parcel
from tests.notifications.receivers import MailServer, free_port


def send(**fields: Any) -> Accepted:
    return TRANSPORTS["email"](make_parcel(**{"recipient": "ann@acme.com", **fields}))


def part(mail: EmailMessage, kind: str) -> str:
    found = mail.get_body((kind,))
    assert found is not None
    return str(found.get_content()).replace("\r\n", "\n")


def test_a_mail_says_it_all_in_plain_text_and_in_html(mail_server: MailServer) -> None:
    assert send() == Accepted(250)

    (mail,) = mail_server.mails
    message = make_message()
    assert mail["Subject"] == message.title
    assert mail["To"] == "ann@acme.com"
    text, page = part(mail, "plain"), part(mail, "html")
    assert text.startswith(f"Warning: {message.text}\n")
    assert "[#################···] 84 %" in text
    assert "project search <beta>  $3,100.00  (25 %)" in text
    assert "At this pace: $19,400.00" in text
    assert "project search &lt;beta&gt;" in page
    assert "84 %" in page
    for link in message.links:
        assert f"{link.label}:\n{link.url}" in text
        assert page.count(f'href="{link.url}"') == 1
    assert message.reason in text
    assert message.reason in page


def test_a_mail_fetches_nothing_and_is_small(mail_server: MailServer) -> None:
    send()

    page = part(mail_server.mails[0], "html")
    assert not re.search(r"<(img|link|script|iframe|object|video)|url\(|@import", page)
    assert set(re.findall(r'(?:src|href)="([^"]*)"', page)) == {
        link.url for link in make_message().links
    }
    assert "prefers-color-scheme: dark" in page
    assert mail_server.keeping.sizes[0] < 40_000


def test_the_same_mail_at_every_try_has_one_id_and_each_try_its_own(
    mail_server: MailServer,
) -> None:
    send(uid="d1", attempt_uid="a1")
    send(uid="d1", attempt_uid="a2")

    first, second = mail_server.mails
    assert first["Message-ID"] == second["Message-ID"] == "<d1@testserver>"
    assert (first["X-Attempt-Id"], second["X-Attempt-Id"]) == ("a1", "a2")
    assert first["References"] == "<alert-1@testserver>"
    assert first["Auto-Submitted"] == "auto-generated"


def test_several_messages_go_in_one_mail(mail_server: MailServer) -> None:
    messages = (
        make_message(),
        make_message(title="Resolved", text="All is well.", event="resolved", bar=1.5),
    )

    send(messages=messages)

    (mail,) = mail_server.mails
    assert mail["Subject"] == f"2 messages: {messages[0].title}"
    text, page = part(mail, "plain"), part(mail, "html")
    for message in messages:
        assert message.text in text
        assert message.text in page
    assert "Resolved: All is well." in text
    assert "[####################] 150 %" in text


def test_a_templates_words_take_the_sentences_place(mail_server: MailServer) -> None:
    send(template={"text": "{{budget.current}} <gone>"})

    (mail,) = mail_server.mails
    assert "$12,600.00 <gone>" in part(mail, "plain")
    assert "$12,600.00 &lt;gone&gt;" in part(mail, "html")


def test_a_broken_template_is_told_and_the_mail_sent(mail_server: MailServer) -> None:
    assert send(template={"text": "{{nope.x}}"}).note.startswith("Template not used")

    assert make_message().text in part(mail_server.mails[0], "plain")


def test_a_title_of_several_lines_adds_no_header(mail_server: MailServer) -> None:
    send(messages=(make_message(title="One\r\nBcc: eve@example.com"),))

    (mail,) = mail_server.mails
    assert mail["Subject"] == "One Bcc: eve@example.com"
    assert mail["Bcc"] is None


@pytest.mark.parametrize(
    ("answer", "permanent"),
    [("550 No such user", True), ("451 Try again later", False)],
)
def test_what_the_server_answers_is_understood(
    mail_server: MailServer, answer: str, permanent: bool
) -> None:
    mail_server.refuse("ann@acme.com", answer)

    with pytest.raises(TransportError, match=answer[:3]) as caught:
        send()

    assert caught.value.permanent is permanent
    assert caught.value.status == int(answer[:3])


def test_no_server_is_a_passing_fault(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()

    with pytest.raises(TransportError, match="refused") as caught:
        send(at=datetime.now(UTC))

    assert not caught.value.permanent


@pytest.mark.parametrize(
    ("share", "label"),
    [(0.052, "5.2 %"), (0, "0 %"), (0.9946, "99.4 %"), (12.3, "1,230 %")],
)
def test_shares_are_written_as_everywhere(
    mail_server: MailServer, share: float, label: str
) -> None:
    send(messages=(make_message(bar=share),))

    assert f"] {label}" in part(mail_server.mails[0], "plain")
