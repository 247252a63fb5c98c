"""Text messages and phone calls, through the one service the operator has set up."""

from django.conf import settings

from notifications.templating import worded
from notifications.transports import service
from notifications.transports.base import Accepted, Parcel, TransportError

_LONGEST_TEXT = 480  # three text messages
_CALL = {"twilio": "method=call"}  # the others that call take no further word for it


def send_text(parcel: Parcel) -> Accepted:
    """Send the sentence and the main link as a text message."""
    wording = worded(parcel.message, parcel.template)
    link = parcel.message.links[0].url if parcel.message.links else ""
    room = _LONGEST_TEXT - len(link) - 1
    body = f"{wording.text[: max(room, 0)]} {link}".strip()
    return service.notify(_address(parcel), parcel, body, note=wording.problem)


def call(parcel: Parcel) -> Accepted:
    """Have the sentence read to somebody."""
    wording = worded(parcel.message, parcel.template)
    address = _address(parcel)
    scheme = address.partition("://")[0]
    if wish := _CALL.get(scheme):
        address += f"{'&' if '?' in address else '?'}{wish}"
    return service.notify(address, parcel, wording.text, note=wording.problem)


def _address(parcel: Parcel) -> str:
    if not settings.SMS_URL:
        reason = "No service for text messages and calls is set up (COSTOPS_SMS_URL)."
        raise TransportError(reason, permanent=True)
    before, _, query = settings.SMS_URL.partition("?")
    whole = f"{before.rstrip('/')}/{parcel.recipient}"
    return f"{whole}?{query}" if query else whole
