import pytest

from accounts import keys
from accounts.models import Organization
from intake import pipeline, services
from tests.factories import Api, make_api, make_organization


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """Begin every test with a process that knows nothing yet."""
    pipeline.forget()
    services.forget()
    keys.forget()


@pytest.fixture
def acme(db: None) -> Organization:
    """An organization in US dollars, in UTC."""
    return make_organization("acme")


@pytest.fixture
def api(acme: Organization) -> Api:
    """A client of acme's own that may do everything."""
    return make_api(organization=acme)


@pytest.fixture
def platform(db: None) -> Api:
    """A client that may do everything, everywhere."""
    return make_api()
