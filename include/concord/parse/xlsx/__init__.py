"""One sheet of a workbook: cells as text, a row for each row.

``package.py`` judges the zip that a workbook is, before anything opens it · ``cells.py`` makes text of cells ·
``file.py`` reads the sheet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from concord.contract import Delimited, Feed
from concord.parse import RowFile
from concord.parse.xlsx.file import XlsxFile

__all__ = ["XlsxFile", "reread"]


def reread(columns: Sequence[str], records: Sequence[bytes], line_counts: Sequence[int], feed: Feed) -> RowFile:
    """Refused rows, kept as lines of CSV, read again by themselves; a row is one line."""
    from concord.parse.rereading import RereadRecords

    assert set(line_counts) <= {1}
    return RereadRecords(columns, records, replace(feed, format=Delimited(spreadsheet=True)), chunk_rows=100_000)
