"""The page behind a mailed link in a real browser, one that runs JavaScript."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from alerts.links import make_link
from alerts.models import AcknowledgeLink, Alert, AlertEvent, AlertState
from tests.alerts.firing import fire
from tests.budgets.factories import make_budget
from tests.factories import make_organization

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = Path(os.environ.get("COSTOPS_CHROMIUM", "/usr/bin/chromium"))

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"There is no {CHROMIUM}."),
]
ANN = "ann@acme.example"
LOOKS = 40


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    # The browser's own loop runs in this thread, where Django then sees a coroutine.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with playwright.sync_playwright() as player:
        browser = player.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def asked() -> list[str]:
    """Every address that the browser asked for."""
    return []


@pytest.fixture
def page(chromium: Any, live_server: LiveServer, asked: list[str]) -> Iterator[Any]:
    """A tab of somebody who is logged in nowhere; it must meet no error."""
    context = chromium.new_context(base_url=live_server.url)
    tab = context.new_page()
    tab.set_default_timeout(15_000)
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on(
        "console",
        lambda said: errors.extend([said.text] if said.type == "error" else []),
    )
    tab.on("request", lambda request: asked.append(request.url))
    yield tab
    context.close()
    assert not errors


@pytest.fixture
def alert() -> Alert:
    return fire(make_budget(make_organization("acme"), "ML Team", "15000"))


@pytest.fixture
def path(alert: Alert) -> str:
    url = make_link(alert, ANN, now=timezone.now())
    return url.removeprefix("http://testserver")


def test_looking_with_a_browser_changes_nothing(
    page: Any, alert: Alert, path: str, asked: list[str], live_server: LiveServer
) -> None:
    for _ in range(LOOKS):
        page.goto(path, wait_until="networkidle")

    alert.refresh_from_db()
    assert page.locator("button").count() == 4
    assert alert.state == AlertState.FIRING
    assert AlertEvent.objects.count() == 1
    assert AcknowledgeLink.objects.get().used_at is None
    assert {url.startswith(live_server.url) for url in asked} == {True}
    assert len([url for url in asked if "/alerts/" in url]) == LOOKS + len(
        [url for url in asked if url.endswith("link.css")]
    )


def test_a_button_is_pressed_without_logging_in(
    page: Any, alert: Alert, path: str
) -> None:
    page.goto(path)

    page.click("text=1 day")
    page.locator(f"text={ANN} has acknowledged it until").wait_for()

    alert.refresh_from_db()
    assert (alert.state, alert.acknowledged_by) == (AlertState.ACKNOWLEDGED, ANN)
    assert page.url.endswith(path)


def test_the_address_is_not_told_to_the_next_page(page: Any, path: str) -> None:
    referrers: list[str] = []
    page.on(
        "request", lambda request: referrers.append(request.headers.get("referer", ""))
    )
    page.goto(path)

    page.click("text=Open budget")

    assert not [address for address in referrers if path in address]


def test_it_works_by_keyboard_and_on_a_phone(
    page: Any, alert: Alert, path: str
) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(path)
    width = page.evaluate("document.documentElement.scrollWidth")

    for _ in range(4):
        page.keyboard.press("Tab")
    focused = page.evaluate("document.activeElement.innerText")
    page.keyboard.press("Enter")
    page.locator("text=resolved it on").wait_for()

    alert.refresh_from_db()
    assert width <= 390
    assert re.match("Resolve", focused)
    assert alert.state == AlertState.RESOLVED


if folder := os.environ.get("COSTOPS_SCREENSHOTS"):

    def test_it_is_drawn(page: Any, path: str) -> None:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.goto(path)
            page.screenshot(path=f"{folder}/link-{scheme}.png", full_page=True)
