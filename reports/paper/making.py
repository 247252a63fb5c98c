"""Having a document laid out by a process of its own, which gives its memory back."""

import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from threading import Timer
from typing import IO, Any

import msgspec
from django.conf import settings

from lib.errors import Refusal
from reports.paper.process import LONGEST_S, Order, PaperTold

# All of the environment that it gets: no keys, no passwords, and no language or zone of
# the machine, for a document is the same wherever it is made.
_ENVIRONMENT = (
    *("PATH", "HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "FONTCONFIG_FILE"),
    *("FONTCONFIG_PATH", "LD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "PYTHONPATH"),
)
_FIXED = {"LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONHASHSEED": "0"}
_LAST_WORDS = 2_000  # bytes of what a process wrote before it failed

_log = logging.getLogger(__name__)


class PaperFailed(Refusal):
    """A document could not be laid out."""

    code = "paper_failed"


def made(
    module: str,
    figures: Any,
    progress: Callable[[float], None] = lambda _: None,
) -> bytes:
    """Return the document that *module* makes of *figures*: PDF/UA.

    *module*: one that has a `PaperKind` as PAPER. *figures*: frozen dataclasses.
    *progress* is told the share that is done, several times. It takes two seconds and
    more, so it is a worker's to do.

    Raises:
        PaperFailed: Libraries are missing, or it failed or took more than five minutes.
    """
    order: Order = {"module": module, "fonts": str(settings.MADE_FILES_DIR / "fonts")}
    given = json.dumps(order).encode() + b"\n" + msgspec.json.encode(figures)
    environment = {
        name: os.environ[name] for name in _ENVIRONMENT if name in os.environ
    }
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            [sys.executable, "-m", "reports.paper.process"],
            cwd=settings.BASE_DIR,
            env=environment | _FIXED,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
        ) as process,
    ):
        # Its own alarm ends it before; unless it hangs where no signal reaches it.
        limit = Timer(LONGEST_S + 5, process.kill)
        limit.start()
        try:
            document = _answer_of(process, given, progress)
        finally:
            limit.cancel()
            process.kill()
        if document is None:
            said.seek(0)
            last = said.read()[-_LAST_WORDS:].decode(errors="replace")
            _log.error("%s: no document. %s", module, last)
            raise PaperFailed("The document could not be laid out; the log says why.")
    return document


def _answer_of(
    process: subprocess.Popen[bytes], given: bytes, progress: Callable[[float], None]
) -> bytes | None:
    """Return the document that *process* makes of what it is *given*; None: none."""
    stdin, stdout = _pipes_of(process)
    try:
        stdin.write(given)
        stdin.close()
    except BrokenPipeError:
        return None
    for line in stdout:
        told: PaperTold = json.loads(line)
        if "problem" in told:
            raise PaperFailed(told["problem"])
        if "size" in told:
            document = stdout.read(told["size"])
            return document if len(document) == told["size"] else None
        progress(told["share"])
    return None


def _pipes_of(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise ValueError("It was started without pipes.")
    return process.stdin, process.stdout
