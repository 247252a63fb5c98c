import pytest

from accounts.models import Organization
from accounts.scopes import Role
from budgets.models import Budget
from reports import tasks
from reports.models import Report
from tests.factories import (
    Api,
    make_api,
    make_budget,
    make_key,
    make_organization,
    make_person,
)
from tests.reports.monthly.factories import BEFORE

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("drawn")]


def made(api: Api, **asked: object) -> str:
    """Return the id of January's report, which a worker has made."""
    answer = api.post("reports", {"kind": "monthly", "month": "2025-01", **asked})
    assert answer.status == 202
    tasks.make(Report.objects.get(uid=answer.body["id"]).pk)
    return str(answer.body["id"])


def remark_on(budget: Budget, **said: object) -> dict[str, object]:
    usual = {"text": "Load.", "owner": "Bo", "action": "Cache.", "due": "2025-03-01"}
    return {"budget": str(budget.uid), **usual, **said}


def test_a_report_is_queued_made_commented_and_signed(
    api: Api, company: Budget
) -> None:
    queued = api.post("reports", {"kind": "monthly", "month": "2025-01"})
    assert (queued.status, queued.body["state"]) == (202, "queued")
    uid = made(api)
    draft = api.get(f"reports/{uid}").body
    assert (draft["state"], draft["progress"]) == ("draft", 1.0)
    assert draft["missing_comments"] == [str(company.uid)]
    assert draft["figures"]["total"]["variance"] == "500.0000000000"
    assert api.post(f"reports/{uid}/finalize", {}).status == 409

    written = api.send("PUT", f"reports/{uid}/commentary", [remark_on(company)])
    assert written.status == 200
    final = api.post(f"reports/{uid}/finalize", {})

    assert (final.status, final.body["state"]) == (200, "final")
    document = api.get(f"reports/{uid}.pdf")
    assert document.headers["Content-Type"] == "application/pdf"
    monthly = api.get("reports/monthly.pdf?month=2025-01")
    assert monthly.body == document.body
    assert monthly.headers["X-Report-State"] == "final"


def test_finalizing_too_early_names_what_is_missing(api: Api, company: Budget) -> None:
    refused = api.post(f"reports/{made(api)}/finalize", {})

    assert (refused.status, refused.body["code"]) == (409, "comments_missing")
    assert "“Company” needs a comment" in refused.body["detail"]


def test_a_draft_is_answered_at_once(api: Api, company: Budget) -> None:
    answer = api.get(f"reports/monthly.pdf?month=2025-01&budget={company.uid}")

    assert answer.status == 200
    assert answer.headers["X-Report-State"] == "draft"
    assert not Report.objects.exists()


def test_commentary_takes_driver_and_cause(api: Api, company: Budget) -> None:
    uid = made(api)
    said = {"budget": str(company.uid), "cause": "Load.", "driver": "gpt-4o"}

    api.send("PUT", f"reports/{uid}/commentary", [said])

    (found,) = api.get(f"reports/{uid}/commentary").body
    assert (found["text"], found["driver"], found["due"]) == ("Load.", "gpt-4o", None)


def test_of_two_who_read_the_same_commentary_the_second_is_refused(
    api: Api, company: Budget
) -> None:
    uid = made(api)
    tag = api.get(f"reports/{uid}/commentary").headers["ETag"]
    path, said = f"reports/{uid}/commentary", [remark_on(company)]

    assert api.send("PUT", path, said, if_match=tag).status == 200
    assert api.send("PUT", path, said, if_match=tag).status == 412


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param({}, "month", id="no month"),
        pytest.param({"month": "2025-13"}, "month", id="no such month"),
        pytest.param({"month": "2025-01\x00"}, "month", id="a NUL"),
        pytest.param({"month": "9999-12"}, "month", id="an absurd month"),
        pytest.param({"month": "2199-01"}, "month", id="to come"),
        pytest.param({"month": "2025-01", "kind": "weekly"}, "kind", id="kind"),
        pytest.param({"month": "2025-01", "budget": "x"}, "budget", id="no budget"),
        pytest.param({"month": "2025-01", "more": 1}, "more", id="unknown"),
    ],
)
def test_what_is_wrong_is_named(api: Api, body: object, field: str) -> None:
    refused = api.post("reports", body)

    assert refused.status == 400
    assert refused.body["errors"][0]["attr"] == field


def test_a_comment_is_of_a_row_of_the_report(api: Api, company: Budget) -> None:
    uid = made(api)
    other = make_budget(make_organization("other"), now=BEFORE)

    refused = api.send("PUT", f"reports/{uid}/commentary", [remark_on(other)])

    assert refused.status == 400
    assert refused.body["errors"][0]["attr"] == "0.budget"


def test_another_organizations_report_is_not_found(api: Api, company: Budget) -> None:
    uid = made(api)
    theirs = make_api(organization=make_organization("other"))

    assert theirs.get(f"reports/{uid}").status == 404
    assert theirs.get(f"reports/{uid}.pdf").status == 404
    assert theirs.post(f"reports/{uid}/finalize", {}).status == 404
    assert theirs.get(f"reports/{uid}/commentary").status == 404
    assert theirs.get("reports").body["results"] == []
    path = f"reports/monthly.pdf?month=2025-01&budget={company.uid}"
    assert theirs.get(path).status == 404


def test_only_finance_admins_sign(api: Api, acme: Organization) -> None:
    make_budget(acme, amount="50", now=BEFORE)
    uid = made(api)
    owner = make_person("oli@acme.example", {acme: Role.BUDGET_OWNER})
    theirs = Api(make_key(organization=acme, user=owner))

    assert theirs.post(f"reports/{uid}/finalize", {}).status == 403
    assert api.post(f"reports/{uid}/finalize", {}).status == 200


def test_the_same_key_asks_once(api: Api, company: Budget) -> None:
    body = {"month": "2025-01"}

    first = api.post("reports", body, idempotency_key="k1")
    again = api.post("reports", body, idempotency_key="k1")

    assert first.body == again.body
    assert Report.objects.count() == 1


def test_reports_are_listed_newest_first_and_filtered(
    api: Api, company: Budget
) -> None:
    whole, part = made(api), made(api, budget=str(company.uid))

    listed = [one["id"] for one in api.get("reports").body["results"]]
    filtered = api.get(f"reports?budget={company.uid}&state=draft").body["results"]

    assert listed == [part, whole]
    assert [one["id"] for one in filtered] == [part]
