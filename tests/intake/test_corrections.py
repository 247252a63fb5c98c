"""POST /usage/{id}/correction, and files: the usage counts with its new content."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import Organization
from alerts.models import Alert
from budgets.closing import sweep_periods
from budgets.models import Budget, BudgetPeriod, Reservation
from budgets.reservations.lines import lines_of
from budgets.rollup import roll_up
from costops.tasks import follow
from ledger.models import CostRecord, Price, Repricing, Response
from tests.budgets.worlds import differences
from tests.controls.factories import authorize, make_hard
from tests.factories import (
    Answer,
    Api,
    browser_for,
    make_budget,
    make_key,
    make_organization,
    report,
    usage_record,
)

pytestmark = pytest.mark.django_db
JANUARY = datetime(2025, 1, 1, tzinfo=UTC)
WHY = "The last line of the stream was lost."


def content(**fields: Any) -> dict[str, Any]:
    record = usage_record(**fields)
    del record["id"]
    return record


def correct(api: Api, usage_id: str = "u1", **fields: Any) -> Answer:
    body = {"reason": WHY, **content(), **fields}
    return api.post(f"usage/{usage_id}/correction", body)


def spent(budget: Budget) -> dict[str, tuple[Decimal, int, int]]:
    return {
        f"{row.starts_at:%Y-%m}": (row.spent, row.requests, row.unpriced_requests)
        for row in BudgetPeriod.objects.filter(budget=budget).order_by("starts_at")
    }


@pytest.fixture(autouse=True)
def verified(acme: Organization) -> Iterator[None]:
    yield
    assert differences(acme) == []


def test_usage_counts_with_its_new_content_from_then_on(
    acme: Organization, api: Api
) -> None:
    web = make_budget(acme, "Web", scope={"projects": ["web"]}, now=JANUARY)
    app = make_budget(acme, "App", scope={"projects": ["app"]}, now=JANUARY)
    report(acme, usage_record(project_id="web"), usage_record(id="u2"))

    answer = correct(api, project_id="app", output_tokens=3000)

    assert answer.status == 201, answer.body
    assert answer.body["corrected"] is True
    assert (answer.body["id"], answer.body["usage_id"]) == ("u1", "u1")
    assert (answer.body["duplicate"], answer.body["priced"]) == (False, True)
    assert answer.body["cost"] == "0.0325000000"
    assert spent(web) == {"2025-01": (Decimal(0), 0, 0)}
    assert spent(app) == {"2025-01": (Decimal("0.0325"), 1, 0)}
    summary = api.get("analytics/summary").body
    assert (summary["total_cost"], summary["total_requests"]) == ("0.0450000000", 2)
    assert summary["output_tokens"] == 4000
    assert summary["by_project"] == {
        "app": "0.0325000000",
        "": "0.0125000000",
    }


def test_it_is_listed_once_and_with_all_there_was_on_request(
    acme: Organization, api: Api
) -> None:
    report(acme, usage_record(quantities={"searches": 1}))
    correct(api, output_tokens=2000, project_id="p", timestamp="2025-01-14T00:00:00Z")
    correct(api, output_tokens=3000, metadata={"line": 3})

    (record,) = api.get("costs").body
    versions = api.get("costs?corrections=include").body

    assert (record["correction"], record["corrected"]) == (2, True)
    assert (record["output_tokens"], record["project_id"]) == (3000, None)
    assert record["metadata"] == {"line": 3}
    assert record["total_cost"] == "0.0325000000"
    assert [(one["correction"], one["output_tokens"]) for one in versions] == [
        (1, 2000),
        (0, 1000),
        (2, 3000),
    ]
    assert api.get("costs?end_date=2025-01-14").body == []
    assert api.get("costs?project_id=p").body == []


def test_what_has_this_content_already_needs_no_correction(
    acme: Organization, api: Api
) -> None:
    report(acme, usage_record())

    answer = correct(api)

    assert (answer.status, answer.body["corrected"]) == (200, False)
    assert "nothing to correct" in answer.body["detail"]
    assert answer.body["cost"] == "0.0125000000"
    assert CostRecord.objects.count() == 1
    assert not Repricing.objects.exists()


def test_a_repeat_of_any_content_there_was_is_no_conflict(
    acme: Organization, api: Api
) -> None:
    report(acme, usage_record())
    correct(api, output_tokens=3000)

    old = api.post("usage", usage_record())
    new = api.post("usage", usage_record(output_tokens=3000))
    other = api.post("usage", usage_record(output_tokens=4000))

    assert [one.body["conflict"] for one in (old, new, other)] == [False, False, True]
    assert {one.body["cost"] for one in (old, new, other)} == {"0.0325000000"}


def test_a_correction_is_done_once_under_its_key(acme: Organization, api: Api) -> None:
    report(acme, usage_record())
    body = {"reason": WHY, **content(output_tokens=3000)}
    other = {"reason": WHY, **content(output_tokens=9000)}

    first = api.post("usage/u1/correction", body, Idempotency_Key="k")
    correct(api, output_tokens=5000)
    again = api.post("usage/u1/correction", body, Idempotency_Key="k")

    assert (first.status, again.status) == (201, 201)
    assert again.body == first.body
    assert api.get("costs").body[0]["output_tokens"] == 5000
    assert api.post("usage/u1/correction", other, Idempotency_Key="k").status == 409


@pytest.mark.parametrize(
    ("fields", "attr"),
    [
        ({"reason": ""}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"reason": 7}, "reason"),
        ({"id": "other"}, "id"),
        ({"timestamp": "never"}, "timestamp"),
        ({"cached_tokens": 9_999}, "cached_tokens"),
    ],
)
def test_a_bad_correction_is_refused(
    acme: Organization, api: Api, fields: dict[str, Any], attr: str
) -> None:
    report(acme, usage_record())

    answer = correct(api, **fields)

    assert answer.status == 400
    assert CostRecord.objects.count() == 1
    if fields != {"reason": 7}:
        assert answer.body["errors"][0]["attr"] == attr


def test_what_was_never_booked_can_not_be_corrected(
    acme: Organization, api: Api, platform: Api
) -> None:
    other = make_organization("other")
    report(other, usage_record(id="theirs"))

    assert correct(api, "nobody").status == 404
    assert correct(api, "theirs").status == 404
    assert correct(api, "theirs", organization_id="other").status == 403
    assert correct(platform, "theirs", organization_id="nobody").status == 404
    assert correct(platform, "theirs", organization_id="other").status == 200
    reader = Api(make_key("costs:read", organization=acme))
    assert correct(reader, "theirs").status == 403
    assert Organization.objects.count() == 2


@pytest.mark.parametrize("usage_id", ["a/b", "correction", "batch", "ä b", "x" * 255])
def test_ids_of_any_kind_are_corrected(
    acme: Organization, api: Api, usage_id: str
) -> None:
    report(acme, usage_record(id=usage_id))

    path = usage_id.replace(" ", "%20").replace("ä", "%C3%A4")
    assert correct(api, path, output_tokens=3000).status == 201


def test_who_and_why_are_kept_and_shown(acme: Organization, api: Api) -> None:
    report(acme, usage_record())
    correct(api, output_tokens=3000)

    audit = Repricing.objects.get()
    assert (audit.kind, audit.reason, audit.records) == ("usage", WHY, 1)
    assert audit.actor == "key tests"
    assert audit.difference == Decimal("0.02")
    assert audit.filters == {"usage_ids": ["u1"]}
    assert api.get("repricings").body["results"] == []
    row = CostRecord.objects.get(correction=1)
    page = browser_for(acme).get(f"/admin/ledger/costrecord/{row.pk}/change/")
    assert WHY in page.content.decode()


def test_repricing_after_a_correction_prices_the_new_content(
    acme: Organization, api: Api
) -> None:
    budget = make_budget(acme, now=JANUARY)
    report(acme, usage_record(model="unheard-of"), usage_record(id="u2"))
    correct(api, model="never-heard-of", output_tokens=3000)
    assert spent(budget) == {"2025-01": (Decimal("0.0125"), 2, 1)}

    Price.objects.create(
        provider="openai",
        model="never-heard-of",
        effective_from=JANUARY,
        input_per_million=1,
        output_per_million=2,
    )
    acme.touch()
    done = api.post("repricings", {"reason": "Priced."})

    assert (done.body["records"], done.body["newly_priced"]) == (1, 1)
    assert spent(budget) == {"2025-01": (Decimal("0.0195"), 2, 0)}
    assert {one["usage_id"]: one["total_cost"] for one in api.get("costs").body} == {
        "u1": "0.0070000000",
        "u2": "0.0125000000",
    }
    correct(api, output_tokens=1000)
    assert spent(budget) == {"2025-01": (Decimal("0.0250"), 2, 0)}


def test_priced_usage_may_turn_out_to_have_no_price(
    acme: Organization, api: Api
) -> None:
    budget = make_budget(acme, now=JANUARY)
    report(acme, usage_record())

    answer = correct(api, model="unheard-of")

    assert (answer.body["cost"], answer.body["priced"]) == (None, False)
    assert spent(budget) == {"2025-01": (Decimal(0), 1, 1)}
    costs = api.get("costs")
    assert (costs.body, costs.headers["X-Unpriced-Records"]) == ([], "1")
    assert len(api.get("costs?unpriced=include").body) == 1
    (model,) = api.get("costs/unpriced").body["results"]
    assert (model["sent_model"], model["requests"]) == ("unheard-of", 1)


def test_a_closed_month_shows_what_came_late(acme: Organization, api: Api) -> None:
    budget = make_budget(acme, now=JANUARY, rollover_mode="both")
    report(acme, usage_record(cost="10"))
    roll_up(acme.pk)
    sweep_periods(now=datetime(2025, 3, 5, tzinfo=UTC))

    correct(api, cost="4", timestamp="2025-02-15T12:00:00Z")

    january, february = BudgetPeriod.objects.filter(budget=budget).order_by(
        "starts_at"
    )[:2]
    assert (january.spent, january.late_spend) == (0, -10)
    assert (february.spent, february.late_spend) == (4, 4)


def test_what_was_settled_stays_and_keeps_its_place(
    acme: Organization, api: Api
) -> None:
    make_hard(acme, "Search", "10", scope={"projects": ["search"]})
    asked = authorize(api)
    now = Reservation.objects.get().at.isoformat()
    settled = {"timestamp": now, "authorization_id": asked["id"]}
    api.post("usage", usage_record(**settled))

    answer = correct(api, timestamp=now, output_tokens=3000, project_id="elsewhere")

    assert answer.status == 201, answer.body
    row = Reservation.objects.get()
    assert (row.state, row.settled, row.records) == ("settled", Decimal("0.0125"), 1)
    assert lines_of(row) == []
    last = CostRecord.objects.get(correction=1)
    assert (str(last.settles), last.attribution.project) == (asked["id"], "search")
    period = BudgetPeriod.objects.get()
    assert (period.spent, period.reserved) == (Decimal("0.0325"), 0)


def test_a_correction_may_name_its_own_response_and_no_other(
    acme: Organization, api: Api
) -> None:
    report(
        acme, usage_record(response_id="r-1"), usage_record(id="u2", response_id="r-2")
    )

    own = correct(api, output_tokens=2000, response_id="r-1")
    silent = correct(api, output_tokens=3000)
    taken = correct(api, output_tokens=4000, response_id="r-2")
    repeat = api.post("usage", usage_record(id="gateway", response_id="r-1"))

    assert (own.status, silent.status, taken.status) == (201, 201, 409)
    assert taken.body["code"] == "response_taken"
    assert [one["response_id"] for one in api.get("costs").body] == ["r-2", "r-1"]
    assert repeat.body["duplicate_of"] == "u1"


def test_another_response_leaves_the_one_before_to_others(
    acme: Organization, api: Api
) -> None:
    report(acme, usage_record(response_id="r-1"))

    correct(api, response_id="r-9")

    assert Response.objects.count() == 1
    assert api.post("usage", usage_record(id="x", response_id="r-9")).status == 200
    assert api.post("usage", usage_record(id="y", response_id="r-1")).status == 201


def test_alerts_fire_and_end_by_what_counts_now(acme: Organization, api: Api) -> None:

    now = timezone.now()
    made = api.post(
        "budgets",
        {"name": "B", "amount": "100", "period": "monthly"}
        | {"alerts": [{"threshold": 0.5, "channels": ["email"]}]},
    )
    assert made.status == 201, made.body
    report(acme, usage_record(timestamp=now.isoformat(), cost="1"))

    correct(api, timestamp=now.isoformat(), cost="60")
    fired = [alert.state for alert in Alert.objects.all()]
    correct(api, timestamp=now.isoformat(), cost="10")
    follow("intake.corrected", acme.pk)

    assert fired == ["firing"]
    assert [alert.state for alert in Alert.objects.all()] == ["resolved"]


LINES = (
    '{"id":"msg_A","timestamp":"2026-08-15T12:00:00Z",%s,"output_tokens":1}\n'
    '{"id":"msg_A","timestamp":"2026-08-15T12:00:03Z",%s,"output_tokens":1}\n'
    '{"id":"msg_A","timestamp":"2026-08-15T12:00:09Z",%s,"output_tokens":850}\n'
    '{"id":"msg_B","timestamp":"2026-08-15T12:01:00Z","provider":"anthropic",'
    '"model":"claude-sonnet-4-5-20250929","input_tokens":100,"output_tokens":20}\n'
).replace(
    "%s",
    '"provider":"anthropic","model":"claude-sonnet-4-5-20250929",'
    '"input_tokens":12000,"cached_tokens":11000',
)


def test_the_lines_of_a_file_that_correct_one_another(
    acme: Organization,
    api: Api,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text(LINES)

    def costs() -> dict[str, str]:
        return {one["usage_id"]: one["total_cost"] for one in api.get("costs").body}

    def load(**options: Any) -> str:
        call_command("import_usage", path, organization="acme", **options)
        return capsys.readouterr().out

    with pytest.raises(CommandError, match="msg_A"):
        load()
    assert costs() == {"msg_A": "0.0063150000", "msg_B": "0.0006000000"}
    assert "1 ids corrected" in load(correct=True, reason=WHY)
    assert costs() == {"msg_A": "0.0190500000", "msg_B": "0.0006000000"}
    assert "corrected" not in load(correct=True, reason=WHY)
    assert Repricing.objects.get().actor == "manage.py import_usage"
    with pytest.raises(CommandError, match="--reason"):
        load(correct=True)


def test_a_new_file_is_loaded_and_corrected_at_once(
    acme: Organization, api: Api, tmp_path: Path
) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text(LINES)

    call_command("import_usage", path, organization="acme", correct=True, reason=WHY)

    found = {one["usage_id"]: one["total_cost"] for one in api.get("costs").body}
    assert found == {"msg_A": "0.0190500000", "msg_B": "0.0006000000"}


def test_a_correction_tells_that_another_model_was_used_than_was_allowed(
    acme: Organization, api: Api
) -> None:
    make_hard(acme, "Company", "10")
    asked = {"provider": "openai", "model": "gpt-4o", "estimated_cost": "0.6"}
    allowed = api.post("authorizations", asked).body["id"]
    api.post("usage", usage_record(cost="0.5", authorization_id=allowed))

    answer = correct(api, provider="anthropic", model="claude-sonnet-4-5", cost="0.7")

    told = answer.body["authorization"]
    assert (told["id"], told["known"], told["without_leave"]) == (allowed, True, True)
    assert (told["reserved"], told["over"]) == ("0.6000000000", "0.1000000000")


def test_a_model_that_was_named_wrongly_is_in_no_sum_any_more(api: Api) -> None:
    api.post("usage", usage_record(model="gpt-4o-mini"))
    correct(api)

    summary = api.get("analytics/summary").body
    assert summary["by_model"] == {"gpt-4o": "0.0125000000"}
    points = api.get("analytics/timeseries?interval=day&group_by=model").body["points"]
    assert [point["model"] for point in points] == ["gpt-4o"]
