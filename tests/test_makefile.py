"""The Makefile: what is only asked about is not done."""

import re

from tests.databases import ROOT


def test_asking_what_a_target_would_do_does_nothing() -> None:
    """`make -n` runs lines that call make, or begin with +, and what is expanded."""
    text = (ROOT / "Makefile").read_text()

    assert (
        re.findall(r"^\t[@-]*\+.*|.*\$[({]MAKE[)}].*|.*\$\(shell.*", text, re.M) == []
    )
