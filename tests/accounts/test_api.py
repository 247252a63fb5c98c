import pytest
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory

from accounts.api.base import ApiView
from accounts.audit import current_actor
from accounts.models import Organization
from accounts.scopes import Scope
from tests.factories import Api, make_api, make_key, make_organization, report
from tests.factories import usage_record as usage

FIELDS = {
    "slug",
    "name",
    "currency",
    "timezone",
    "fiscal_year_start_month",
    "unpriced_policy",
    "response_ids",
    "late_records",
    "links_decide_up_to",
    "holiday_calendar",
}


class Probe(ApiView):
    query_parameters = frozenset({"known"})
    acted_as = ""

    def get(self, request: Request) -> Response:
        Probe.acted_as = current_actor()
        if "bug" in request.headers:
            raise ZeroDivisionError
        return Response({"caller": self.caller.name})


def probe(query: str = "", **headers: str) -> Response:
    headers["authorization"] = f"Bearer {make_key(name='probe')}"
    request = APIRequestFactory().get(f"/api/v1/probe{query}", headers=headers)
    return Probe.as_view()(request)


@pytest.mark.django_db
def test_a_view_acts_as_its_caller_and_no_longer() -> None:
    response = probe("?known=1")

    assert response.data == {"caller": "key probe"}
    assert Probe.acted_as == "key probe"
    assert current_actor() == "system"


@pytest.mark.django_db
def test_a_bug_in_a_view_leaves_no_actor_behind() -> None:
    with pytest.raises(ZeroDivisionError):
        probe(bug="1")

    assert current_actor() == "system"


@pytest.mark.django_db
def test_an_unknown_parameter_is_named_with_the_known_ones() -> None:
    response = probe("?knwon=1")

    assert response.status_code == 400
    assert "knwon" in response.data["detail"]
    assert "known" in response.data["errors"][0]["detail"]


def test_a_platform_key_makes_and_sees_every_organization(
    acme: Organization, platform: Api
) -> None:
    made = platform.post("organizations", {"slug": "org-x", "currency": "EUR"})

    assert made.status == 201
    assert set(made.body) == FIELDS
    assert made.body["currency"] == "EUR"
    slugs = [one["slug"] for one in platform.get("organizations").body["results"]]
    assert slugs == ["org-x", "acme"]


def test_an_organization_sees_itself_alone(acme: Organization, api: Api) -> None:
    make_organization("other")

    listed = api.get("organizations").body["results"]

    assert [one["slug"] for one in listed] == ["acme"]
    assert api.get("organizations/acme").status == 200
    assert api.get("organizations/other").status == 404
    assert api.patch("organizations/other", {"name": "Mine"}).status == 404
    assert api.post("organizations", {"slug": "third"}).status == 403


def test_a_change_tells_every_process_and_keeps_who_made_it(
    acme: Organization, api: Api
) -> None:
    answer = api.patch("organizations/acme", {"name": "Acme Ltd", "timezone": "UTC"})

    before = acme.revision
    acme.refresh_from_db()
    assert answer.body["name"] == acme.name == "Acme Ltd"
    assert acme.revision == before + 1
    assert acme.history.latest().actor == "key tests"


def test_what_changes_nothing_raises_no_revision(acme: Organization, api: Api) -> None:
    api.patch("organizations/acme", {"name": acme.name})

    before = acme.revision
    acme.refresh_from_db()
    assert acme.revision == before


def test_the_currency_changes_until_costs_are_booked(
    acme: Organization, api: Api
) -> None:
    free = api.patch("organizations/acme", {"currency": "EUR"})
    report(acme, usage())

    bound = api.patch("organizations/acme", {"currency": "USD"})

    assert free.body["currency"] == "EUR"
    assert (bound.status, bound.body["code"]) == (409, "currency_in_use")
    assert api.patch("organizations/acme", {"currency": "EUR"}).status == 200


def test_what_mailed_links_decide_about_is_limited_and_freed(
    acme: Organization, api: Api
) -> None:
    limited = api.patch("organizations/acme", {"links_decide_up_to": "500"})
    below = api.patch("organizations/acme", {"links_decide_up_to": "-1"})
    freed = api.patch("organizations/acme", {"links_decide_up_to": None})

    assert limited.body["links_decide_up_to"] == "500.0000000000"
    assert (below.status, below.body["errors"][0]["attr"]) == (
        400,
        "links_decide_up_to",
    )
    assert freed.body["links_decide_up_to"] is None


def test_the_slug_never_changes(api: Api) -> None:
    answer = api.patch("organizations/acme", {"slug": "acme-2"})

    assert (answer.status, answer.body["code"]) == (409, "slug_is_fixed")


def test_a_taken_slug_is_a_conflict(acme: Organization, platform: Api) -> None:
    answer = platform.post("organizations", {"slug": "acme"})

    assert (answer.status, answer.body["code"]) == (409, "slug_taken")


@pytest.mark.parametrize(("period", "status"), [("monthly", 200), ("quarterly", 409)])
def test_the_fiscal_year_stays_while_budgets_run_by_it(
    api: Api, period: str, status: int
) -> None:
    made = api.post("budgets", {"name": "B", "amount": "1", "period": period})
    assert made.status == 201

    answer = api.patch("organizations/acme", {"fiscal_year_start_month": 4})

    assert answer.status == status


@pytest.mark.parametrize(
    ("scopes", "method", "status"),
    [
        ([Scope.COSTS_READ], "GET", 200),
        ([Scope.COSTS_READ], "PATCH", 403),
        ([Scope.ADMIN], "PATCH", 200),
        ([Scope.USAGE_WRITE], "GET", 403),
    ],
)
def test_scopes_decide(
    acme: Organization, scopes: list[str], method: str, status: int
) -> None:
    api = make_api(*scopes, organization=acme)

    answer = api.send(method, "organizations/acme", {} if method == "PATCH" else None)

    assert answer.status == status


def test_a_list_comes_as_csv_too(acme: Organization, platform: Api) -> None:
    make_organization("danger", name="=cmd()")

    answer = platform.get("organizations?format=csv")

    assert answer.headers["Content-Type"].startswith("text/csv")
    assert "danger,'=cmd(),USD,UTC,1,allow" in answer.body
