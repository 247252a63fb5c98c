"""The reader of pages, by which tests of the admin see what a person does."""

import pytest

from tests.pages import read

PAGE = """
<h1>Alerts</h1>
<p>Two are
  firing.<script>alert("not read")</script></p>
<section aria-labelledby="a"><h2 id="a">Firing <span>2</span></h2>
<table><thead><tr><th>Budget</th><th>Spent</th><th>Change</th></tr></thead><tbody>
<tr><th scope="row">ML&nbsp;Team</th><td>$1 &amp; more</td><td><a href="/ml/"
  aria-label="Change: ML"><i class="material-symbols-outlined">edit</i></a></td></tr>
<tr><th scope="row">Sales</th><td>$2<br></td><td><button>Stop</button></td></tr>
</tbody></table></section>
<section><h2>Figures</h2>
<dl><dt>Limit</dt><dd>$5</dd><dt>Days</dt><dd>1</dd><dd>2</dd></dl></section>
"""


def test_a_cell_is_found_by_its_row_and_column() -> None:
    table = read(PAGE).table("Firing 2")

    assert table.columns == ["Budget", "Spent", "Change"]
    assert table.row("ML Team")["Spent"] == "$1 & more"
    assert table.column("Budget") == ["ML Team", "Sales"]


def test_what_is_not_read_is_not_text() -> None:
    page = read(PAGE)

    assert page.paragraphs[0] == "Two are firing."
    assert page.table().row("ML Team")["Change"] == ""


def test_links_and_buttons_go_by_their_names() -> None:
    page = read(PAGE)

    assert page.links == {"Change: ML": "/ml/"}
    assert page.buttons == ["Stop"]


def test_a_part_goes_by_its_heading() -> None:
    page = read(PAGE)

    assert page.headings == ["Alerts", "Firing 2", "Figures"]
    assert page.part("Figures").facts() == {"Limit": "$5", "Days": "1 2"}
    assert not list(page.part("Figures").all("table"))


@pytest.mark.parametrize("name", ["Fi", "Nothing"])
def test_what_is_not_there_is_not_found(name: str) -> None:
    with pytest.raises(AssertionError, match="Nothing is called"):
        read(PAGE).part(name)


@pytest.mark.parametrize("words", ["$", "Marketing"])
def test_a_row_is_one_or_none(words: str) -> None:
    with pytest.raises(AssertionError, match="rows"):
        read(PAGE).table().row(words)


def test_a_column_that_is_not_there_is_told() -> None:
    row = read(PAGE).table().row("Sales")

    with pytest.raises(AssertionError, match="No 'Left' in"):
        row["Left"]
