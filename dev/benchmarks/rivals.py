"""What others let pass: a sum looked at and then added to, and two of LiteLLM's.

Their processes know nothing of Django.
"""

import json
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from random import Random

import psycopg

from dev.benchmarks.wire import UNITS

PROCESSES, THREADS = 2, 32
REFUSALS = 3  # one after the other until a client gives up
ROUNDS = 3
SCRIPT = Path(__file__).with_name("litellm_round.py")
LITELLM = {"budget-manager": "LiteLLM's BudgetManager", "router": "LiteLLM's Router"}


@dataclass(frozen=True, slots=True)
class Round:
    """A race of a rival; money in units."""

    name: str
    clients: int
    limit: int
    least: int
    most: int
    spent: int | None = None  # None: not measured
    took: float = 0.0


# -- Looked at, then added to


def race_naively(url: str, limit: int, least: int, most: int) -> Round:
    """Have 64 connections look at a sum, and add to it where that fits."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS naive")
        connection.execute("CREATE TABLE naive (spent bigint NOT NULL)")
        connection.execute("INSERT INTO naive VALUES (0)")
        began = time.monotonic()
        with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
            list(pool.map(partial(_spend_all, url, limit, least, most), range(2)))
        took = time.monotonic() - began
        found = connection.execute("SELECT spent FROM naive").fetchone()
        connection.execute("DROP TABLE naive")
    assert found is not None
    name = "looked at, then added to"
    clients = PROCESSES * THREADS
    return Round(name, clients, limit, least, most, int(found[0]), took)


def _spend_all(url: str, limit: int, least: int, most: int, process: int) -> None:
    with ThreadPoolExecutor(THREADS) as threads:
        spend = partial(_spend, url, limit, least, most)
        list(threads.map(spend, range(process * THREADS, (process + 1) * THREADS)))


def _spend(url: str, limit: int, least: int, most: int, seed: int) -> None:
    random, refused = Random(seed), 0
    with psycopg.connect(url, autocommit=True, prepare_threshold=1) as connection:
        while refused < REFUSALS:
            units = random.randint(least, most)
            found = connection.execute("SELECT spent FROM naive").fetchone()
            assert found is not None
            if found[0] + units > limit:
                refused += 1
                continue
            connection.execute("UPDATE naive SET spent = spent + %s", [units])


# -- LiteLLM


def race_litellm(python: str | None) -> Iterator[Round]:
    """Yield rounds of LiteLLM's guards, as the interpreter *python* has them."""
    for way, name in LITELLM.items():
        cost = UNITS // 20
        if python is None:
            yield Round(name, 64, UNITS, cost, cost)
            continue
        for _ in range(ROUNDS):
            began = time.monotonic()
            done = subprocess.run(
                [python, "-I", str(SCRIPT), way],  # -I: its own modules only
                capture_output=True,
                text=True,
                check=True,
                timeout=120,
            )
            spent = json.loads(done.stdout.splitlines()[-1])["spent"]
            took = time.monotonic() - began
            yield Round(name, 64, UNITS, cost, cost, round(spent * UNITS), took)
