"""Usage records as they come in: their shape, and what can be wrong with them."""

from ledger.usage.checks import (
    EARLIEST,
    LATEST,
    MOST_COST,
    check,
    is_rounded,
    odd_characters,
)
from ledger.usage.decoding import (
    MOST_BYTES,
    Rejected,
    decode_batch,
    decode_error,
    decode_one,
)
from ledger.usage.details import parse_metadata, parse_tags
from ledger.usage.records import (
    MOST_TOKENS,
    NOT_SENT,
    ChargePart,
    Usage,
    is_metered,
)
from ledger.usage.senders import KEY_TAG, sender_in, tag_senders, with_sender

__all__ = [
    "EARLIEST",
    "KEY_TAG",
    "LATEST",
    "MOST_BYTES",
    "MOST_COST",
    "MOST_TOKENS",
    "NOT_SENT",
    "ChargePart",
    "Rejected",
    "Usage",
    "check",
    "decode_batch",
    "decode_error",
    "decode_one",
    "is_metered",
    "is_rounded",
    "odd_characters",
    "parse_metadata",
    "parse_tags",
    "sender_in",
    "tag_senders",
    "with_sender",
]
