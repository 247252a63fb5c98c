from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django import forms
from django.template import Context, Template
from django.utils import timezone

from console.templatetags.console import status
from tests.pages import read

AT = datetime(2026, 11, 9, 14, 2, 30, tzinfo=UTC)


def written(source: str, **context: Any) -> str:
    template = Template("{% load console %}" + source)
    return template.render(Context({"locale": "en_US", **context})).strip()


class Form(forms.Form):
    name = forms.CharField(help_text="As people know it.")
    note = forms.CharField(required=False)


@pytest.mark.parametrize(
    ("value", "locale", "words"),
    [
        (Decimal("1234.5"), "en_US", "$1,234.50"),
        (Decimal("-3"), "en_US", "-$3.00"),
        (Decimal("0.0021"), "en_US", "$0.0021"),
        (Decimal("1234.5"), "de_DE", "1.234,50\N{NO-BREAK SPACE}$"),
        (None, "en_US", "none"),
    ],
    ids=["separators", "sign", "small", "of the reader", "nothing"],
)
def test_money_is_written_as_the_reader_has_it(
    value: Decimal | None, locale: str, words: str
) -> None:
    source = '{% amount value "USD" "none" %}'

    assert written(source, value=value, locale=locale) == words


def test_the_readers_browser_tells_the_locale_where_the_site_does_not() -> None:
    headers = {"HTTP_ACCEPT_LANGUAGE": "de-de"}
    request = SimpleNamespace(COOKIES={}, META=headers, path_info="/")

    words = written("{% percent share %}", share=None, locale="", request=request)

    assert words == "\N{EN DASH}"


def test_times_are_written_in_one_way() -> None:
    moment = written('{% moment at "Europe/Berlin" %}', at=AT)

    assert 'datetime="2026-11-09T14:02:30+00:00"' in moment
    assert 'title="2026-11-09 14:02:30 UTC"' in moment
    assert read(moment).text == "9 Nov 2026, 15:02"
    assert written("{% day at %} {% day at is_end=True %}", at=AT) == (
        "9 Nov 2026 9 Nov 2026"
    )


def test_what_is_past_is_told_by_how_long_ago() -> None:
    at = timezone.now() - timedelta(minutes=5, seconds=1)

    assert read(written("{% since at %}", at=at)).text == "5 min ago"
    assert written("{% since at %}", at=None) == ""


def test_a_state_has_colour_shape_and_word() -> None:
    drawn = status("WARNING", "<b>Late", title="since 9")

    assert 'class="co-status co-is-WARNING"' in drawn
    assert 'title="since 9"' in drawn
    assert 'href="#co-WARNING"' in drawn
    assert "&lt;b&gt;Late" in drawn
    assert drawn.startswith("<span")


def test_a_state_can_be_a_door() -> None:
    page = read(status("OK", "All well", url="/all/"))

    assert page.links == {"All well": "/all/"}


def test_crumbs_end_where_the_page_is() -> None:
    source = (
        '{% crumbs "Guardrails" "admin:controls_controlrule_changelist" way '
        '"admin:controls_controlrule_budget" here=here %}'
    )
    way = [(1, "Acme"), (2, "ML")]

    named = read(written(source, way=way, here="History"))
    unnamed = read(written(source, way=way, here=""))

    assert list(named.links) == ["Guardrails", "Acme", "ML"]
    assert named.text == "Guardrails Acme ML History"
    assert list(unnamed.links) == ["Guardrails", "Acme"]
    assert unnamed.text == "Guardrails Acme ML"


def test_a_head_has_styles_and_scripts() -> None:
    loaded = written('{% head "budgets.css" "tree.js" %}')

    assert 'rel="stylesheet" href="/static/console/budgets.css"' in loaded
    assert 'src="/static/console/tree.js" defer' in loaded


def test_an_empty_state_teaches() -> None:
    page = read(
        written('{% emptystate "No key" %}<p>Make {{ n }}.</p>{% endemptystate %}', n=1)
    )

    assert page.headings == ["No key"]
    assert page.paragraphs == ["Make 1."]


def test_facts_may_be_doors() -> None:
    pairs = [("Spent", "$1.00", "/records/"), ("Left", "$2.00")]

    page = read(written("{% figures pairs %}", pairs=pairs))

    assert page.facts() == {"Spent": "$1.00", "Left": "$2.00"}
    assert page.links == {"$1.00": "/records/"}


def test_a_form_says_what_needs_another_look() -> None:
    form = Form({"note": "x"})

    page = read(written("{% errors form %}{% fields form.name form.note %}", form=form))

    assert page.paragraphs == [
        "Not saved: 1 field needs another look.",
        "This field is required.",
        "As people know it.",
    ]
    assert written("{% errors form %}", form=Form({"name": "x"})) == ""
    assert written("{% field none %}", none=None) == ""


def test_a_chooser_keeps_what_was_chosen() -> None:
    drawn = written(
        '{% chooser "State" "state" states 2 nothing="Any" %}',
        states=[(1, "Open"), (2, "Done")],
    )

    assert '<option value="">Any</option>' in drawn
    assert '<option value="2" selected>Done</option>' in drawn
