"""A process that sends one message by apprise, and ends.

Whatever a plugin does, also in a thread or when it is thrown away, it does in here: it
connects to no closed network, starts no program, reads no file but those of Python, and
is gone after a while. It is given what to send on standard input, as JSON, and nothing
else: no settings, no keys, no database.
"""

import json
import logging
import mimetypes
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypedDict

import apprise
import requests
from apprise.exception import AppriseException
from django.conf import settings

from lib import http
from lib.addresses import is_literal
from lib.errors import Invalid
from notifications.known_services import open_service

LONGEST_S = 60  # whatever the plugin waits for
_NEVER = (
    *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork"),
    *("os.forkpty", "os.remove", "os.rename", "os.chmod", "os.link", "os.symlink"),
    *("os.mkdir", "os.rmdir", "os.truncate", "shutil.rmtree", "socket.bind"),
)
_TO_SOMEBODY = ("socket.connect", "socket.sendto", "socket.sendmsg")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Sending(TypedDict):
    """What is to be sent, and within which limits."""

    url: str  # as apprise has it
    title: str
    body: str
    kind: str  # info, success, warning, failure
    within_s: float  # for all requests together
    allow: list[str]  # networks that are let through the guard


class SendingAnswer(TypedDict):
    """What became of it; statuses and Retry-After of all answers, in order."""

    taken: bool
    problem: str
    refused: bool  # by the guard: nothing will ever be sent there
    answers: list[tuple[int, str]]


def main() -> None:
    """Send what standard input says, tell on standard output, and end at once."""
    signal.alarm(LONGEST_S)
    answer, sys.stdout = sys.stdout, sys.stderr  # plugins may print
    sending: Sending = json.load(sys.stdin)
    settings.configure(OUTGOING_ALLOW=sending["allow"])
    # Its lines carry hosts, numbers and, when debugging, addresses with their tokens.
    logging.disable(logging.CRITICAL)
    mimetypes.init()  # from a file of the system's
    sys.dont_write_bytecode = True
    sys.addaudithook(_Fence(_files_of_python()).check)
    answer.write(json.dumps(send(sending)))
    answer.flush()
    os._exit(0)  # nothing is thrown away, nothing is waited for


def send(sending: Sending) -> SendingAnswer:
    """Send it, with all of this process held to the rules of `lib.http` from now on."""
    watched = http.guard_process(sending["within_s"])
    taken, problem, refused = False, "", False
    asset = apprise.AppriseAsset(
        app_id="CostOps",
        app_desc="CostOps",
        http_redirects=False,
        storage_mode=apprise.PersistentStoreMode.MEMORY,
    )
    try:
        taken = bool(
            open_service(sending["url"], asset).notify(
                title=sending["title"],
                body=sending["body"],
                notify_type=sending["kind"],
                body_format=apprise.NotifyFormat.TEXT,
            )
        )
    except Invalid as error:
        problem, refused = str(error), True
    except (AppriseException, requests.RequestException, OSError):
        problem = "The service could not be used."
    if watched.problem is not None and not taken:
        problem = str(watched.problem)
        refused = isinstance(watched.problem, http.AddressRefused)
    answers = [
        (one.status, str(one.headers.get("Retry-After", ""))) for one in watched.answers
    ]
    return {
        "taken": taken,
        "problem": problem,
        "refused": refused,
        "answers": answers,
    }


def _files_of_python() -> tuple[Path, ...]:
    """Return where Python and its packages are; the project is not among them."""
    here = Path.cwd().resolve()
    found = {Path(one).resolve() for one in (*sys.path, sys.prefix, sys.base_prefix)}
    roots = {one for one in found if one not in (here, *here.parents)}
    return (*sorted(roots), Path("/usr/share/zoneinfo"))


class _Fence:
    """An audit hook: it can't be taken away again by anything that runs in here."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._files = tuple(files)

    def check(self, event: str, args: tuple[Any, ...]) -> None:
        if event in _TO_SOMEBODY:
            self._check_address(args[1])
        elif event == "open":
            self._check_file(*args)
        elif event in _NEVER:
            raise PermissionError(event)

    def _check_address(self, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if not (isinstance(host, str) and is_literal(host) and http.is_open(host)):
            raise PermissionError("The address is closed to requests.")

    def _check_file(self, path: Any, mode: Any, flags: Any) -> None:
        if isinstance(path, int):
            return
        writes = isinstance(flags, int) and flags & _WRITING
        place = Path(os.path.realpath(os.fsdecode(path)))
        if writes or not any(place.is_relative_to(root) for root in self._files):
            raise PermissionError("The file is closed to services.")


if __name__ == "__main__":
    main()
