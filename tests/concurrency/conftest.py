"""Fixtures of others that races need too."""

from tests.concurrency.test_kill import environment as environment
from tests.notifications.conftest import mail_server as mail_server
from tests.notifications.conftest import open_to_itself as open_to_itself
from tests.notifications.conftest import receiver as receiver
