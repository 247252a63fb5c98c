"""Which API key usage came by, as a tag: where budgets are made for each key."""

from collections.abc import Iterable

import msgspec

from ledger.usage.details import parse_tags
from ledger.usage.records import Usage

KEY_TAG = "api_key"
_encode = msgspec.json.Encoder().encode


def tag_senders(usage: Iterable[Usage]) -> None:
    """Have each of *usage* carry the prefix of the key it came by, whatever it says."""
    for one in usage:
        if one.sent_by:
            tags = with_sender(parse_tags(bytes(one.tags)), one.sent_by)
            one.tags, one.sent_by = msgspec.Raw(_encode(tags)), ""


def with_sender(
    tags: list[str] | dict[str, str], prefix: str
) -> list[str] | dict[str, str]:
    """Return *tags* in their one form, with the prefix of a key."""
    if isinstance(tags, dict):
        return dict(sorted({**tags, KEY_TAG: prefix}.items()))
    said = (f"{KEY_TAG}:", f"{KEY_TAG}=")
    others = {tag for tag in tags if not tag.startswith(said)}
    return sorted(others | {f"{KEY_TAG}:{prefix}"})


def sender_in(tags: list[str] | dict[str, str]) -> str:
    """Return the prefix that *tags* carry; "": none."""
    if isinstance(tags, dict):
        return tags.get(KEY_TAG, "")
    begun = f"{KEY_TAG}:"
    return next((tag[len(begun) :] for tag in tags if tag.startswith(begun)), "")
