"""Looking whether journals are as they were posted."""

from collections.abc import Iterator

from django.db.models import Prefetch

from accounts.models import Organization
from lib.errors import Refusal
from lib.money import wire
from reports.journals.amounts import ZERO
from reports.journals.services import amounts_of, posted_files
from reports.journals.systems import SYSTEMS
from reports.models import Journal, JournalLine


def differences(organization: Organization) -> Iterator[str]:
    """Yield, in sentences, which journals are not as they were posted."""
    lines = Prefetch("lines", JournalLine.objects.order_by("number"))
    rows = Journal.objects.filter(organization=organization).prefetch_related(lines)
    expected: dict[object, int] = {}
    for journal in rows.select_related("organization").order_by("month", "number"):
        number = expected.get(journal.month, 0) + 1
        if journal.number != number:
            month, last = f"{journal.month:%Y-%m}", journal.number - 1
            yield f"journals {number} to {last} of {month} are missing"
        expected[journal.month] = journal.number
        total = sum(amounts_of(journal).values(), ZERO)
        if total != journal.amount:
            yield (
                f"journal {journal.external_id} has lines of {wire(total)}, and was "
                f"posted with {wire(journal.amount)}"
            )
        for name, system in SYSTEMS.items():
            if name not in journal.files:
                continue
            try:
                posted_files(journal, system)
            except Refusal:
                yield f"the {name} file of journal {journal.external_id} is another"
