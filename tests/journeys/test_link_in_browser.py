"""The page behind a mailed link in a real browser, one that runs JavaScript."""

import os
import re
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from alerts.links import make_link
from alerts.models import Alert, AlertEvent, AlertState
from notifications.models import MailedLink
from tests.alerts.factories import fire
from tests.factories import make_budget, make_organization
from tests.journeys.browser import in_browser
from tests.sizes import size

pytestmark = in_browser
ANN = "ann@acme.example"
LOOKS = size(10, 100)


@pytest.fixture
def alert() -> Alert:
    return fire(make_budget(make_organization("acme"), "ML Team", "15000"))


@pytest.fixture
def path(alert: Alert) -> str:
    url = make_link(alert, ANN, now=timezone.now())
    return url.removeprefix("http://testserver")


def test_looking_with_a_browser_changes_nothing(
    tab: Any, alert: Alert, path: str, asked: list[str], live_server: LiveServer
) -> None:
    for _ in range(LOOKS - 1):
        tab.goto(path)
    tab.goto(path, wait_until="networkidle")  # nor does what comes after the page

    alert.refresh_from_db()
    assert tab.locator("button").count() == 5
    assert alert.state == AlertState.FIRING
    assert AlertEvent.objects.count() == 1
    assert MailedLink.objects.get().used_at is None
    assert {url.startswith(live_server.url) for url in asked} == {True}
    assert len([url for url in asked if "/alerts/" in url]) == LOOKS


def test_a_button_is_pressed_without_logging_in(
    tab: Any, alert: Alert, path: str
) -> None:
    tab.goto(path)

    tab.click("text=1 day")
    tab.locator(f"text={ANN} has acknowledged it until").wait_for()

    alert.refresh_from_db()
    assert (alert.state, alert.acknowledged_by) == (AlertState.ACKNOWLEDGED, ANN)
    assert tab.url.endswith(path)


def test_the_address_is_not_told_to_the_next_page(tab: Any, path: str) -> None:
    referrers: list[str] = []
    tab.on(
        "request", lambda request: referrers.append(request.headers.get("referer", ""))
    )
    tab.goto(path)

    tab.click("text=Open budget")

    assert not [address for address in referrers if path in address]


def test_it_works_by_keyboard_and_on_a_phone(tab: Any, alert: Alert, path: str) -> None:
    tab.set_viewport_size({"width": 390, "height": 800})
    tab.goto(path)
    width = tab.evaluate("document.documentElement.scrollWidth")

    for _ in range(4):
        tab.keyboard.press("Tab")
    focused = tab.evaluate("document.activeElement.innerText")
    tab.keyboard.press("Enter")
    tab.locator("text=resolved it on").wait_for()

    alert.refresh_from_db()
    assert width <= 390
    assert re.match("Resolve", focused)
    assert alert.state == AlertState.RESOLVED


if folder := os.environ.get("COSTOPS_SCREENSHOTS"):

    def test_it_is_drawn(tab: Any, path: str) -> None:
        for scheme in ("light", "dark"):
            tab.emulate_media(color_scheme=scheme)
            tab.goto(path)
            tab.screenshot(path=f"{folder}/link-{scheme}.png", full_page=True)
