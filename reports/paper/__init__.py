"""Papers: documents as PDF that people keep, file and forward.

A document is a `Sheet` of blocks (`reports.paper.sheets`), its words already in the
reader's language and its amounts written by a `PaperWriter` (`reports.paper.writers`).
It is laid out by a process of its own (`reports.paper.making`), for laying out takes
hundreds of megabytes and reads nothing but what it is given.

A new kind of document is one module with frozen figures, a function that composes a
`Sheet` of them, and the two together:

    def sheet_of(figures: StatementFigures) -> Sheet: ...

    PAPER = PaperKind(StatementFigures, sheet_of)

It is made by `made("reports.chargeback.sheet", figures)`, which starts that process. A
title, a table, totals and notes need none of that: see `reports.paper.statements`.

Nothing of it depends on the clock, the machine's language or its time zone: the same
figures give the same bytes.
"""
