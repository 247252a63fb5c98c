"""Final reports, held against what was signed."""

from collections.abc import Iterator
from hashlib import sha256

from accounts.models import Organization
from reports.models import Report


def differences(organization: Organization) -> Iterator[str]:
    """Yield what is not as it was signed, in words."""
    finals = Report.objects.final().filter(organization=organization)
    for report in finals.order_by("month", "revision").iterator(chunk_size=10):
        if sha256(bytes(report.pdf or b"")).hexdigest() != report.digest:
            yield (
                f"The final report of {report.month:%B %Y}, revision "
                f"{report.revision:,}, is not the file that was signed."
            )
