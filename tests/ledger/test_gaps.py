"""manage.py prices --check: what was used and has no price."""

import io

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Organization
from ledger.prices import add_price
from tests.factories import NOON, make_organization, report, usage_record

pytestmark = pytest.mark.django_db


def checked(*words: str) -> tuple[str, str]:
    """Return what is printed, and what is said as the command fails."""
    out = io.StringIO()
    try:
        call_command("prices", "--check", *words, stdout=out)
    except CommandError as error:
        return out.getvalue(), str(error)
    return out.getvalue(), ""


def lines_of(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_models_and_kinds_without_a_price_are_listed_the_most_used_first(
    acme: Organization,
) -> None:
    report(
        acme,
        usage_record(id="fine"),
        usage_record(id="named", model="unheard-of", cost=1),
        usage_record(id="a", model="unheard-of"),
        usage_record(id="b", quantities={"audio_input_tokens": 4}),
        usage_record(id="c", quantities={"audio_input_tokens": 5}),
        usage_record(id="d", model="gpt-4", cached_tokens=9),
    )
    report(make_organization("other"), usage_record(id="x", model="nobodys"))

    printed, failed = checked("--organization", "acme")

    shown = lines_of(printed)
    assert shown[0] == "acme"
    assert shown[2] == (
        "openai/gpt-4o - audio_input_tokens 2 2025-01-15 "
        "set a price: POST /pricing, or in the admin"
    )
    assert shown[3].startswith("openai/gpt-4 - cached_tokens 1 2025-01-15 priced at")
    assert shown[4].startswith("openai/unheard-of - all of it 1 2025-01-15 set a")
    assert "nobodys" not in printed
    assert failed == "3 records have no price. See above."


def test_a_price_set_meanwhile_leads_to_repricing(acme: Organization) -> None:
    report(acme, usage_record(quantities={"hats": 2}))
    add_price(
        organization=acme,
        provider="openai",
        model="gpt-4o",
        effective_from=NOON,
        quantities={"hats": "0.5"},
    )

    printed, failed = checked()

    assert "priced by now: manage.py reprice" in printed
    assert failed

    call_command(
        "reprice", "--organization", "acme", "--reason", "hats", stdout=io.StringIO()
    )
    printed, failed = checked()
    assert (printed.strip(), failed) == ("Everything that was used has a price.", "")


def test_what_stands_in_for_a_price_is_told_and_no_failure(acme: Organization) -> None:
    report(acme, usage_record(model="gpt-4", cached_tokens=9))

    printed, failed = checked()

    assert "cached_tokens" in printed
    assert failed == ""


def test_an_unknown_organization_is_refused() -> None:
    assert "no organization" in checked("--organization", "nobody")[1]
