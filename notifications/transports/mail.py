"""Mail: readable as plain text, good in the dark, nothing fetched from anywhere."""

import smtplib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from email.encoders import encode_base64
from email.mime.base import MIMEBase
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from lib.money import format_percent
from notifications.templating import worded
from notifications.transports.base import (
    Accepted,
    Enclosed,
    Parcel,
    TransportError,
    color_of,
)
from notifications.types import Link, Message

_TAKEN = 250  # SMTP's word for yes
_BAR = 20  # characters
# By severity: a word and a shape.
_MARKS = {
    "info": ("Information", "●"),
    "warning": ("Warning", "▲"),
    "critical": ("Critical", "■"),
}
# Of what is no warning: by what happened.
_EVENT_MARKS = {
    "feed": ("Report", "●"),
    "resolved": ("Resolved", "✓"),
    "asked": ("To decide", "◆"),
    "waiting": ("To decide", "◆"),
    "approved": ("Approved", "✓"),
    "rejected": ("Rejected", "■"),
    "changes_requested": ("Changes requested", "▲"),
}


@dataclass(frozen=True, slots=True)
class _Bar:
    """A share, drawn: `width` is a percentage, `text` the same for a terminal."""

    label: str
    width: int
    text: str


@dataclass(frozen=True, slots=True)
class _Part:
    """One message as the templates need it."""

    message: Message
    text: str
    word: str
    shape: str  # so that no one has to tell colours apart
    color: str
    bar: _Bar | None
    buttons: tuple[Link, ...]
    further: tuple[Link, ...]


def send(parcel: Parcel) -> Accepted:
    """Hand the mail over to the SMTP server."""
    parts, problems = [], []
    for message in parcel.messages:
        wording = worded(message, parcel.template)
        parts.append(_part(message, wording.text))
        problems.append(wording.problem)
    mail = _mail(parcel, parts)
    try:
        mail.send()
    except smtplib.SMTPException as error:
        raise _refused(error) from error
    except OSError as error:
        raise TransportError(f"No mail server: {_reason(error)}.") from error
    return Accepted(_TAKEN, next(filter(None, problems), ""))


def _mail(parcel: Parcel, parts: list[_Part]) -> EmailMultiAlternatives:
    subject = subject_of(parcel.messages)
    context = {"parts": parts, "subject": subject}
    domain = urlsplit(settings.SITE_URL).hostname or "localhost"
    mail = EmailMultiAlternatives(
        subject=subject,
        body=render_to_string("notifications/mail.txt", context),
        to=[parcel.recipient],
        headers={
            "Message-ID": f"<{parcel.uid}@{domain}>",
            # What is about one thing is shown as one conversation.
            "References": f"<{parcel.message.subject}@{domain}>",
            "X-Attempt-Id": parcel.attempt_uid,
            "Auto-Submitted": "auto-generated",
            **_unsubscribing(parcel.messages),
        },
    )
    page = render_to_string("notifications/mail.html", context)
    mail.attach_alternative(page, "text/html")
    for file in parcel.enclosed:
        mail.attach(_attachment(file))
    return mail


def _attachment(file: Enclosed) -> MIMEBase:
    """Return *file* as it arrives byte by byte: text would get other line ends."""
    main, _, rest = file.content_type.partition(";")[0].partition("/")
    part = MIMEBase(main, rest)
    part.set_payload(file.body)
    encode_base64(part)
    part.add_header("Content-Disposition", "attachment", filename=file.name)
    return part


def _unsubscribing(messages: tuple[Message, ...]) -> dict[str, str]:
    """Return what lets a mail program stop more of the kind by one POST (RFC 8058).

    Of digests and feeds alone: nobody is to stop being asked, or told of what happened.
    """
    first, *others = messages
    if others or not first.unsubscribe:
        return {}
    return {
        "List-Unsubscribe": f"<{first.unsubscribe}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def subject_of(messages: tuple[Message, ...]) -> str:
    first = " ".join(messages[0].title.split())
    return first if len(messages) == 1 else f"{len(messages)} messages: {first}"


def _part(message: Message, text: str) -> _Part:
    mark = _EVENT_MARKS.get(message.event) or _MARKS[message.severity]
    return _Part(
        message,
        text,
        *mark,
        color_of(message),
        None if message.bar is None else _bar(message.bar),
        message.links[:2],
        message.links[2:],
    )


def _bar(share: float) -> _Bar:
    filled = min(max(round(share * _BAR), 0), _BAR)
    drawn = "#" * filled + "·" * (_BAR - filled)
    label = format_percent(Decimal(str(share))).replace("\N{NO-BREAK SPACE}", " ")
    return _Bar(label, min(max(round(share * 100), 1), 100), f"[{drawn}] {label}")


def _refused(error: smtplib.SMTPException) -> TransportError:
    status: int | None = None
    said: bytes | str = ""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        answers: Mapping[str, Any] = error.recipients
        status, said = next(iter(answers.values()))
    elif isinstance(error, smtplib.SMTPResponseException):
        status, said = error.smtp_code, error.smtp_error
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    words = " ".join(text.split())[:200] or type(error).__name__
    # A wrong password is the operator's to mend, and nobody's mail is lost meanwhile.
    is_login = isinstance(error, smtplib.SMTPAuthenticationError)
    return TransportError(
        f"The mail server said {status or 'nothing it should'}: {words}",
        permanent=bool(status and 500 <= status < 600 and not is_login),
        status=status,
    )


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
