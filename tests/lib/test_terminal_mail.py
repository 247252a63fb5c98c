"""Mails on the terminal."""

from io import StringIO

from django.core.mail import EmailMultiAlternatives

from lib.terminal_mail import PlainEmailBackend


def test_a_mail_is_printed_as_a_person_reads_it() -> None:
    stream = StringIO()
    mail = EmailMultiAlternatives(
        "ML Team has spent 95 %",
        "It is $950.00 of $1,000.00.\n",
        to=["ann@acme.example"],
    )
    mail.attach_alternative("<p>It is <b>$950.00</b></p>", "text/html")

    sent = PlainEmailBackend(stream=stream).send_messages([mail])

    assert sent == 1
    printed = stream.getvalue()
    assert "Mail to ann@acme.example: ML Team has spent 95 %" in printed
    assert "It is $950.00 of $1,000.00." in printed
    assert "<p>" not in printed
