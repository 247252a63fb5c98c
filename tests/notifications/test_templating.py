import time
from typing import Any

import pytest

from lib.errors import Invalid
from notifications import templating
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
        pytest.param({"text": "a\ud83d"}, id="half an emoji"),
        pytest.param({"attachments": [{"a\ud83d": "x"}]}, id="half a key"),
        pytest.param({"text": "{{ a }}" * 101}, id="too many variables in a text"),
        pytest.param(
            {"attachments": [{"a": "{{ a }}" * 50}] * 5}, id="too many variables"
        ),
        pytest.param({"attachments": [{"a": "x" * 4000}] * 7}, id="too long in all"),
        pytest.param({"attachments": [{"a" * 25_000: "x"}]}, id="too long a key"),
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


BOMBS = {
    "comments": f"{{% comment %}}{'{{' * 1970}{{% endcomment %}}",
    "fewer of them": f"{{% comment %}}{'{{' * 99}{{% endcomment %}}",
    "raw text": f"{{% raw %}}{'{%' * 1970}{{% endraw %}}",
    "never closed": "{{" * 100,
    "overlapping": "{" * 3_900,
    "with dashes": "{{-" * 1_300,
    "blanks": f"{{{{{' ' * 3_900}}}}}",
    "blanks between": f"{{{{{(' ' * 40 + '.') * 90}}}}}",
    "parentheses": f"{{% if {'(' * 1900}a{')' * 1900} %}}{{% endif %}}",
    "filters": f"{{{{ alert.message{' | upcase' * 400} }}}}",
    "conditions": f"{{% if a{' or a' * 700} %}}{{% endif %}}",
    "blocks": "{% if a %}" * 200 + "{% endif %}" * 200,
    "parts": f"{{{{ a{'.b' * 1900} }}}}",
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_no_text_costs_more_than_a_moment(text: str) -> None:
    templates = {"text": text}, {"attachments": [{"a": text}] * 10}

    began = time.process_time()
    for template in templates:
        with pytest.raises(Invalid):
            read_template(template)
        worded(make_message(), template)

    assert time.process_time() - began < 0.2


LOOP = "{% for i in (1..100) %}"
BUSY = {
    "filters": f"{LOOP}{'{{ alert.message | upcase | size }}' * 95}{{% endfor %}}",
    "long texts": f"{{% assign s = alert.message %}}{LOOP}"
    + "{% assign s = s | append: s | truncate: 900 %}{{ s | size }}" * 40
    + "{% endfor %}",
    "big numbers": f"{{% assign n = 9 %}}{LOOP}{{% assign n = n | times: n %}}"
    "{% endfor %}",
    "nested": f"{LOOP}{LOOP}x{{% endfor %}}{{% endfor %}}",
}


@pytest.mark.parametrize("text", BUSY.values(), ids=BUSY)
def test_rendering_takes_no_longer_than_it_may(text: str) -> None:
    template = {"attachments": [{"a": text}, {"b": text}]}
    read_template(template)

    began = time.process_time()
    worded(make_message(), template)

    assert time.process_time() - began < 2 * templating.RENDERING_S


def test_a_template_that_takes_too_long_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(templating, "RENDERING_S", -1)

    made = worded(make_message(text="plain"), {"text": "{{ alert.message }}"})

    assert made.text == "plain"
    assert "too long" in made.problem
