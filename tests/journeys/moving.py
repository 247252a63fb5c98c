"""One organization whose server is started again and again, at later moments.

The clocks of its processes are moved by `moved/sitecustomize.py`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.journeys.server import Server, running_server

MOVED = Path(__file__).parent / "moved"
ROOT = {
    "DJANGO_SUPERUSER_EMAIL": "root@acme.example",
    "DJANGO_SUPERUSER_PASSWORD": "correct-horse-1",
}


@dataclass
class World:
    """One organization, its budget, and a tab that goes where the server is."""

    database: str
    port: int
    tab: Any
    key: str = ""
    place: str = ""

    @contextmanager
    def at(self, moment: str) -> Iterator[Server]:
        """Start the server at *moment*, with what the sweep does by then done."""
        moved: dict[str, Any] = {"MOVED_TO": moment, "PYTHONPATH": str(MOVED), **ROOT}
        with running_server(self.database, port=self.port, **moved) as server:
            server.manage("sweep")
            yield server

    def post(self, path: str, body: dict[str, Any], *, key: str = "") -> dict[str, Any]:
        return self.send("POST", path, body, key=key)

    def send(
        self, method: str, path: str, body: dict[str, Any], *, key: str = ""
    ) -> dict[str, Any]:
        """Send *body* to the API by *key*, the organization's unless said otherwise."""
        answer = requests.request(
            method,
            f"http://127.0.0.1:{self.port}/api/v1/{path}",
            json=body,
            headers={"Authorization": f"Bearer {key or self.key}"},
            timeout=30,
        )
        assert answer.status_code in (200, 201), answer.text
        told: dict[str, Any] = answer.json()
        return told

    def use(self, name: str, at: str, cost: str) -> None:
        call = {"provider": "openai", "model": "gpt-4o"}
        self.post("usage", {"id": name, "timestamp": at, "cost": cost, **call})

    def log_in(self) -> None:
        """Log in anew: who does nothing for days is logged out."""
        self.tab.context.clear_cookies()
        self.tab.goto("/admin/login/")
        self.tab.fill("[name=username]", ROOT["DJANGO_SUPERUSER_EMAIL"])
        self.tab.fill("[name=password]", ROOT["DJANGO_SUPERUSER_PASSWORD"])
        self.tab.click("[type=submit]")
        self.tab.wait_for_url(lambda url: "login" not in url)

    def open_budget(self) -> None:
        """Go to the one budget, and keep in mind where it is."""
        self.tab.goto("/admin/budgets/budget/tree/")
        self.tab.locator("tr.co-row a.co-title").click()
        self.tab.wait_for_url("**/page/")
        self.place = self.tab.url.removesuffix("page/")

    def change(self, what: str, fields: dict[str, str]) -> None:
        """Fill in a form of the amount's page, look at what follows, and say yes."""
        self.tab.goto(f"{self.place}{what}/")
        for label, value in {**fields, "Why": "A launch"}.items():
            self.tab.get_by_label(label).first.fill(value)
        self.tab.locator("form.co-page .co-actions button").last.click()
        self.tab.locator("text=Do it?").wait_for()
        self.tab.locator("[name=confirm]").click()
        self.tab.locator("text=Done:").wait_for()

    def amounts(self) -> str:
        """Return what the page of its dated lines says."""
        return self.read("amounts/")

    def read(self, part: str) -> str:
        self.tab.goto(f"{self.place}{part}")
        words: str = self.tab.locator(".co-page").inner_text()
        return " ".join(words.split())
