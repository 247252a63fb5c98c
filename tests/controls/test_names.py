"""Rules mean models, providers and people under all their names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controls.types import Ruling
from ledger.identity import person_named
from tests.controls.calls import a_call, a_rule, said
from tests.controls.namings import Naming, namings, rules_about
from tests.controls.spelled import Spelled, means, models, people, providers


def became(verdict: Ruling) -> str:
    return verdict.model if verdict.decision == "downgrade" else verdict.decision


@pytest.mark.parametrize("naming", namings(), ids=lambda one: one.model)
def test_a_rule_reaches_every_name_of_what_it_names(naming: Naming) -> None:
    call = a_call(naming.model, provider=naming.provider, user=naming.user)

    assert became(said(naming.rule, call=call)) == naming.becomes


@given(models(), models())
def test_any_spelling_of_a_model_blocks_as_another(
    written: Spelled, used: Spelled
) -> None:
    expected = "block" if means(written, used) else "allow"

    for rule in rules_about(written):
        verdict = said(rule, call=a_call(used.text))
        assert verdict.decision == expected
        assert verdict.model == used.text  # as it was asked for
    only = a_rule("model_blocklist", allowed_models=(written.text,))
    assert (said(only, call=a_call(used.text)).decision == "allow") is means(
        written, used
    )


@given(st.lists(models(), min_size=1, max_size=4), models())
def test_any_spelling_of_a_model_downgrades_as_another(
    written: list[Spelled], used: Spelled
) -> None:
    pairs = {one.text: f"target-{number}x" for number, one in enumerate(written)}
    listed = {one.text: one for one in written}
    fits = [one for one in listed.values() if means(one, used)]
    # Of those that mean it the one with a date, else the first that was written.
    best = next((one for one in fits if one.version), fits[0] if fits else None)

    verdict = said(a_rule("model_downgrade", downgrades=pairs), call=a_call(used.text))

    assert became(verdict) == (pairs[best.text] if best else "allow")


@given(providers(), providers())
def test_any_spelling_of_a_provider_is_that_provider(
    written: tuple[str, str], used: tuple[str, str]
) -> None:
    call = a_call(provider=used[0])
    is_one = written[1] == used[1]

    for trigger in (f'provider == "{written[0]}"', f'provider in ["{written[0]}"]'):
        assert (said(a_rule("block", trigger), call=call).decision == "block") is is_one
    other = a_rule("block", f'provider != "{written[0]}"')
    assert (said(other, call=call).decision == "allow") is is_one


@given(people(), people())
def test_any_spelling_of_a_mail_address_is_that_person(
    written: tuple[str, str], used: tuple[str, str]
) -> None:
    call = a_call(user=used[0])
    is_one = written[1] == used[1]
    exempt = a_rule("block", exempt_users=frozenset({person_named(written[0])}))

    assert (said(exempt, call=call).decision == "allow") is is_one
    named = a_rule("block", f'user == "{written[0]}"')
    assert (said(named, call=call).decision == "block") is is_one
