"""For how long an alert may be acknowledged or snoozed."""

SPANS = {
    "60": "1 hour",
    "240": "4 hours",
    "480": "8 hours",
    "1440": "1 day",
    "4320": "3 days",
    "10080": "1 week",
    "period": "The period",
}
USUAL_SPAN = "240"
SPAN_CONTEXT = {"spans": SPANS.items(), "usual_span": USUAL_SPAN}
