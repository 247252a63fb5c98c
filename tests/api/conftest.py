import pytest

from tests.api.world import World
from tests.notifications.receivers import Receiver


@pytest.fixture
def world(receiver: Receiver, worker: None) -> World:
    return World(receiver)
