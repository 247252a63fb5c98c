"""Words of the product's that stand in a report's figures, in the document's language.
Pure."""

from django.utils.translation import gettext, gettext_noop

# What is said of causes, drivers, alerts, requests and signatures. Known to whoever
# translates; any other word is written as it is.
KNOWN = (
    *(gettext_noop("volume"), gettext_noop("price"), gettext_noop("mix")),
    *(gettext_noop("currency"), gettext_noop("model"), gettext_noop("project")),
    *(gettext_noop("team"), gettext_noop("department"), gettext_noop("user")),
    *(gettext_noop("provider"), gettext_noop("environment")),
    *(gettext_noop("info"), gettext_noop("warning"), gettext_noop("critical")),
    *(gettext_noop("firing"), gettext_noop("acknowledged"), gettext_noop("resolved")),
    *(gettext_noop("submitted"), gettext_noop("changes requested")),
    *(gettext_noop("approved"), gettext_noop("rejected"), gettext_noop("withdrawn")),
    *(gettext_noop("expired"), gettext_noop("new budget"), gettext_noop("increase")),
    *(gettext_noop("transfer"), gettext_noop("temporary raise")),
    *(gettext_noop("rollover exception"), gettext_noop("rule exception")),
    *(gettext_noop("prepared by"), gettext_noop("reviewed by")),
    gettext_noop("approved by"),
)


def said(word: str) -> str:
    """Write *word* as it begins a line: "Volume"; nothing stays nothing."""
    key = word.lower()
    known = gettext(key) if key in KNOWN else word
    return known[:1].upper() + known[1:]
