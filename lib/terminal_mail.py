"""Mails on the terminal, for whoever tries the product without a mail server."""

from django.core.mail import EmailMessage
from django.core.mail.backends.console import EmailBackend

_RULE = "-" * 79


class PlainEmailBackend(EmailBackend):
    """Prints what a person would read: of a mail in HTML and text, the text."""

    def write_message(self, message: EmailMessage) -> None:
        lines = (
            _RULE,
            f"Mail to {', '.join(message.recipients())}: {message.subject}",
            "",
            str(message.body).strip(),
            _RULE,
        )
        self.stream.write("\n".join(lines) + "\n")
