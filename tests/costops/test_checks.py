"""What `manage.py check` says of the settings of outgoing requests."""

import pytest
from django.core.checks import run_checks
from pytest_django import Settings


@pytest.mark.parametrize(
    ("networks", "wrong"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param(["10.0.0.0/8", "10.1.2.3/8", "127.0.0.1"], [], id="IPv4"),
        pytest.param(["fd00::/8", "::1"], [], id="IPv6"),
        pytest.param(["10.0.0.0/33", "::1"], ["10.0.0.0/33"], id="too long a mask"),
        pytest.param(["localhost", "*"], ["localhost", "*"], id="names"),
        pytest.param(["10.0.0.0-10.0.0.9"], ["10.0.0.0-10.0.0.9"], id="a range"),
    ],
)
def test_networks_that_are_none_are_told(
    settings: Settings, networks: list[str], wrong: list[str]
) -> None:
    settings.OUTGOING_ALLOW = networks

    told = [one.msg for one in run_checks() if one.id == "costops.E004"]

    assert told == [
        f"“{text}” in COSTOPS_OUTGOING_ALLOW is not a network." for text in wrong
    ]
