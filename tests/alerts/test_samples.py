"""What the preview of a template offers is what alerts really say."""

from django.utils import timezone

from accounts.models import Organization
from alerts.messages import for_reader, message_of
from notifications.samples import VARIABLES
from tests.alerts.factories import fire
from tests.factories import make_budget


def test_the_sample_has_the_variables_of_an_alert(acme: Organization) -> None:
    alert = fire(make_budget(acme))

    told = for_reader(message_of(alert, "fired", now=timezone.now()), "http://x.io")

    names = {group: set(values) for group, values in told.variables.items()}
    assert {group: set(values) for group, values in VARIABLES.items()} == names
