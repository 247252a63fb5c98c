from io import BytesIO

import pytest
from pypdf import PdfReader

from reports.monthly.paper import pdf_of
from reports.paper.making import PaperFailed
from tests.reports.months import month_of


@pytest.fixture(scope="module")
def reader() -> PdfReader:
    try:
        return PdfReader(BytesIO(pdf_of(month_of(20))))
    except PaperFailed as failure:
        pytest.skip(str(failure))


def test_the_summary_says_what_was_spent_and_what_was_budgeted(
    reader: PdfReader,
) -> None:
    first = reader.pages[0].extract_text()

    assert "$25,632.04" in first
    assert "$25,823.00" in first
