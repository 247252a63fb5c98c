"""FOCUS files, as one kind of export."""

from collections.abc import Iterator, Mapping

from ledger.analytics import unpriced_of
from ledger.costs import CostQuery
from reports.focus.columns import NAMES
from reports.focus.lines import Lines
from reports.focus.parquet import converted
from reports.focus.principals import Principals
from reports.focus.records import pages_of
from reports.types import YES_NO, ExportFormat, ExportKind, ExportOrder, Option

PSEUDONYMISE = Option(
    "pseudonymise",
    "Words that stand for people instead of their names, in x_PrincipalId.",
    YES_NO,
    "false",
)


def csv_pieces(order: ExportOrder) -> Iterator[bytes]:
    """Yield a FOCUS file as CSV."""
    question = _question(order)
    principals = Principals(
        order.organization,
        pseudonyms=order.options[PSEUDONYMISE.name] == "true",
    )
    lines = Lines(order.organization, principals)
    end, begun = min(order.window.end, order.now), order.window.start
    yield f"{','.join(NAMES)}\n".encode()
    for piece, start, reached in pages_of(question, lines):
        yield piece
        begun = max(begun, start)
        if reached < end:
            order.tell((reached - begun) / (end - begun))
    order.tell(1)


def parquet_pieces(order: ExportOrder) -> Iterator[bytes]:
    """Yield a FOCUS file as Parquet: what is in the one of CSV, with its types."""
    return converted(csv_pieces(order))


def counts_of(order: ExportOrder) -> Mapping[str, int]:
    """Return how many records have no price: their cost is not known, so they have no
    line."""
    return {"unpriced_records": unpriced_of(_question(order))}


def _question(order: ExportOrder) -> CostQuery:
    return CostQuery(order.organization, order.window.start, order.window.end)


FOCUS = ExportKind(
    "focus",
    "Costs as FOCUS has them",
    {
        "csv": ExportFormat("text/csv", csv_pieces),
        "parquet": ExportFormat("application/vnd.apache.parquet", parquet_pieces),
    },
    (PSEUDONYMISE,),
    counts=counts_of,
)
