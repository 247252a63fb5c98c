import pytest

from dev.templates import all_faults, faults


def test_the_templates_are_laid_out() -> None:
    assert all_faults() == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"<p>{'a' * 120}</p>", "1: 127 columns, at most 120"),
        ("<ul><li>One</li></ul>", "1: more than one element begins here"),
        ("{% if a %}{% for b in a %}", "1: more than one tag opens here"),
    ],
    ids=["too wide", "two elements", "two tags"],
)
def test_what_is_crowded_is_found(line: str, reason: str) -> None:
    assert list(faults(line)) == [reason]


@pytest.mark.parametrize(
    "line",
    [
        '<p>See <a href="/">the <b>start</b></a>.</p>',
        "<td{% if a %} hidden{% endif %}>",
        "{% if a %}one{% else %}another{% endif %}",
    ],
    ids=["within text", "within an element", "a choice of words"],
)
def test_what_reads_as_one_is_fine(line: str) -> None:
    assert list(faults(line)) == []
