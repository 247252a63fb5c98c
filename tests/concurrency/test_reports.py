"""Two who sign one report at the same moment."""

import pytest
from django.db import connection

from accounts.models import Organization
from reports.models import Report, ReportState
from reports.monthly import services
from reports.monthly.errors import NotADraft
from reports.monthly.figures import MonthlyFigures
from tests.factories import at_once, make_budget
from tests.reports.monthly.factories import AFTERWARDS, BEFORE, JANUARY

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer"
    ),
]


@pytest.fixture
def draft(acme: Organization, monkeypatch: pytest.MonkeyPatch) -> Report:
    def pdf_of(figures: MonthlyFigures, progress: object = None) -> bytes:
        return b"%PDF"

    monkeypatch.setattr(services, "pdf_of", pdf_of)
    make_budget(acme, amount="50", now=BEFORE)
    report = services.ask_for(acme, JANUARY, None, by="ann", now=AFTERWARDS)
    services.make(report.pk, clock=lambda: AFTERWARDS)
    report.refresh_from_db()
    return report


def test_of_two_who_sign_at_once_one_does(draft: Report) -> None:
    signed = at_once(
        *(
            lambda name=name: services.finalize(draft, by=name, now=AFTERWARDS)
            for name in ("ann", "bob")
        )
    )

    kinds = sorted(type(one).__name__ for one in signed)
    assert kinds == sorted([NotADraft.__name__, Report.__name__])
    kept = Report.objects.get()
    assert kept.state == ReportState.FINAL
    (winner,) = (one for one in signed if isinstance(one, Report))
    assert kept.finalised_by == winner.finalised_by


def test_two_who_ask_at_once_have_one_report(acme: Organization) -> None:
    make_budget(acme, amount="50", now=BEFORE)

    asked = at_once(
        *(
            lambda name=name: services.ask_for(
                acme, JANUARY, None, by=name, now=AFTERWARDS
            )
            for name in ("ann", "bob")
        )
    )

    assert {one.pk for one in asked if isinstance(one, Report)} == {
        Report.objects.get().pk
    }
