"""Journals for accounting systems: what a month is accrued as, file by file."""
