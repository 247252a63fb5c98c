"""A process that lays out one document, and ends.

It is given figures on standard input, as JSON, and nothing else: no settings, no keys,
no database, no network. It tells how far it is and then the document on standard
output: lines of JSON (`PaperTold`), the last of which is followed by that many bytes.
"""

import gc
import json
import logging
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, TypedDict

import msgspec

from reports.paper.sheets import Sheet

LONGEST_S = 300  # that a document may take
_ROOT = Path(__file__).parents[2]
_NEVER = (
    *("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"),
    *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork"),
    "os.forkpty",
)
_LIBRARIES = (
    "on Debian and Ubuntu, apt-get install libpango-1.0-0 libpangoft2-1.0-0 "
    "libharfbuzz-subset0 fonts-dejavu-core"
)


class Order(TypedDict):
    """What is to be made, before its figures."""

    module: str  # that has its `PaperKind` as PAPER
    fonts: str  # the folder where they are kept


class PaperTold(TypedDict, total=False):
    """A line of the answer: one of these."""

    share: float  # that is done
    problem: str  # why there is no document, for people
    size: int  # bytes of the document that follow


@dataclass(frozen=True, slots=True)
class PaperKind:
    """A kind of documents: the figures they are made of, and what makes a sheet."""

    figures: type[Any]
    compose: Callable[[Any], Sheet]


def main() -> None:
    """Lay out what standard input says: an `Order` in a line, then the figures."""
    signal.alarm(LONGEST_S)
    gc.disable()  # it ends before that would pay
    answer, sys.stdout = sys.stdout.buffer, sys.stderr
    order: Order = json.loads(sys.stdin.buffer.readline())
    given = sys.stdin.buffer.read()
    logging.disable(logging.ERROR)  # of fonts and styles; what matters is raised
    _configure()
    sys.addaudithook(_refuse)

    def tell(told: PaperTold) -> None:
        answer.write(json.dumps(told).encode() + b"\n")
        answer.flush()

    tell({"share": 0.02})
    kind: PaperKind = import_module(order["module"]).PAPER
    try:
        from reports.paper.layout import laid_out
    except (ImportError, OSError):
        tell({"problem": f"PDFs need libraries that are not here: {_LIBRARIES}"})
        os._exit(0)
    figures = msgspec.json.decode(given, type=kind.figures)
    document = laid_out(
        kind.compose(figures),
        Path(order["fonts"]),
        lambda share: tell({"share": share}),
    )
    tell({"size": len(document)})
    answer.write(document)
    answer.flush()
    os._exit(0)  # nothing is thrown away, which would take a while


def _configure() -> None:
    """Set up what templates and translations need, and nothing else of the product."""
    import django
    from django.conf import settings

    settings.configure(
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": [_ROOT / "templates"],
                "OPTIONS": {"libraries": {"paper": "reports.templatetags.paper"}},
            }
        ],
        LOCALE_PATHS=[_ROOT / "reports" / "locale"],
        USE_TZ=True,
        TIME_ZONE="UTC",
    )
    django.setup()


def _refuse(event: str, args: tuple[Any, ...]) -> None:
    if event in _NEVER:
        raise PermissionError(f"A document is laid out without {event}.")


if __name__ == "__main__":
    main()
