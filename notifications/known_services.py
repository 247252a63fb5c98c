"""The services of apprise that are used: they speak HTTP and nothing else.

The source of each was searched for the rest: it sends by `requests` alone, does nothing
when it is thrown away, starts no program, and reads no file unless an option names one.
What apprise learns later is not used before somebody has looked.
"""

import logging
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from lib.errors import Invalid

# Its lines carry hosts, numbers and, when debugging, addresses with their tokens.
logging.getLogger("apprise").setLevel(logging.CRITICAL)

# By the names that addresses begin with: apprise's module.
_MODULES: Mapping[str, tuple[str, ...]] = {
    # Chat
    "cliq": ("cliq", "zcliq", "zohocliq"),
    "dingtalk": ("dingtalk",),
    "discord": ("discord",),
    "feishu": ("feishu",),
    "flock": ("flock",),
    "google_chat": ("gchat",),
    "groupme": ("groupme",),
    "lark": ("lark",),
    "line": ("line",),
    "mattermost": ("mmost", "mmosts"),
    "nextcloudtalk": ("nctalk", "nctalks"),
    "rocketchat": ("rocket", "rockets"),
    "ryver": ("ryver",),
    "signal_api": ("signal", "signals"),
    "slack": ("slack",),
    "synology": ("synology", "synologys"),
    "telegram": ("tgram",),
    "threema": ("threema",),
    "viber": ("viber",),
    "webexteams": ("webex", "wxteams"),
    "wecombot": ("wecombot",),
    "workflows": ("workflow", "workflows"),
    "zoom": ("zoom",),
    "zulip": ("zulip",),
    # On call
    "betterstack": ("betterstack",),
    "firehydrant": ("firehydrant",),
    "goalert": ("goalert", "goalerts"),
    "ilert": ("ilert",),
    "incidentio": ("incidentio",),
    "jira": ("jira",),
    "opsgenie": ("opsgenie",),
    "pagerduty": ("pagerduty",),
    "pagertree": ("pagertree",),
    "signl4": ("signl4",),
    "spike": ("spike",),
    "splunk": ("splunk", "victorops"),
    "squadcast": ("squadcast",),
    "xmatters": ("xmatters",),
    # Push
    "bark": ("bark", "barks"),
    "gotify": ("gotify", "gotifys"),
    "ifttt": ("ifttt",),
    "join": ("join",),
    "notifiarr": ("notifiarr",),
    "ntfy": ("ntfy", "ntfys"),
    "one_signal": ("onesignal",),
    "prowl": ("prowl",),
    "pushbullet": ("pbul",),
    "pushover": ("pover",),
    "pushsafer": ("psafer", "psafers"),
    "simplepush": ("simplepush", "spush"),
    # Mail by HTTP
    "brevo": ("brevo",),
    "mailgun": ("mailgun",),
    "postmark": ("postmark",),
    "resend": ("resend",),
    "sendgrid": ("sendgrid",),
    "sparkpost": ("sparkpost",),
    # Text messages and calls
    "africas_talking": ("atalk",),
    "bulksms": ("bulksms",),
    "bulkvs": ("bulkvs",),
    "burstsms": ("burstsms", "kudosity"),
    "clickatell": ("clickatell",),
    "clicksend": ("clicksend",),
    "d7networks": ("d7sms",),
    "exotel": ("exotel",),
    "fortysixelks": ("46elks", "elks"),
    "freemobile": ("freemobile",),
    "httpsms": ("httpsms",),
    "infobip": ("infobip",),
    "kavenegar": ("kavenegar",),
    "messagebird": ("msgbird",),
    "octopush": ("octopush",),
    "plivo": ("plivo",),
    "seven": ("seven",),
    "sinch": ("sinch",),
    "smseagle": ("smseagle", "smseagles"),
    "smsmanager": ("smsmanager", "smsmgr"),
    "sns": ("sns",),
    "telesign": ("telesign",),
    "telnyx": ("telnyx",),
    "twilio": ("twilio",),
    "voipms": ("voipms",),
    "vonage": ("nexmo", "vonage"),
    # Programs of one's own
    "apprise_api": ("apprise", "apprises"),
    "custom_json": ("json", "jsons"),
    "custom_xml": ("xml", "xmls"),
    "home_assistant": ("hassio", "hassios"),
}
MODULE_OF: Mapping[str, str] = {
    scheme: module for module, schemes in _MODULES.items() for scheme in schemes
}
# They name files or addresses that are read on this machine.
_REFUSED_OPTIONS = frozenset({"template", "keyfile", "subfile", "config", "include"})
# What an address looks like where the service itself shows it, not apprise.
_NATIVE = ("http", "https")
_UNKNOWN = (
    "Not an address of a service that is known, or a part of it is missing. "
    "Examples: tgram://TOKEN/CHAT, discord://ID/TOKEN."
)


def check_service(url: str) -> None:
    """Refuse a service that is not used here, by its name. Sends and opens nothing.

    Raises:
        Invalid: it is not on the list, or an option would read a file.
    """
    scheme = _scheme_of(url)
    if not scheme:
        raise Invalid(_UNKNOWN)
    if scheme not in MODULE_OF and scheme not in _NATIVE:
        raise Invalid(f"The service {scheme[:40]}:// can't be used here.")
    asked = parse_qsl(url.partition("?")[2], keep_blank_values=True)
    _check_options(name for name, _ in asked)


def _check_options(names: Iterable[str]) -> None:
    given = {name.strip().lower().lstrip("+-:") for name in names}
    if refused := sorted(given & _REFUSED_OPTIONS):
        raise Invalid(
            f"The option {refused[0]} can't be used here: it would read a file."
        )


def open_service(url: str, asset: Any = None) -> Any:
    """Return apprise's plugin for *url*; it has not sent anything yet.

    Raises:
        Invalid: as `check_service`, or the address lacks a part.
    """
    from apprise.exception import AppriseException  # it takes half a second to load

    check_service(url)
    scheme = _scheme_of(url)
    try:
        for kind in _kinds_of(scheme):
            parse = kind.parse_native_url if scheme in _NATIVE else kind.parse_url
            if results := parse(url.replace("/#", "/%23")):  # as apprise itself does
                _check_options((*results, *results.get("qsd", ())))
                return kind(**results, **({"asset": asset} if asset else {}))
    except (AppriseException, TypeError, ValueError, AttributeError) as error:
        raise Invalid(_UNKNOWN) from error
    raise Invalid(_UNKNOWN)


def _kinds_of(scheme: str) -> list[Any]:
    names = [MODULE_OF[scheme]] if scheme in MODULE_OF else sorted(_MODULES)
    return [_plugin_in(name) for name in names]


def _plugin_in(name: str) -> Any:
    module = import_module(f"apprise.plugins.{name}")
    for value in vars(module).values():
        own = isinstance(value, type) and value.__module__ == module.__name__
        if own and (
            getattr(value, "protocol", None) or getattr(value, "secure_protocol", None)
        ):
            return value
    raise LookupError(name)


def _scheme_of(url: str) -> str:
    try:
        return urlsplit(url.strip()).scheme.lower()
    except ValueError:
        return ""
