"""A real browser, and tabs of it that must meet no error."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from pytest_django.live_server_helper import LiveServer

from accounts.models import Organization
from tests.factories import browser_for, make_organization
from tests.journeys.browser import CHROMIUM
from tests.journeys.moving import World
from tests.journeys.server import free_port


@pytest.fixture(scope="package")
def chromium() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    # The browser's own loop runs in this thread, where Django then sees a coroutine.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with playwright.sync_playwright() as player:
        browser = player.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def acme() -> Organization:
    return make_organization("acme")


@pytest.fixture
def asked() -> list[str]:
    """Every address that the tab asked for."""
    return []


@pytest.fixture
def tab(chromium: Any, live_server: LiveServer, asked: list[str]) -> Iterator[Any]:
    """A tab of somebody who is logged in nowhere."""
    context = chromium.new_context(base_url=live_server.url)
    opened = context.new_page()
    opened.set_default_timeout(15_000)
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on(
        "console",
        lambda said: errors.extend([said.text] if said.type == "error" else []),
    )
    opened.on("request", lambda request: asked.append(request.url))
    yield opened
    context.close()
    assert not errors


@pytest.fixture
def page(
    tab: Any, live_server: LiveServer, acme: Organization, asked: list[str]
) -> Iterator[Any]:
    """A tab of a finance admin, which must ask nobody else."""
    cache.clear()  # of the values that forms offered in other tests
    session = browser_for(acme).cookies["sessionid"].value
    tab.context.add_cookies(
        [{"name": "sessionid", "value": session, "url": live_server.url}]
    )
    yield tab
    assert [url for url in asked if not url.startswith(live_server.url)] == []


@pytest.fixture
def world(own_database: str, chromium: Any) -> Iterator[World]:
    """An organization at the moments a test chooses, and a tab of it."""
    port = free_port()
    context = chromium.new_context(base_url=f"http://127.0.0.1:{port}")
    tab = context.new_page()
    tab.set_default_timeout(30_000)
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    yield World(own_database, port, tab)
    context.close()
    assert not errors
