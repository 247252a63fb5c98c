"""What the busiest endpoint does before it books, against a view that does nothing.

CPU time of the WSGI callable, without a server.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from io import BytesIO
from random import Random
from typing import Any

import msgspec
from django.core.wsgi import get_wsgi_application

from accounts import keys
from dev.benchmarks import world
from dev.benchmarks.timing import Contender, Figure, take_turns

REQUESTS = 3_000  # in a round


def measure(rounds: int) -> list[Figure]:
    organization = world.make_organization()
    secret = keys.make_key("bench", organization=organization).secret
    application = get_wsgi_application()
    bodies = [
        msgspec.json.encode(record) for record in world.records(REQUESTS, Random(5))
    ]
    contenders = {
        name: Contender(
            partial(_requests, f"/bench/{name}", secret, bodies),
            partial(_answer_all, application),
            REQUESTS,
        )
        for name in ("trivial", "decode")
    }
    rates = take_turns(contenders, rounds=rounds, label="door", clock=time.process_time)
    return [
        Figure(
            "key, typed decoding and tenant check / trivial view, CPU",
            rates.ratio("trivial", "decode"),
            1.3,
            better="less",
            rate=f"{1e6 / rates.median('decode'):,.0f} against "
            f"{1e6 / rates.median('trivial'):,.0f} µs",
        )
    ]


def _requests(path: str, secret: str, bodies: Sequence[bytes]) -> list[dict[str, Any]]:
    return [
        {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": path,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "HTTP_HOST": "localhost",
            "HTTP_AUTHORIZATION": f"Bearer {secret}",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": BytesIO(body),
            "wsgi.url_scheme": "http",
        }
        for body in bodies
    ]


def _answer_all(
    application: Callable[..., Any], requests: Sequence[dict[str, Any]]
) -> None:
    for environ in requests:
        response = application(environ, _expect_success)
        b"".join(response)
        response.close()


def _expect_success(status: str, headers: object) -> None:
    assert status.startswith("200"), status
