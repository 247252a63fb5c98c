"""The pages of authorizations and leases."""

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization
from accounts.scopes import Role
from budgets.models import Budget, Reservation
from budgets.reservations.expire import expire
from controls.configuration import configure
from controls.models import RateCount
from controls.rates import RateUse
from tests.controls.factories import authorize, book, lease, make_hard, money_of
from tests.controls.guarding import given
from tests.factories import Api, browser_for, make_organization
from tests.pages import page_at, shown, words_of

pytestmark = pytest.mark.django_db

LIST = "/admin/budgets/reservation/"


@pytest.fixture
def company(acme: Organization) -> Budget:
    return make_hard(acme, "Company", "100")


def page_of(row: Reservation, page: str = "change") -> str:
    return f"{LIST}{row.pk}/{page}/"


def test_the_list_has_the_newest_first_with_their_states(
    acme: Organization, api: Api, company: Budget
) -> None:
    done = authorize(api, estimated_cost="3", team_id="ml")
    book(api, "2", authorization_id=done["id"])
    given_up = authorize(api, estimated_cost="4")
    api.post(f"authorizations/{given_up['id']}/release", {})
    lease(api, amount="5")

    text = shown(browser_for(acme, Role.VIEWER), LIST)

    first = text.index("gpt-4o Lease for search Open $5.00 $5.00 $0.00")
    second = text.index("gpt-4o Authorization for search Released $4.00 $0.00")
    third = text.index("gpt-4o Authorization for search, ml Settled $3.00 $0.00 $2.00")
    assert first < second < third


def test_the_list_without_rows_says_what_would_be_there(acme: Organization) -> None:
    assert "No money was set aside yet." in shown(browser_for(acme), LIST)


def test_the_list_is_filtered(acme: Organization, api: Api, company: Budget) -> None:
    sales = make_hard(acme, "Sales", "50", scope={"projects": ["outreach"]})
    authorize(api, estimated_cost="3")
    authorize(api, estimated_cost="4", project_id="outreach")
    lease(api, amount="5")
    browser = browser_for(acme)

    leases = shown(browser, LIST, kind__exact="lease")
    settled = shown(browser, LIST, state__exact="settled")
    of_sales = shown(browser, LIST, budget=sales.pk)
    of_company = shown(browser, LIST, budget=company.pk)
    of_nobody = shown(browser, LIST, budget="999")

    assert ("$5.00" in leases, "$4.00" in leases) == (True, False)
    assert "$4.00" not in settled
    assert ("$4.00" in of_sales, "$3.00" in of_sales) == (True, False)
    assert ("$4.00" in of_company, "$3.00" in of_company) == (True, True)
    assert "$4.00" not in of_nobody


def test_the_list_is_searched_by_whole_ids(
    acme: Organization, api: Api, company: Budget
) -> None:
    asked = authorize(api, estimated_cost="3")
    authorize(api, estimated_cost="4")
    browser = browser_for(acme)

    found = shown(browser, LIST, q=asked["id"])
    odd = shown(browser, LIST, q="3")

    assert ("$3.00" in found, "$4.00" in found) == (True, False)
    assert "$3.00" not in odd


def test_a_page_says_what_it_is_for_and_what_it_holds(
    acme: Organization, api: Api, company: Budget
) -> None:
    downgrades = {"gpt-4o": "gpt-4o-mini"}
    configure(company, [given("model_downgrade", downgrades=downgrades)])
    authorize(api, estimated_cost="3", user_id="ann", tags={"feature": "x"})
    row = Reservation.objects.get()

    page = page_at(browser_for(acme), page_of(row))

    what = "$3.00 is set aside for gpt-4o-mini for search; expires in 9 min."
    assert what in page.paragraphs
    decision = page.part("Decision")
    assert decision.facts()["Decided"] == "downgrade: asked for gpt-4o"
    assert "gpt-4o-mini is to be used instead of gpt-4o" in decision.text
    who = page.part("For").facts()
    assert who["User"] == "ann"
    assert who["Tags"] == "feature=x"
    assert page.table("Held of").row("Company")["Held"] == "$3.00"


def test_pages_say_how_it_ended(acme: Organization, api: Api, company: Budget) -> None:
    settled = authorize(api, estimated_cost="3")
    book(api, "2", authorization_id=settled["id"])
    authorize(api, estimated_cost="4", ttl_s=1)
    expired = Reservation.objects.get(state="open")
    expire(acme.pk, now=expired.expires_at)
    browser = browser_for(acme)

    over = shown(browser, page_of(expired))
    used = shown(browser, page_of(Reservation.objects.get(state="settled")))

    assert "Nothing more came for gpt-4o for search in time" in over
    assert "gpt-4o for search cost $2.00 of the $3.00 set aside." in used
    assert "Usage records that named it 1" in used
    assert "Release…" not in used


def test_an_authorization_is_released_after_a_question(
    acme: Organization, api: Api, company: Budget
) -> None:
    configure(company, [given("rate_limit", max_cost_per_hour="50")])
    authorize(api, estimated_cost="3")
    row = Reservation.objects.get()
    browser = browser_for(acme)

    asked = shown(browser, page_of(row, "release"))
    held = money_of(company)[1]
    answer = browser.post(page_of(row, "release"), follow=True)

    row.refresh_from_db()
    use = RateUse.of(RateCount.objects.get().data)
    assert "Release what is set aside?" in asked
    assert (held, money_of(company)[1]) == (3, 0)
    assert row.state == Reservation.State.RELEASED
    assert use.cost(timezone.now()) == 0
    assert "Released: $3.00 may be spent on other calls." in words_of(
        answer.content.decode()
    )
    assert LogEntry.objects.get().object_id == str(row.pk)


def test_a_lease_is_released(acme: Organization, api: Api, company: Budget) -> None:
    lease(api, amount="5")
    row = Reservation.objects.get()

    browser_for(acme).post(page_of(row, "release"))

    assert money_of(company)[1] == 0


def test_what_has_ended_is_not_released_again(
    acme: Organization, api: Api, company: Budget
) -> None:
    asked = authorize(api, estimated_cost="3")
    book(api, "2", authorization_id=asked["id"])
    row = Reservation.objects.get()
    browser = browser_for(acme)

    question = shown(browser, page_of(row, "release"))
    answer = browser.post(page_of(row, "release"), follow=True)

    row.refresh_from_db()
    assert "There is nothing to release any more." in question
    assert "It had ended already" in words_of(answer.content.decode())
    assert row.state == Reservation.State.SETTLED
    assert not LogEntry.objects.exists()


def test_only_who_may_write_releases(
    acme: Organization, api: Api, company: Budget
) -> None:
    authorize(api, estimated_cost="3")
    row = Reservation.objects.get()
    viewer = browser_for(acme, Role.VIEWER)
    stranger = browser_for(make_organization("globex"))

    refused = [
        viewer.get(page_of(row, "release")),
        viewer.post(page_of(row, "release")),
    ]
    unknown = [stranger.get(page_of(row)), stranger.post(page_of(row, "release"))]

    assert [one.status_code for one in refused] == [403, 403]
    assert [one.status_code for one in unknown] == [404, 404]
    assert "Release…" not in shown(viewer, page_of(row))
    assert "$3.00" not in shown(stranger, LIST)
    assert money_of(company)[1] == 3


def test_the_list_takes_as_many_queries_however_long_it_is(
    acme: Organization,
    api: Api,
    company: Budget,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    browser = browser_for(acme)
    authorize(api)
    browser.get(LIST)

    for _ in range(2):
        with django_assert_num_queries(LIST_QUERIES):
            browser.get(LIST)
        for _ in range(5):
            authorize(api)


LIST_QUERIES = 10
