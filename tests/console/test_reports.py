import pytest
from django.urls import reverse

from accounts.models import Organization
from accounts.scopes import Role
from budgets.models import Budget
from reports import tasks
from reports.models import Report, ReportState
from reports.monthly import services
from reports.monthly.figures import MonthlyFigures
from tests.factories import browser_for, make_budget, spend
from tests.reports.monthly.factories import AFTERWARDS, BEFORE, JAN_10, JANUARY

pytestmark = pytest.mark.django_db


@pytest.fixture
def report(acme: Organization, monkeypatch: pytest.MonkeyPatch) -> Report:
    def pdf_of(figures: MonthlyFigures, progress: object = None) -> bytes:
        return b"%PDF"

    monkeypatch.setattr(services, "pdf_of", pdf_of)
    make_budget(acme, now=BEFORE)
    spend(acme, "1500", JAN_10)
    return services.ask_for(acme, JANUARY, None, by="ann", now=AFTERWARDS)


def page(report: Report) -> str:
    return reverse("admin:reports_report_change", args=[report.pk])


def test_a_report_is_asked_for_made_commented_and_signed(
    acme: Organization, report: Report
) -> None:
    browser = browser_for(acme)
    assert "being made: 0 %" in browser.get(page(report)).content.decode()
    tasks.make(report.pk)
    shown = browser.get(page(report)).content.decode()
    assert "$500.00" in shown
    assert "“Company” needs a comment" in shown

    budget = Budget.objects.get()
    said = {f"row-{budget.pk}-text": "Load.", "version": "0"}
    comment = reverse("admin:reports_report_comment", args=[report.pk])
    browser.post(comment, said)
    sign = reverse("admin:reports_report_final", args=[report.pk])
    asked = browser.post(sign)
    report.refresh_from_db()
    assert report.state == ReportState.DRAFT
    browser.post(sign, {"confirm": asked.context["asked"].asked.token})

    report.refresh_from_db()
    assert report.state == ReportState.FINAL
    assert report.digest in browser.get(page(report)).content.decode()


def test_a_month_is_chosen_on_the_page_that_the_tree_leads_to(
    acme: Organization,
) -> None:
    make_budget(acme)
    browser = browser_for(acme)
    place = reverse("admin:reports_report_new")
    assert place in browser.get(reverse("admin:budgets_budget_tree")).content.decode()
    fields = browser.get(place).context["form"].fields
    month, about = fields["month"].choices[1][0], fields["about"].choices[0][0]

    asked = browser.post(place, {"month": month, "about": about})

    made = Report.objects.get()
    assert asked.headers["Location"] == page(made)
    assert made.month.isoformat() == month


def test_viewers_read_and_sign_nothing(acme: Organization, report: Report) -> None:
    tasks.make(report.pk)
    browser = browser_for(acme, Role.VIEWER)

    shown = browser.get(page(report))
    refused = browser.post(reverse("admin:reports_report_final", args=[report.pk]))

    assert shown.status_code == 200
    assert "Sign it" not in shown.content.decode()
    assert refused.status_code == 403
