"""Setting a channel up as a person does it, in a real browser."""

from email.message import EmailMessage
from typing import Any

from django.utils import timezone

from accounts.models import Organization
from notifications.channels import add_channel
from notifications.models import Channel
from notifications.outbox import deliver
from tests.journeys.browser import in_browser
from tests.notifications.receivers import MailServer

pytestmark = in_browser

CHANNELS = "/admin/notifications/channel/"


def make_mail(organization: Organization) -> Channel:
    config = {"recipients": ["ops@acme.example"]}
    return add_channel(organization, type="email", name="Ops", config=config).channel


def words_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    return " ".join(body.get_content().split()) if body else ""


def test_a_channel_is_set_up_previewed_and_tested(
    page: Any, acme: Organization, mail_server: MailServer
) -> None:
    page.goto(CHANNELS)
    page.click("a.co-primary")
    page.click(".co-choices >> text=Email")
    page.fill("[name=name]", "Finance")
    page.fill("[name=recipients]", "cfo@acme.example\nann@acme.example")
    page.fill("[name=template]", "Mind {{ budget.name")
    page.locator("#co-preview >> text=be saved like this").wait_for()
    page.fill("[name=template]", "Mind {{ budget.name }}: {{ alert.message }}")
    page.locator("#co-preview >> text=Mind ML Team").wait_for()
    page.click("button[name=_save]")
    page.click("button:has-text('Send a test message')")
    page.locator("text=The test message is on its way.").wait_for()
    deliver(now=timezone.now())
    page.locator("text=The test message was delivered.").wait_for()

    channel = Channel.objects.get()
    sent = [words_of(mail) for mail in mail_server.mails]
    assert channel.config == {"recipients": ["cfo@acme.example", "ann@acme.example"]}
    assert len(sent) == 2
    assert all("Mind ML Team: This is a test" in words for words in sent)


def test_channels_and_deliveries_fit_on_a_phone(page: Any, acme: Organization) -> None:
    channel = make_mail(acme)
    page.set_viewport_size({"width": 390, "height": 800})

    widths = []
    for place in ("", "add/", "add/?type=slack", f"{channel.pk}/change/"):
        page.goto(CHANNELS + place)
        widths.append(page.evaluate("document.documentElement.scrollWidth"))

    assert max(widths) <= 390
