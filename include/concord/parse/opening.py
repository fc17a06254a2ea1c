"""Which reader a feed's format has."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import BinaryIO

from concord.contract import X12834, Feed, FixedWidth, Xlsx
from concord.parse import RowFile


def open_rows(
    stream: BinaryIO,
    feed: Feed,
    *,
    file_date: date | None = None,
    sequence: int | None = None,
    chunk_rows: int = 100_000,
) -> RowFile:
    """A delivery of ``feed`` (seekable plaintext); raises DeliveryRejected where its header is not as agreed."""
    if isinstance(feed.format, FixedWidth):
        from concord.parse.fixed_width import FixedWidthFile

        return FixedWidthFile(stream, feed, file_date=file_date, sequence=sequence, chunk_rows=chunk_rows)
    if isinstance(feed.format, Xlsx):
        from concord.parse.xlsx import XlsxFile

        return XlsxFile(stream, feed, chunk_rows=chunk_rows)
    if isinstance(feed.format, X12834):
        from concord.parse.x12_834 import X12834File

        return X12834File(stream, feed, chunk_rows=chunk_rows)
    from concord.parse.delimited import DelimitedFile

    return DelimitedFile(stream, feed, file_date=file_date, sequence=sequence, chunk_rows=chunk_rows)


def reread_rows(
    columns: Sequence[str],
    records: Sequence[bytes],
    line_counts: Sequence[int],
    feed: Feed,
    *,
    chunk_rows: int = 100_000,
) -> RowFile:
    """Refused ``records`` of one delivery (bytes as they were kept), read again by themselves.

    Line 1 is a header, whatever the format; each record then takes as many lines as it had: ``line_counts``.
    ``columns`` are those of the file it stood in.
    """
    if isinstance(feed.format, FixedWidth):
        from concord.parse.fixed_width import reread

        return reread(records, line_counts, feed)
    if isinstance(feed.format, Xlsx):
        from concord.parse.xlsx import reread as reread_sheet

        return reread_sheet(columns, records, line_counts, feed)
    if isinstance(feed.format, X12834):
        from concord.parse.x12_834 import reread as reread_loops

        return reread_loops(records, line_counts, feed)
    from concord.parse.rereading import RereadRecords

    return RereadRecords(columns, records, feed, chunk_rows=chunk_rows, line_counts=line_counts)
