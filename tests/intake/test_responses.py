"""One response of a provider counts once, whoever reports it and by whichever door."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Organization
from budgets.models import BudgetPeriod, Reservation
from ledger.models import CostRecord, Response
from tests.controls.factories import authorize, lease, make_hard
from tests.factories import Api, make_budget, make_key, make_organization, usage_record
from tests.intake.otlp_exports import CHAT, Exporter, make_span

pytestmark = pytest.mark.django_db


def called(usage_id: str, response_id: str | None = "chatcmpl-1", **fields: Any) -> Any:
    return usage_record(id=usage_id, response_id=response_id, **fields)


def booked() -> list[str]:
    return sorted(CostRecord.objects.values_list("usage_id", flat=True))


def test_a_second_report_of_a_response_is_told_what_it_repeats(api: Api) -> None:
    first = api.post("usage", called("app"))
    second = api.post("usage", called("gateway", project_id="other"))
    again = api.post("usage", called("gateway", project_id="other"))

    assert (first.status, first.body["duplicate"]) == (201, False)
    assert "duplicate_of" not in first.body
    assert (second.status, second.body["duplicate"]) == (200, True)
    assert second.body["duplicate_of"] == "app"
    assert second.body["conflict"] is False
    assert second.body["cost"] == first.body["cost"]
    assert again.body == second.body
    assert booked() == ["app"]
    assert CostRecord.objects.get().response_id == "chatcmpl-1"


def test_a_repeat_by_its_own_id_is_a_plain_repeat(api: Api) -> None:
    api.post("usage", called("app"))

    again = api.post("usage", called("app"))

    assert (again.body["duplicate"], again.body["conflict"]) == (True, False)
    assert "duplicate_of" not in again.body


def test_in_a_batch_the_first_of_a_response_counts(api: Api) -> None:
    api.post("usage", called("known"))

    answer = api.post(
        "usage/batch",
        [
            called("z", "r-2"),
            called("a", "r-2"),
            called("b"),
            called("plain", None),
            called("z", "r-2"),
        ],
    )

    assert (answer.body["accepted"], answer.body["duplicates"]) == (2, 3)
    assert answer.body["repeated_responses"] == [
        {"index": 1, "id": "a", "duplicate_of": "z"},
        {"index": 2, "id": "b", "duplicate_of": "known"},
    ]
    assert answer.body["conflicts"] == []
    assert answer.body["total_cost"] == "0.0250000000"
    assert booked() == ["known", "plain", "z"]


def test_a_batch_that_comes_again_is_told_the_same(api: Api) -> None:
    batch = [called("z", "r-2"), called("a", "r-2"), called("b", "r-3")]
    first = api.post("usage/batch", batch).body

    again = api.post("usage/batch", batch).body

    assert (again["accepted"], again["duplicates"]) == (0, 3)
    assert again["repeated_responses"] == first["repeated_responses"]
    assert booked() == ["b", "z"]


@pytest.mark.parametrize(
    ("provider", "is_same"),
    [
        ("OpenAI", True),
        ("openai.responses", True),
        ("azure", False),
        ("anthropic", False),
    ],
)
def test_a_response_is_known_by_its_provider_however_it_is_spelled(
    api: Api, provider: str, is_same: bool
) -> None:
    api.post("usage", called("app"))

    answer = api.post("usage", called("gateway", provider=provider))

    assert answer.body.get("duplicate_of") == ("app" if is_same else None)


@pytest.mark.parametrize("nothing", [None, "", " ", "None", "null", "undefined"])
def test_no_id_of_a_response_is_none(api: Api, nothing: str | None) -> None:
    for usage_id in ("one", "other"):
        assert api.post("usage", called(usage_id, nothing)).status == 201

    assert not Response.objects.exists()


def test_another_organization_has_responses_of_its_own(api: Api) -> None:
    other = Api(make_key(organization=make_organization("other")))
    api.post("usage", called("app"))

    assert other.post("usage", called("gateway")).status == 201


def test_an_organization_may_count_every_record(
    acme: Organization, api: Api, platform: Api
) -> None:
    changed = platform.patch("organizations/acme", {"response_ids": "ignore"})
    assert (changed.status, changed.body["response_ids"]) == (200, "ignore")

    answers = [api.post("usage", called(usage_id)) for usage_id in ("app", "gateway")]
    platform.patch("organizations/acme", {"response_ids": "once"})
    api.post("usage", called("from-now-on"))
    last = api.post("usage", called("repeat"))

    assert [answer.status for answer in answers] == [201, 201]
    assert last.body["duplicate_of"] == "from-now-on"
    assert platform.patch("organizations/acme", {"response_ids": "no"}).status == 400


def test_two_traces_of_one_response_cost_it_once(acme: Organization, api: Api) -> None:
    exporter = Exporter(make_key("usage:write", organization=acme))
    attributes = {
        **CHAT,
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.response.id": "chatcmpl-1f2e3d",
        "gen_ai.usage.output_tokens": 100,
    }

    for trace, service in ((12, "app"), (13, "gateway")):
        span = make_span(attributes=attributes, trace=trace)
        assert exporter.send(span, resource={"service.name": service}).rejected == 0

    (record,) = CostRecord.objects.all()
    assert record.total_cost == Decimal("0.0035")
    assert record.response_id == "chatcmpl-1f2e3d"
    answer = api.post("usage", called("by-hand", "chatcmpl-1f2e3d"))
    assert answer.body["duplicate_of"] == record.usage_id


def test_a_file_and_a_span_are_one_response(
    acme: Organization, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "usage.csv"
    path.write_text(
        "id,timestamp,provider,model,input_tokens,output_tokens,response_id\n"
        "f1,2026-11-01T00:00:00Z,openai,gpt-4o,1000,100,r-1\n"
        "f2,2026-11-01T00:00:00Z,openai,gpt-4o,1000,100,r-1\n"
    )

    call_command("import_usage", path, organization="acme")

    assert "1 records loaded, 1 were there already" in capsys.readouterr().out
    assert booked() == ["f1"]


def test_what_was_set_aside_for_a_repeat_is_given_back(
    acme: Organization, api: Api
) -> None:
    make_hard(acme, "Company", "10")
    asked = authorize(api)
    api.post("usage", called("app"))
    assert BudgetPeriod.objects.get(budget__name="Company").reserved == 1

    answer = api.post("usage", called("gateway", authorization_id=asked["id"]))

    assert answer.body["duplicate_of"] == "app"
    assert answer.body["authorization"]["known"]
    assert Reservation.objects.get().state == "settled"
    assert not BudgetPeriod.objects.filter(reserved__gt=0).exists()


def test_a_repeat_draws_nothing_from_a_lease(acme: Organization, api: Api) -> None:
    make_hard(acme, "Company", "10")
    held = lease(api, amount="5")
    api.post("usage", called("app"))
    before = Reservation.objects.get().held

    api.post("usage", called("gateway", authorization_id=held["id"]))

    row = Reservation.objects.get()
    assert (row.state, row.held) == ("open", before)


def test_verify_finds_a_response_whose_usage_is_not_there(
    acme: Organization, api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    make_budget(acme)
    api.post("usage", called("app"))
    call_command("verify")
    Response.objects.update(usage_id="nobody")

    with pytest.raises(CommandError):
        call_command("verify")

    assert "counts for nobody" in capsys.readouterr().out
