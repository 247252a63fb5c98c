import pytest
from django.core.cache import cache


@pytest.fixture(autouse=True)
def _nothing_remembered_of_pages() -> None:
    """Forget the values that forms offered, and what was found, in the tests before."""
    cache.clear()
