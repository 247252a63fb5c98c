import csv
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from io import BytesIO, StringIO

import pikepdf
import pytest

from reports.monthly.errors import UnsoundReport
from reports.monthly.figures import Comment, MonthlyFigures, ReportRow
from reports.monthly.paper import pdf_of
from reports.paper import making
from reports.paper.making import PaperFailed
from reports.paper.writers import PaperWriter
from tests.reports.months import MONTH, month_of
from tests.reports.papers import Paper, paper_or_skip
from tests.sizes import at_night, every_day_on_sqlite, size

pytestmark = every_day_on_sqlite

BUDGETS = size(45, 200)
CHAPTERS = [
    "The month",
    "Variance by budget",
    "The year by budget",
    "Comments",
    "Alerts",
    "Requests for money",
    "Exceptions",
    "What the figures rest on",
    "Signatures",
]


def made_of(figures: MonthlyFigures) -> Paper:
    try:
        return paper_or_skip(pdf_of(figures))
    except PaperFailed as failure:
        return paper_or_skip(failure)


@pytest.fixture(scope="module")
def figures() -> MonthlyFigures:
    return month_of(BUDGETS)


@pytest.fixture(scope="module")
def paper(figures: MonthlyFigures) -> Paper:
    return made_of(figures)


def written(figures: MonthlyFigures) -> PaperWriter:
    return PaperWriter(figures.locale, figures.currency, figures.zone)


# -- What it says


def test_the_first_page_says_it_all(paper: Paper, figures: MonthlyFigures) -> None:
    writer, first = written(figures), paper.pages[0]

    assert figures.sentence in first
    assert writer.money(figures.total.spent) in first
    assert writer.money(figures.total.budgeted) in first
    assert writer.change(figures.total.variance) in first
    assert writer.money(figures.outlook.expected) in first
    assert all(driver.name in first for driver in figures.drivers)
    assert all(decision.words in first for decision in figures.decisions)
    assert {decision.link for decision in figures.decisions} <= set(paper.links)


def test_the_text_has_each_figure_of_each_budget(
    paper: Paper, figures: MonthlyFigures
) -> None:
    writer = written(figures)

    missing = [
        (row.path[-1], amount)
        for row in figures.rows
        for amount in _amounts_of(row, writer)
        if amount not in paper.text
    ]

    assert missing == []


def _amounts_of(row: ReportRow, writer: PaperWriter) -> Iterator[str]:
    for one in (row.month, row.year_to_date, row.full_year):
        yield writer.plain(one.budgeted)
        yield writer.plain(one.spent)
    yield f"{writer.plain_change(row.month.variance)}"


def test_the_file_within_has_each_figure_to_the_last_place(
    paper: Paper, figures: MonthlyFigures
) -> None:
    *rows, total = csv.DictReader(StringIO(paper.files["budgets-2026-10.csv"]))

    assert [Decimal(row["month_actual"]) for row in rows] == [
        row.month.spent for row in figures.rows
    ]
    assert [Decimal(row["full_year_expected"]) for row in rows] == [
        row.full_year.spent for row in figures.rows
    ]
    assert Decimal(total["month_actual"]) == figures.total.spent
    assert Decimal(total["month_variance"]) == figures.total.variance


def test_the_other_file_leads_from_budget_to_actual(paper: Paper) -> None:
    rows = list(csv.DictReader(StringIO(paper.files["figures-2026-10.csv"])))
    bridge = [row for row in rows if row["part"] == "bridge"]

    start, *causes, end = (Decimal(row["amount"]) for row in bridge)

    assert start + sum(causes) == end


# -- Who can read it


def test_each_part_is_a_heading_and_a_bookmark(paper: Paper) -> None:
    assert paper.bookmarks[0] == "LLM spend, October 2026"
    assert [one for one in paper.bookmarks if one in CHAPTERS] == CHAPTERS
    assert len(paper.tree.all("H1")) == 1
    assert len(paper.tree.all("H2")) >= len(CHAPTERS)


def test_each_head_of_a_table_says_which_way_it_looks(paper: Paper) -> None:
    tables = paper.tree.all("Table")

    assert len(tables) == 12
    assert {head.scope for table in tables for head in table.all("TH")} == {
        "Column",
        "Row",
    }
    for table in tables:
        heads = [head for part in table.all("THead") for head in part.all("TH")]
        assert heads
        assert {head.scope for head in heads} == {"Column"}


def test_the_heads_are_repeated_on_each_page_of_a_table(paper: Paper) -> None:
    pages = [page for page in paper.pages if "Likely between" in page]
    heads = [len(table.all("THead")) for table in paper.tree.all("Table")]

    assert len(pages) > 1
    assert set(heads) == {1}  # and are read out once


def test_each_chart_says_its_figures_in_words(
    paper: Paper, figures: MonthlyFigures
) -> None:
    said = [one.alt for one in paper.tree.all("Figure")]

    assert len(said) == 4
    assert all(said)
    budgeted = written(figures).money(figures.total.budgeted)
    assert sum(budgeted in words for words in said) == 2


def test_each_page_has_its_number_and_none_of_it_is_read_as_content(
    paper: Paper,
) -> None:
    count = len(paper.pages)

    assert paper.reader.page_labels == [str(number + 1) for number in range(count)]
    for number, page in enumerate(paper.pages, start=1):
        assert f"Page {number} of {count}" in page
    with pikepdf.open(BytesIO(paper.content)) as pdf:
        assert all(
            b"/Pagination" in page.obj.Contents.read_bytes() for page in pdf.pages
        )


def test_all_that_is_marked_as_content_is_in_the_tree(paper: Paper) -> None:
    with pikepdf.open(BytesIO(paper.content)) as pdf:
        numbers = pdf.Root.StructTreeRoot.ParentTree.Nums
        for place, page in enumerate(pdf.pages):
            stream = page.obj.Contents.read_bytes()
            marked = stream.count(b"/MCID")
            assert sum(one is not None for one in numbers[2 * place + 1]) == marked


def test_it_says_its_language_and_that_it_is_for_all(paper: Paper) -> None:
    with pikepdf.open(BytesIO(paper.content)) as pdf:
        assert str(pdf.Root.Lang) == "en"
        assert pdf.Root.MarkInfo.Marked
        assert pdf.Root.ViewerPreferences.DisplayDocTitle
        assert pdf.Root.StructTreeRoot is not None
        assert b"pdfuaid:part" in pdf.Root.Metadata.read_bytes()
        for file in pdf.Root.AF:
            assert str(file.Desc)
            assert file.AFRelationship == "/Data"


# -- When it is made


def test_the_same_figures_are_the_same_bytes_wherever_it_is_made(
    paper: Paper, figures: MonthlyFigures, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = {"LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7"}
    monkeypatch.setattr(making, "_FIXED", elsewhere)

    told: list[float] = []

    again = pdf_of(figures, told.append)

    assert again == paper.content
    assert told == sorted(told)
    assert 0 < told[0] < told[-1] < 1


@pytest.mark.parametrize("budgets", [0, 1])
def test_a_report_of_few_budgets_is_a_report(budgets: int) -> None:
    paper = made_of(replace(month_of(budgets), is_draft=False))

    assert ("There are no budgets in this report." in paper.text) is (budgets == 0)
    assert "Page 1 of" in paper.pages[0]
    assert "Draft" not in paper.text


def test_a_draft_says_so_on_each_page(paper: Paper) -> None:
    assert all("Draft" in page for page in paper.pages)


def test_it_refuses_totals_that_do_not_add_up(figures: MonthlyFigures) -> None:
    more = replace(figures.total, spent=figures.total.spent + Decimal("1e-10"))

    with pytest.raises(UnsoundReport):
        pdf_of(replace(figures, total=more))


# -- Whatever people write


HOSTILE = (
    "<script>alert(1)</script></style>",
    "{{ settings.SECRET_KEY }}{% now 'Y' %}",
    '=HYPERLINK("http://x")',
    "Π" * 300,
    "סכום-חודשי",
    "Бюджет на поиск",
    "Ещё \N{ZERO WIDTH JOINER} \N{RIGHT-TO-LEFT OVERRIDE}abc",
    "\\22 ; } @page { size: A0 }",
)


def test_names_are_nothing_but_names() -> None:
    figures = month_of(8)
    rows = tuple(
        replace(row, path=(*row.path[:-1], name), owner=name, comment=_comment(name))
        for row, name in zip(figures.rows, HOSTILE, strict=True)
    )

    paper = made_of(replace(figures, rows=rows, organization=HOSTILE[-1]))

    assert "<script>alert(1)</script></style>" in paper.text
    assert "{{ settings.SECRET_KEY }}{% now 'Y' %}" in paper.text
    assert "Бюджет на поиск" in paper.text
    assert "Π" * 20 in paper.text
    cells = list(csv.DictReader(StringIO(paper.files["budgets-2026-10.csv"])))
    assert cells[2]["owner"] == f"'{HOSTILE[2]}"
    assert {float(page.mediabox.width) for page in paper.reader.pages} == {612.0}


def _comment(name: str) -> Comment:
    found = next(row.comment for row in month_of(30).rows if row.comment)
    return replace(found, text=name * 5, owner=name, action=name, driver=name)


@at_night
def test_a_report_of_a_thousand_budgets_is_made() -> None:
    paper = made_of(month_of(1_000))

    assert len(paper.pages) > 50
    assert f"{MONTH:%B %Y}" in paper.pages[0]
