from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import openai
import pytest
from llm_cost_ops import CostOpsClient, CostTracker, TrackerConfig

from tests.databases import migrated_database
from tests.journeys.server import Server, running_server
from tests.sdk.provider import Provider, fake_provider
from tests.sdk.world import World

_numbers = count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("sdk")
    with (
        migrated_database("sdk", directory) as url,
        running_server(url) as started,
    ):
        yield started


@pytest.fixture(scope="session")
def key(server: Server) -> str:
    """A key of the platform's."""
    return server.manage("create_api_key", "sdk")


@pytest.fixture
def provider() -> Iterator[Provider]:
    with fake_provider() as started:
        yield started


@pytest.fixture
def client(server: Server, key: str) -> Iterator[CostOpsClient]:
    with CostOpsClient(server.url, key) as made:
        yield made


@pytest.fixture
def organization(client: CostOpsClient) -> str:
    """The slug of an organization of this test's own, in US dollars."""
    return client.create_organization(slug=f"sdk-{next(_numbers)}").slug


@pytest.fixture
def track(
    server: Server, key: str, organization: str, tmp_path: Path
) -> Iterator[Callable[..., CostTracker]]:
    """Make trackers of the organization; they are closed in the end."""
    made: list[CostTracker] = []

    def make(**choices: object) -> CostTracker:
        given: dict[str, Any] = {
            "organization_id": organization,
            "spool_dir": tmp_path / "spool",
            **choices,
        }
        config = TrackerConfig(**given)
        made.append(CostTracker(key, server.url, config))
        return made[-1]

    yield make
    for tracker in made:
        tracker.close()


@pytest.fixture
def world(client: CostOpsClient, organization: str) -> World:
    return World(client, organization)


@pytest.fixture
def chat(provider: Provider) -> Iterator[openai.OpenAI]:
    """A client of OpenAI's that talks to the fake provider."""
    with openai.OpenAI(
        api_key="none", base_url=f"{provider.url}/v1", max_retries=0
    ) as made:
        yield made
