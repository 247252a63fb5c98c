"""What noticing that thresholds are passed costs on top of taking usage in."""

from random import Random
from unittest.mock import patch

from budgets import charging
from dev.benchmarks import world
from dev.benchmarks.ingest import each
from dev.benchmarks.timing import Contender, Figure, take_turns
from intake.pipeline import take

SIZE, TIMES = 1_000, 8  # records in a batch, batches in a round


def measure(rounds: int) -> list[Figure]:
    organization_id = world.make_organization().pk
    random = Random(19)
    world.preload(organization_id, 50_000, random)

    def bodies() -> list[bytes]:
        return [world.body(SIZE, random) for _ in range(TIMES)]

    def work(material: list[bytes]) -> None:
        each(lambda body: take(organization_id, world.decoded(body)), material)

    def blind(material: list[bytes]) -> None:
        with patch.object(charging, "_crossings", lambda *_: []):
            work(material)

    contenders = {
        "blind": Contender(bodies, blind, SIZE * TIMES),
        "noticing": Contender(bodies, work, SIZE * TIMES),
    }
    rates = take_turns(contenders, rounds=rounds, label="crossings")
    return [
        Figure(
            "ingest without looking for crossings / with",
            1 / rates.ratio("noticing", "blind"),
            1.05,
            better="less",
            rate=f"{rates.median('noticing'):,.0f} of {rates.median('blind'):,.0f}/s",
        )
    ]
