"""What a template makes of a sample message, as the admin shows it beside the form."""

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from console.notifications.forms import template_of
from console.notifications.wording import AROUND
from lib.errors import Invalid
from notifications.samples import sample_message
from notifications.templating import read_template, worded

_COLOR = re.compile(r"#[0-9a-fA-F]{3,8}\Z")
_LONGEST_TYPED = 100_000  # characters


def preview_of(kind: str, typed: str | dict[str, Any]) -> dict[str, Any]:
    """Return what people would see, with what is wrong; *typed* as in the form."""
    message = sample_message()
    found: dict[str, Any] = {
        "title": message.title,
        "text": message.text,
        "problem": "",
        "note": AROUND.get(kind, ""),
        "is_own": not typed,
        "is_slack": kind == "slack",
        "variables": [
            (f"{{{{{group}.{name}}}}}", value)
            for group, values in message.variables.items()
            for name, value in values.items()
        ],
    }
    try:
        template = template_of(typed.strip()) if isinstance(typed, str) else typed
        template = read_template(template)
    except (ValidationError, Invalid) as error:
        detail = error.messages[0] if isinstance(error, ValidationError) else str(error)
        return found | {"problem": f"{detail} It can't be saved like this."}
    made = worded(message, template)
    found |= {"text": made.text, "problem": made.problem}
    if kind == "slack":
        found["attachments"] = [_shown(each) for each in made.attachments or []]
    elif made.attachments:
        found["problem"] = "Attachments are for Slack; here only the text is sent."
    return found


def preview_part(request: HttpRequest) -> HttpResponse:
    """Answer the part of the page that shows the preview."""
    kind = request.POST.get("type", "")
    typed = request.POST.get("template", "")[:_LONGEST_TYPED]
    preview = preview_of(kind, typed)
    return render(request, "console/notifications/preview.html", {"preview": preview})


def _shown(attachment: dict[str, Any]) -> dict[str, Any]:
    """Return what a page shows of one of Slack's attachments."""
    color = str(attachment.get("color", ""))
    fields = attachment.get("fields")
    return {
        "color": color if _COLOR.match(color) else "",
        "title": attachment.get("title", ""),
        "text": attachment.get("text", ""),
        "fields": [
            {
                "title": one.get("title", ""),
                "value": one.get("value", ""),
                "is_short": one.get("short") is True,
            }
            for one in (fields if isinstance(fields, list) else [])
            if isinstance(one, dict)
        ],
    }
