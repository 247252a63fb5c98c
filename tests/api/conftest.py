import pytest

from tests.api.world import World
from tests.notifications.receivers import Receiver


@pytest.fixture
def world(receiver: Receiver) -> World:
    return World(receiver)
