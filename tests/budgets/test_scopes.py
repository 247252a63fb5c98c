from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from budgets.scopes import LONGEST_VALUE, MOST_VALUES, BudgetScope, clean
from ledger.types import Sent
from tests.spellings import Spelled, in_scope, reaches, spelled

ENGINEERING = {
    "department": "engineering",
    "team": "search",
    "project": "",
    "environment": "production",
    "user": "",
    "provider": "openai",
    "model": "gpt-4o",
    "model_version": "",
}


@pytest.mark.parametrize(
    ("scope", "matches"),
    [
        ({}, True),
        ({"departments": ["engineering"]}, True),
        ({"departments": ["engineering", "sales"]}, True),
        ({"departments": ["sales"]}, False),
        ({"departments": ["Engineering"]}, False),
        ({"departments": ["engineering"], "teams": ["search"]}, True),
        ({"departments": ["engineering"], "teams": ["ads"]}, False),
        ({"projects": ["x"]}, False),
        ({"models": ["gpt-4o"], "providers": ["openai"]}, True),
    ],
)
def test_a_cost_has_one_value_of_each_dimension_that_is_named(
    scope: dict[str, Any], *, matches: bool
) -> None:
    assert BudgetScope.of(scope).matches(ENGINEERING, {}) is matches


@pytest.mark.parametrize(
    ("scope", "matches"),
    [
        ({"models": ["GPT-4o"]}, True),
        ({"models": ["openai/gpt-4o-latest"]}, True),
        ({"models": ["gpt-4o-2024-08-06"]}, True),
        ({"models": ["gpt-4o-20240806"]}, True),
        ({"models": ["gpt-4o-2024-05-13"]}, False),
        ({"models": ["gpt-4o-mini"]}, False),
        ({"models": ["gpt-4*"]}, False),
        ({"models": ["gpt-4*", "gpt-4o"]}, True),
        ({"models": ["gpt-4o*"]}, True),
        ({"models": ["GPT-*"]}, True),
        ({"models": ["*"]}, True),
        ({"providers": ["OpenAI.responses"]}, True),
        ({"providers": ["azure_openai"]}, False),
        ({"users": ["Ada@X.com"]}, True),
        ({"users": ["ada"]}, False),
    ],
)
def test_a_scope_means_models_providers_and_people_under_all_names(
    scope: dict[str, Any], *, matches: bool
) -> None:
    sent = Sent("", "", "", "", "ADA@x.com", "openai.chat", "OpenAI/GPT-4o-2024-08-06")

    assert BudgetScope.of(clean(scope)).matches(sent.filed()._asdict(), {}) is matches


@pytest.mark.parametrize(
    ("wanted", "tags", "matches"),
    [
        ({"team": "a"}, {"team": "a"}, True),
        ({"team": "a"}, {"team": "b"}, False),
        ({"team": ""}, {"team": "b"}, True),
        ({"team": ""}, {"team": ""}, True),
        ({"team": ""}, {}, False),
        ({"team": "a"}, ["team:a"], True),
        ({"team": "a"}, ["team=a"], True),
        ({"team": "a"}, ["team"], False),
        ({"team": "a"}, ["team:ab"], False),
        ({"team": ""}, ["team"], True),
        ({"team": ""}, ["team:a"], False),
        ({"team": "a", "beta": ""}, ["team:a"], False),
        ({"team": "a", "beta": ""}, ["beta", "team:a"], True),
        ({"team": "a", "beta": ""}, {"beta": "1", "team": "a"}, True),
    ],
)
def test_all_tags_are_there(
    wanted: dict[str, str], tags: Any, *, matches: bool
) -> None:
    assert BudgetScope.of({"tags": wanted}).matches(ENGINEERING, tags) is matches


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ({}, {}, True),
        ({}, {"teams": ["a"]}, True),
        ({"teams": ["a"]}, {"teams": ["b"]}, False),
        ({"teams": ["a", "b"]}, {"teams": ["b", "c"]}, True),
        ({"teams": ["a"]}, {"projects": ["x"]}, True),
        ({"teams": ["a"], "projects": ["x"]}, {"teams": ["a"]}, True),
        ({"teams": ["a"], "projects": ["x"]}, {"projects": ["y"]}, False),
        ({"tags": {"team": "a"}}, {"tags": {"team": "b"}}, False),
        ({"tags": {"team": "a"}}, {"tags": {"team": ""}}, True),
        ({"tags": {"team": "a"}}, {"tags": {"beta": "1"}}, True),
        ({"models": ["GPT-4o"]}, {"models": ["gpt-4o-2024-08-06"]}, True),
        ({"models": ["gpt-4o-2024-05-13"]}, {"models": ["gpt-4o-2024-08-06"]}, False),
        ({"models": ["gpt-4*"]}, {"models": ["gpt-4o"]}, False),
        ({"models": ["gpt-4*"]}, {"models": ["gpt-*"]}, True),
        ({"models": ["gpt-4*"]}, {"models": ["openai/gpt-4-turbo"]}, True),
        ({"models": ["gpt-4o-2024*"]}, {"models": ["gpt-4o"]}, True),
        ({"models": ["gpt-4o-mini*"]}, {"models": ["gpt-4o"]}, False),
        ({"models": ["o3*"]}, {"models": ["gpt-*"]}, False),
        ({"providers": ["openai.chat"]}, {"providers": ["OpenAI"]}, True),
        ({"users": ["Ada@x.com"]}, {"users": ["ada@X.com"]}, True),
    ],
)
def test_scopes_overlap_when_one_cost_can_match_both(
    one: dict[str, Any], other: dict[str, Any], *, overlap: bool
) -> None:
    first, second = BudgetScope.of(one), BudgetScope.of(other)

    assert first.overlaps(second) is second.overlaps(first) is overlap


@pytest.mark.parametrize("given_scope", [None, "", "company-wide", {}, {"teams": []}])
def test_nothing_named_is_everything(given_scope: object) -> None:
    assert clean(given_scope) == {}
    assert BudgetScope.of(clean(given_scope)).is_everything


def test_what_is_kept_is_sorted_and_has_nothing_twice() -> None:
    scope = clean(
        {"teams": ["b", "a", "b"], "projects": "x", "users": [], "tags": ["z", "y"]}
    )

    assert scope == {
        "teams": ["a", "b"],
        "projects": ["x"],
        "tags": {"y": "", "z": ""},
    }


@pytest.mark.parametrize(
    ("given_scope", "attr"),
    [
        ("all", "scope"),
        ([], "scope"),
        ({"team": ["a"]}, "scope.team"),
        ({"teams": [1]}, "scope.teams"),
        ({"teams": {"a": 1}}, "scope.teams"),
        ({"teams": [""]}, "scope.teams"),
        ({"teams": ["a\x00"]}, "scope.teams"),
        ({"teams": ["x" * (LONGEST_VALUE + 1)]}, "scope.teams"),
        ({"teams": [f"t{n}" for n in range(MOST_VALUES + 1)]}, "scope.teams"),
        ({"models": ["gpt*o"]}, "scope.models"),
        ({"tags": "beta"}, "scope.tags"),
        ({"tags": {"team": 1}}, "scope.tags"),
        ({"tags": {"team": "a\x00"}}, "scope.tags"),
        ({"tags": {"": "a"}}, "scope.tags"),
    ],
)
def test_a_scope_is_refused_by_the_name_of_what_is_wrong(
    given_scope: object, attr: str
) -> None:
    with pytest.raises(ValueError, match=r"scope") as refused:
        clean(given_scope)

    assert refused.value.args[0] == attr


values = st.lists(st.sampled_from(["a", "b", "c"]), max_size=2)
scopes = st.fixed_dictionaries(
    {},
    optional={
        "teams": values,
        "projects": values,
        "tags": st.dictionaries(
            st.sampled_from(["t", "u"]), st.sampled_from(["", "a", "b"])
        ),
    },
)


@settings(deadline=None, derandomize=True, database=None)
@given(
    scopes,
    scopes,
    st.sampled_from("abc"),
    st.sampled_from("abc"),
    st.dictionaries(st.sampled_from(["t", "u"]), st.sampled_from(["a", "b"])),
)
def test_what_matches_both_makes_them_overlap(
    one: dict[str, Any],
    other: dict[str, Any],
    team: str,
    project: str,
    tags: dict[str, str],
) -> None:
    cost = {**ENGINEERING, "team": team, "project": project}
    first, second = BudgetScope.of(clean(one)), BudgetScope.of(clean(other))

    if first.matches(cost, tags) and second.matches(cost, tags):
        assert first.overlaps(second)


some_models = st.lists(in_scope, min_size=1, max_size=3)


@settings(deadline=None, derandomize=True, database=None, max_examples=300)
@given(some_models, some_models, spelled)
def test_scopes_reach_the_models_they_mean_and_overlap_where_one_is_meant_by_both(
    one: list[str], other: list[str], used: Spelled
) -> None:
    first, second = BudgetScope.of({"models": one}), BudgetScope.of({"models": other})
    cost = Sent("", "", "", "", "", used.provider, used.model).filed()._asdict()

    for scope, wanted in ((first, one), (second, other)):
        meant = any(reaches(text, used.model) for text in wanted)
        assert scope.matches(cost, {}) is meant
    if first.matches(cost, {}) and second.matches(cost, {}):
        assert first.overlaps(second)
        assert second.overlaps(first)
