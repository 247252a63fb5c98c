"""Taking usage in over HTTP: `manage.py serve` with two workers, clients beside it."""

from functools import partial
from random import Random
from typing import Any

import msgspec

from accounts import keys
from dev.benchmarks import client, world
from dev.benchmarks.ingest import PRELOADED, each, insert_ready, ready_rows
from dev.benchmarks.serving import drivers, serving
from dev.benchmarks.timing import Contender, Figure, take_turns

WORKERS = 2
CLIENTS = 2  # processes
COPY_BATCHES, COPY_SIZE = 10, 1_000  # what the limit inserts in a round


def measure(rounds: int) -> list[Figure]:
    organization = world.make_organization()
    secret = keys.make_key("bench", organization=organization).secret
    random = Random(13)
    world.preload(organization.pk, PRELOADED, random)
    with serving(WORKERS) as port, drivers(CLIENTS) as (pool, barrier):
        send = partial(_send, pool, barrier, port)
        contenders = {
            "raw COPY": Contender(
                lambda: [
                    ready_rows(organization.pk, world.body(COPY_SIZE, random))
                    for _ in range(COPY_BATCHES)
                ],
                partial(each, insert_ready),
                COPY_BATCHES * COPY_SIZE,
            ),
            "batches of 1,000": _batches(send, secret, random, 1_000, 24, 4),
            "batches of 100": _batches(send, secret, random, 100, 256, 64),
            "single records": _singles(send, "/api/v1/usage", secret, random),
            "decoding only": _singles(send, "/bench/decode", secret, random),
        }
        rates = take_turns(contenders, rounds=rounds, label="HTTP")
    compared = (
        ("batches of 1,000", "raw COPY", 0.60, "4 connections"),
        ("batches of 100", "raw COPY", 0.60, "64 connections"),
        ("single records", "decoding only", 0.30, "64 connections"),
    )
    return [
        Figure(
            f"HTTP, {name}, {how}: / {base}",
            rates.ratio(name, base),
            target,
            rate=f"{rates.median(name):,.0f} of {rates.median(base):,.0f} records/s",
        )
        for name, base, target, how in compared
    ]


def _batches(
    send: Any, secret: str, random: Random, size: int, number: int, connections: int
) -> Contender:
    def prepare() -> list[bytes]:
        return [
            client.request("/api/v1/usage/batch", secret, world.body(size, random))
            for _ in range(number)
        ]

    return Contender(prepare, partial(send, connections=connections), size * number)


def _singles(send: Any, path: str, secret: str, random: Random) -> Contender:
    def prepare() -> list[bytes]:
        return [
            client.request(path, secret, msgspec.json.encode(record))
            for record in world.records(number, random)
        ]

    number = 6_000
    return Contender(prepare, partial(send, connections=64), number)


def _send(
    pool: Any, barrier: Any, port: int, requests: list[bytes], *, connections: int
) -> float:
    """Have the clients send *requests*; return the seconds from first to last."""
    shares = [
        (port, requests[first::CLIENTS], connections // CLIENTS, barrier)
        for first in range(CLIENTS)
    ]
    drives: list[client.Drive] = pool.starmap(client.drive, shares, 1)
    return client.took(drives)
