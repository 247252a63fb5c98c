from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256

import pytest
from django.db import DatabaseError, transaction
from django_q.models import OrmQ

from accounts.models import Organization, User
from accounts.scopes import Role
from accounts.versions import ChangedMeanwhile
from budgets.errors import NotYours
from budgets.models import Budget
from lib.errors import Invalid
from reports import tasks
from reports.models import Report, ReportComment, ReportState
from reports.monthly import services
from reports.monthly.commenting import Remark, write_comments
from reports.monthly.errors import CommentsMissing, NoReport, NotADraft, TooEarly
from reports.monthly.figures import MonthlyFigures
from reports.monthly.frozen import frozen, thawed
from reports.monthly.verification import differences
from tests.factories import make_budget, make_organization, make_person, spend
from tests.reports.monthly.factories import AFTERWARDS, BEFORE, JANUARY, gathered

pytestmark = pytest.mark.django_db
BY = "ann@acme.example"
JAN_10 = datetime(2025, 1, 10, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[MonthlyFigures]:
    """Draw reports by writing down their figures; returns all that were drawn."""
    found: list[MonthlyFigures] = []

    def pdf_of(
        figures: MonthlyFigures, progress: Callable[[float], None] = lambda _: None
    ) -> bytes:
        found.append(figures)
        progress(0.5)
        return frozen(figures).encode()

    monkeypatch.setattr(services, "pdf_of", pdf_of)
    return found


@pytest.fixture
def admin(acme: Organization) -> User:
    return make_person(BY, {acme: Role.FINANCE_ADMIN})


@pytest.fixture
def company(acme: Organization) -> Budget:
    """A budget that is 500 over in January."""
    budget = make_budget(acme, now=BEFORE)
    spend(acme, "1500", JAN_10)
    return budget


def draft_of(
    organization: Organization,
    month: date = JANUARY,
    budget: Budget | None = None,
    *,
    now: datetime = AFTERWARDS,
) -> Report:
    report = services.ask_for(organization, month, budget, by=BY, now=now)
    services.make(report.pk, clock=lambda: now)
    report.refresh_from_db()
    return report


def remark(report: Report, budget: Budget, actor: User, text: str = "Load.") -> Report:
    return write_comments(
        report, [Remark(budget, text)], actor=actor, by=actor.email, now=AFTERWARDS
    )


def signed(report: Report) -> Report:
    return services.finalize(report, by=BY, now=AFTERWARDS)


def test_what_is_asked_for_is_made_by_a_worker(
    acme: Organization, company: Budget
) -> None:
    report = services.ask_for(acme, JANUARY, None, by=BY, now=AFTERWARDS)

    assert report.state == ReportState.QUEUED
    assert OrmQ.objects.get().func() == "reports.tasks.make"
    assert tasks.make(report.pk) == "Made the draft of Acme, January 2025."
    report.refresh_from_db()
    assert (report.state, report.progress) == (ReportState.DRAFT, 100)


def test_asking_again_makes_the_same_draft_anew(
    acme: Organization, company: Budget
) -> None:
    first = draft_of(acme)
    spend(acme, "5", JAN_10)

    again = draft_of(acme)

    assert (again.pk, again.revision) == (first.pk, 1)
    assert thawed(again.figures).total.spent == 1505


def test_what_is_being_made_is_not_asked_for_twice(
    acme: Organization, company: Budget
) -> None:
    first = services.ask_for(acme, JANUARY, None, by=BY, now=AFTERWARDS)
    again = services.ask_for(acme, JANUARY, None, by=BY, now=AFTERWARDS)

    assert again.pk == first.pk
    assert OrmQ.objects.count() == 1


def test_a_report_is_made_once_however_often_the_task_comes(
    acme: Organization, company: Budget, drawn: list[MonthlyFigures]
) -> None:
    report = draft_of(acme)

    assert services.make(report.pk, clock=lambda: AFTERWARDS) == "It was made already."
    assert len(drawn) == 1


def test_a_report_whose_totals_do_not_add_up_fails_and_says_why(
    acme: Organization, company: Budget
) -> None:
    company.periods.filter(starts_at__lt=JAN_10, ends_at__gt=JAN_10).update(spent=9)

    report = draft_of(acme)

    assert report.state == ReportState.FAILED
    assert "“Company” has 9" in report.failure


def test_what_a_worker_died_over_is_taken_up_anew(
    acme: Organization, company: Budget
) -> None:
    report = services.ask_for(acme, JANUARY, None, by=BY, now=AFTERWARDS)
    Report.objects.update(state=ReportState.RUNNING, claimed_at=AFTERWARDS)
    OrmQ.objects.all().delete()
    later = AFTERWARDS + timedelta(minutes=11)

    assert services.take_up_lost(AFTERWARDS + timedelta(minutes=9)) == 0
    assert services.take_up_lost(later) == 1

    services.make(report.pk, clock=lambda: later)
    report.refresh_from_db()
    assert report.state == ReportState.DRAFT


def test_a_fault_nobody_foresaw_does_not_keep_people_waiting(
    acme: Organization, company: Budget, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = services.ask_for(acme, JANUARY, None, by=BY, now=AFTERWARDS)

    def broken(*_: object) -> bytes:
        raise ZeroDivisionError

    monkeypatch.setattr(services, "pdf_of", broken)
    with pytest.raises(ZeroDivisionError):
        tasks.make(report.pk)

    report.refresh_from_db()
    assert report.state == ReportState.FAILED


def test_a_month_to_come_has_no_report(acme: Organization) -> None:
    with pytest.raises(NoReport, match="March 2025 has not begun"):
        services.ask_for(acme, date(2025, 3, 1), None, by=BY, now=AFTERWARDS)


def test_a_report_is_not_final_before_material_rows_are_commented(
    acme: Organization, company: Budget
) -> None:
    report = draft_of(acme)

    with pytest.raises(CommentsMissing, match="“Company” needs a comment"):
        signed(report)


def test_a_final_report_has_its_comments_its_bytes_and_their_digest(
    acme: Organization, company: Budget, admin: User
) -> None:
    report = draft_of(acme)
    remark(report, company, admin)

    final = signed(report)

    figures = thawed(final.figures)
    assert final.state == ReportState.FINAL
    assert not figures.is_draft
    comment = figures.rows[0].comment
    assert comment
    assert (comment.text, comment.writer) == ("Load.", BY)
    assert [one.name for one in figures.sign_offs] == [BY, BY]
    assert final.digest == sha256(services.document_of(final)).hexdigest()


def test_a_final_report_is_answered_as_it_was_signed(
    acme: Organization, company: Budget, admin: User, drawn: list[MonthlyFigures]
) -> None:
    report = draft_of(acme)
    remark(report, company, admin)
    final = signed(report)
    count = len(drawn)
    spend(acme, "77", JAN_10)

    document, found = services.document_now(acme, JANUARY, None, by=BY, now=AFTERWARDS)

    assert found == final
    assert sha256(document).hexdigest() == final.digest
    assert len(drawn) == count


def test_a_final_report_is_signed_once(
    acme: Organization, company: Budget, admin: User
) -> None:
    report = draft_of(acme)
    remark(report, company, admin)
    signed(report)

    with pytest.raises(NotADraft, match="is final since"):
        signed(report)
    with pytest.raises(NotADraft, match="only a draft is commented"):
        remark(report, company, admin, "Something else.")


def test_what_was_signed_is_verified(
    acme: Organization, company: Budget, admin: User
) -> None:
    report = draft_of(acme)
    remark(report, company, admin)
    # No service keeps a file with another's digest, and the database lets nobody
    # change what is final.
    Report.objects.filter(pk=report.pk).update(
        state=ReportState.FINAL,
        digest=sha256(b"signed").hexdigest(),
        pdf=b"another",
        finalised_at=AFTERWARDS,
        finalised_by=BY,
    )

    assert list(differences(acme)) == [
        "The final report of January 2025, revision 1, is not the file that was signed."
    ]


def test_the_database_keeps_a_final_report_as_it_is(
    acme: Organization, company: Budget, admin: User
) -> None:
    report = draft_of(acme)
    remark(report, company, admin)
    final = signed(report)

    with pytest.raises(DatabaseError), transaction.atomic():
        Report.objects.filter(pk=final.pk).update(finalised_by="eve@acme.example")


def test_another_report_of_the_month_names_the_one_it_replaces(
    acme: Organization, company: Budget, admin: User
) -> None:
    report = draft_of(acme)
    remark(report, company, admin)
    final = signed(report)

    revision = draft_of(acme)

    assert (revision.revision, revision.replaces) == (2, final)
    assert thawed(revision.figures).replaces == final.digest


def test_a_month_that_runs_is_not_made_final(acme: Organization) -> None:
    make_budget(acme, now=BEFORE)
    report = draft_of(acme, now=datetime(2025, 1, 20, tzinfo=UTC))

    with pytest.raises(TooEarly, match="was not over"):
        signed(report)


def test_what_a_budget_spends_later_does_not_change_what_is_signed(
    acme: Organization, company: Budget, admin: User
) -> None:
    report = draft_of(acme)
    remark(report, company, admin)
    spend(acme, "77", JAN_10)

    assert thawed(signed(report).figures).total.spent == 1500


def test_owners_comment_their_own_rows_alone(acme: Organization) -> None:
    owner = make_person("oli@acme.example", {acme: Role.BUDGET_OWNER})
    top = make_budget(acme, now=BEFORE)
    own = make_budget(acme, "Own", now=BEFORE, parent=top, owner=owner)
    report = draft_of(acme)

    remark(report, own, owner)
    with pytest.raises(NotYours, match="not yours"):
        remark(report, top, owner)

    assert ReportComment.objects.get().writer == owner.email


def test_of_two_who_saw_the_same_commentary_one_is_told(
    acme: Organization, company: Budget, admin: User
) -> None:
    report = draft_of(acme)
    said = [Remark(company, "Load.")]
    seen = [str(report.commentary)]
    write_comments(report, said, actor=admin, by=BY, now=AFTERWARDS, seen=seen)

    with pytest.raises(ChangedMeanwhile):
        write_comments(report, said, actor=admin, by=BY, now=AFTERWARDS, seen=seen)


def test_a_comment_without_a_text_is_taken_away(
    acme: Organization, company: Budget, admin: User
) -> None:
    report = draft_of(acme)
    remark(report, company, admin)

    remark(report, company, admin, " ")

    assert not ReportComment.objects.exists()


def test_only_rows_of_the_report_are_commented(
    acme: Organization, company: Budget, admin: User
) -> None:
    report = draft_of(acme)
    other = make_budget(make_organization("other"), "Elsewhere", now=BEFORE)

    with pytest.raises(Invalid, match="“Elsewhere” is not in this report"):
        remark(report, other, admin)


def test_a_draft_that_was_commented_since_is_drawn_anew(
    acme: Organization, company: Budget, admin: User, drawn: list[MonthlyFigures]
) -> None:
    report = remark(draft_of(acme), company, admin)

    services.document_of(report)

    comment = drawn[-1].rows[0].comment
    assert comment
    assert comment.text == "Load."


def test_figures_are_kept_to_the_last_place(acme: Organization) -> None:
    make_budget(acme, now=BEFORE)
    spend(acme, "0.0000000001", JAN_10)

    figures = gathered(acme)

    assert thawed(frozen(figures)) == figures
    assert thawed(frozen(figures)).total.spent == Decimal("1E-10")
