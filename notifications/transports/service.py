"""Everything else there is a service for, by way of apprise: Teams, Telegram, ..."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition
from typing import TYPE_CHECKING

from django.conf import settings

from lib import http
from lib.errors import Invalid
from notifications.known_services import check_service
from notifications.templating import worded
from notifications.transports.base import (
    Accepted,
    Parcel,
    TransportError,
    not_answered,
    plain_text,
    turned_down,
)

if TYPE_CHECKING:
    from notifications.service_process import Sending, SendingAnswer

LONGEST_S = 60  # of one sending; with PATIENCE_S less than a claim lasts
PATIENCE_S = 45  # until its turn comes
MOST = 8  # processes at once, of one worker
MOST_TO_ONE = 2  # of them to one address: one that hangs must leave room for others

_KINDS = {"info": "info", "warning": "warning", "critical": "failure"}
# All of the environment that a sending gets: no keys, no passwords.
_ENVIRONMENT = (
    *("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    "PYTHONPATH",
)


def send(parcel: Parcel) -> Accepted:
    """Send the message to the service whose address the channel has."""
    wording = worded(parcel.message, parcel.template)
    body = plain_text(parcel.message, wording.text)
    return notify(str(parcel.setup.get("url", "")), parcel, body, note=wording.problem)


def notify(url: str, parcel: Parcel, body: str, *, note: str = "") -> Accepted:
    """Send *body* to the service at *url*, an apprise address, in a process of its own.

    Raises:
        TransportError: the address is no good, or the service did not take it.
    """
    try:
        check_service(url)
    except Invalid as refusal:
        raise TransportError(str(refusal), permanent=True) from refusal
    message = parcel.message
    kind = "success" if message.event == "resolved" else message.severity
    with _turns.of(url):
        told = _told_by_process(
            {
                "url": url,
                "title": message.title,
                "body": body,
                "kind": _KINDS.get(kind, "success"),
                "within_s": http.TIMEOUT_S,
                "allow": list(settings.OUTGOING_ALLOW),
            }
        )
    if told["taken"]:
        answers = told["answers"]
        return Accepted(answers[-1][0] if answers else None, note)
    raise _failure(told)


def _told_by_process(sending: "Sending") -> "SendingAnswer":
    environment = {
        name: os.environ[name] for name in _ENVIRONMENT if name in os.environ
    }
    try:
        done = subprocess.run(
            [sys.executable, "-m", "notifications.service_process"],
            cwd=settings.BASE_DIR,
            env=environment,
            input=json.dumps(sending).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=LONGEST_S,
            check=True,
        )
        told: SendingAnswer = json.loads(done.stdout)
    except subprocess.TimeoutExpired as error:
        raise TransportError("The service took too long and was left.") from error
    except (subprocess.CalledProcessError, ValueError) as error:
        raise TransportError("The service could not be used.") from error
    return told


def _failure(told: "SendingAnswer") -> TransportError:
    if told["problem"]:
        kind = http.AddressRefused if told["refused"] else http.NoAnswer
        return not_answered(kind(told["problem"]))
    turned = [each for each in told["answers"] if not 200 <= each[0] < 300]
    if turned:
        status, retry_after = turned[-1]
        return turned_down(http.HttpAnswer(status, {"Retry-After": retry_after}))
    return TransportError("The service did not take it.")


class _Turns:
    """Whose process runs: few at once, and fewer to one address."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._running: Counter[str] = Counter()

    @contextmanager
    def of(self, url: str) -> Iterator[None]:
        """Wait for a turn of *url*.

        Raises:
            TransportError: none came in time.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._is_free(url), PATIENCE_S):
                raise TransportError("Too many messages to services are being sent.")
            self._running[url] += 1
        try:
            yield
        finally:
            with self._changed:
                self._running[url] -= 1
                self._running += Counter()  # forgets who has none running
                self._changed.notify_all()

    def _is_free(self, url: str) -> bool:
        return self._running.total() < MOST and self._running[url] < MOST_TO_ONE


_turns = _Turns()
