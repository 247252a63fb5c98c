from typing import Any

import pytest

from lib.errors import Invalid
from notifications.templating import read_template, worded
from notifications.transports.slack import escape
from tests.notifications.factories import SLACK_TEMPLATE, make_message


def test_a_slack_template_is_taken_and_filled_in() -> None:
    template = read_template(SLACK_TEMPLATE)

    made = worded(make_message(), template, escape=escape)

    assert made.problem == ""
    assert made.text == "ML Team &amp; co has spent 84 %."
    assert made.attachments == [
        {
            "color": "#d97706",
            "fields": [
                {"title": "Current", "value": "$12,600.00", "short": True},
                {"title": "Share", "value": "84%", "short": True},
            ],
        }
    ]


def test_without_a_template_the_plain_wording_is_used() -> None:
    message = make_message(text="A <b> & c")

    assert worded(message, {}, escape=escape).text == "A &lt;b&gt; &amp; c"
    assert worded(message, {}).text == "A <b> & c"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("{{ nobody.knows }}", "'nobody' is undefined", id="unknown"),
        pytest.param("{{ alert.nothing }}", "nothing is undefined", id="unknown part"),
        pytest.param("{% if alert.no %}x{% endif %}", "undefined", id="in a condition"),
        pytest.param("{{ alert.message", "expected", id="syntax"),
        pytest.param("{{ 1 | divided_by: 0 }}", "divide by 0", id="division"),
        pytest.param("{{ alert.__class__ }}", "undefined", id="Python's insides"),
        pytest.param("{{ alert.message.upper }}", "undefined", id="a method"),
        pytest.param("{% include 'x' %}", "unexpected tag", id="other templates"),
        pytest.param(
            "{% for i in (1..100000000) %}x{% endfor %}", "limit", id="endless"
        ),
        pytest.param(
            "{% assign x = 'aaaaaaaaaa' %}{% for i in (1..900) %}"
            "{% assign x = x | append: x %}{% endfor %}",
            "limit",
            id="ever longer",
        ),
        pytest.param(
            "{% assign x = 'a' %}{% for i in (1..900) %}"
            "{% capture x %}{{ x }}{{ x }}{% endcapture %}{% endfor %}",
            "limit",
            id="ever longer by itself",
        ),
        pytest.param(
            "{{ alert.message | replace: 'a', alert.message }}",
            "unknown filter",
            id="a filter that multiplies",
        ),
    ],
)
def test_a_broken_template_falls_back_to_the_plain_wording_and_says_so(
    text: str, reason: str
) -> None:
    message = make_message(text="plain")

    made = worded(message, {"text": text})

    assert made.text == "plain"
    assert made.problem.startswith("Template not used: ")
    assert reason in made.problem


def test_one_broken_text_takes_the_whole_template_out() -> None:
    broken = {"text": "{{alert.message}}", "attachments": [{"color": "{{nope}}"}]}

    made = worded(make_message(text="plain"), broken)

    assert (made.text, made.attachments) == ("plain", None)
    assert made.problem


@pytest.mark.parametrize("given", [None, "", {}])
def test_no_template_is_kept_as_none(given: Any) -> None:
    assert read_template(given) == {}


@pytest.mark.parametrize(
    "given",
    [
        pytest.param("text", id="not an object"),
        pytest.param({"txt": "x"}, id="unknown key"),
        pytest.param({"text": ["x"]}, id="text is a list"),
        pytest.param({"attachments": {"a": 1}}, id="attachments are an object"),
        pytest.param({"attachments": ["x"]}, id="an attachment is text"),
        pytest.param({"text": "{{ x"}, id="syntax"),
        pytest.param({"text": "{{ x | nonsense }}"}, id="unknown filter"),
        pytest.param({"text": "x" * 4001}, id="too long"),
        pytest.param({"text": "a\x00b"}, id="a NUL"),
        pytest.param({"attachments": [{"a": "x"}] * 201}, id="too many"),
        pytest.param(
            {"attachments": [{"a": [[[[[[[["x"]]]]]]]]}]}, id="nested too deep"
        ),
    ],
)
def test_a_template_that_cannot_work_is_refused_when_it_is_saved(given: Any) -> None:
    with pytest.raises(Invalid) as caught:
        read_template(given)

    assert caught.value.errors[0].attr.startswith("template")
