"""One delivery as a workbook, and refused rows of one, read again by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from pandas import DataFrame

from concord.contract import Delimited, Feed, Xlsx
from concord.errors import DeliveryRejected
from concord.parse import BLANK_LINE, PREAMBLE, Chunk, Drift, Ignored, Refused, Said
from concord.parse.header import column_names, drift
from concord.parse.xlsx.archive import archive_of, unbroken
from concord.parse.xlsx.cells import plain, text
from concord.parse.xlsx.markup import Facts, facts
from concord.parse.xlsx.rows import Row, RowJudge, kept, row

if TYPE_CHECKING:
    from openpyxl import Workbook

HEADER_LINE = 1


class XlsxFile:
    """One delivery of ``feed`` as a workbook; a :class:`~concord.parse.RowFile`. Lines are row numbers of the sheet.

    Raises :class:`DeliveryRejected`: on construction ``structure.empty``, ``.too_large``, ``.encrypted``, ``.macros``,
    ``.entities``, ``.workbook``, ``.too_many_rows``, ``.missing_sheet``, ``.several_sheets``, ``.header``,
    ``.duplicate_column``, ``.missing_column``, ``.too_many_columns``; in iteration ``.workbook``, ``.no_rows``.
    """

    def __init__(self, stream: BinaryIO, feed: Feed, *, chunk_rows: int = 100_000) -> None:
        form = layout(feed)
        archive = archive_of(stream, form)
        by_part = facts(archive, form)
        book = unbroken(lambda: _opened(archive.fp))
        sheet = unbroken(lambda: _chosen(book, form))
        rows = _rows(sheet, by_part.get(vars(sheet)["_worksheet_path"], Facts()))
        self.preamble = list(islice(rows, form.header_row - 1))
        header = next(rows, None)
        if header is None or header.is_blank:
            raise DeliveryRejected("structure.header", f"row {form.header_row} has no names of columns")
        self._begin(feed, form, _names(feed, form, header), rows, chunk_rows)

    def _begin(self, feed: Feed, form: Xlsx, columns: tuple[str, ...], rows: Iterator[Row], chunk_rows: int) -> None:
        self.columns = columns
        self.drift: Drift = drift(_as_text(feed, form), [name for name in columns if name])
        self.line_count = 0
        self._judge = RowJudge(feed, form, columns)
        self._rows, self._chunk_rows, self._header_row = rows, chunk_rows, form.header_row

    @property
    def said(self) -> Said:
        """What it says of itself: nothing that its name does not say."""
        return Said()

    def __iter__(self) -> Iterator[Chunk]:
        preamble = tuple(Ignored(above.number, 1, PREAMBLE) for above in self.preamble)
        control: tuple[int, ...] = (self._header_row,)
        self.line_count = self._header_row
        seen = 0
        while rows := list(islice(self._rows, self._chunk_rows)):
            self.line_count = rows[-1].number
            chunk = self._chunk(rows, preamble, control)
            preamble, control = (), ()
            seen += len(chunk.frame) + len(chunk.refused)
            yield chunk
        if not seen:
            raise DeliveryRejected("structure.no_rows", "the sheet has names of columns and no row")

    def _chunk(self, rows: Sequence[Row], preamble: tuple[Ignored, ...], control: tuple[int, ...]) -> Chunk:
        blank = tuple(Ignored(each.number, 1, BLANK_LINE) for each in rows if each.is_blank)
        judged = [(each, self._judge.reasons(each)) for each in rows if not each.is_blank]
        good = [each for each, reasons in judged if not reasons]
        raws = [each.raw for each in good]
        stops = np.cumsum([0, *map(len, raws)], dtype=np.int64)
        return Chunk(
            frame=_frame([self._judge.values(each) for each in good], list(self._judge.read)),
            line=np.array([each.number for each in good], np.int64),
            lines=np.ones(len(good), np.int64),
            refused=tuple(Refused(each.number, 1, reasons, each.raw) for each, reasons in judged if reasons),
            ignored=(*preamble, *blank),
            control=control,
            data=b"".join(raws),
            span=np.column_stack((stops[:-1], stops[1:])),
        )


def layout(feed: Feed) -> Xlsx:
    """The layout of ``feed``; raises ``TypeError`` for a feed of another format."""
    if not isinstance(feed.format, Xlsx):
        raise TypeError(f"the contract has {type(feed.format).__name__}, not Xlsx")
    return feed.format


def _frame(values: list[dict[str, str]], names: list[str]) -> DataFrame:
    return DataFrame(values, columns=names, dtype="str").reset_index(drop=True)


def _opened(source: Any) -> Workbook:
    from openpyxl import load_workbook

    return load_workbook(source, read_only=True, data_only=False, keep_links=False)


def _chosen(book: Workbook, form: Xlsx) -> Any:
    """The agreed sheet, without the size that its markup claims: beyond it rows would be lost."""
    visible = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    if form.sheet is not None:
        found = [sheet for sheet in book.worksheets if sheet.title == form.sheet]
    else:
        found = visible[:1] if form.first_sheet else visible
    if not found:
        raise DeliveryRejected("structure.missing_sheet", "the agreed sheet is not in the workbook")
    if len(found) > 1:
        raise DeliveryRejected("structure.several_sheets", f"{len(found)} sheets are visible, and no name was agreed")
    found[0].reset_dimensions()
    return found[0]


def _rows(sheet: Any, known: Facts) -> Iterator[Row]:
    """The rows of ``sheet`` from the first, missing ones as blank."""
    found, number, merged = iter(sheet.rows), 0, known.merged_rows()
    while (cells := unbroken(lambda: _texts(found))) is not None:
        number += 1
        yield row(number, cells, hidden=number in known.hidden, merged=number in merged)


def _texts(rows: Iterator[Any]) -> list[str] | None:
    """The texts of the next row; None where there is none."""
    cells = next(rows, None)
    return None if cells is None else [text(cell.value, cell.data_type, cell.number_format) for cell in cells]


def _names(feed: Feed, form: Xlsx, header: Row) -> tuple[str, ...]:
    names = [plain(cell).strip() for cell in header.cells]
    while not names[-1]:
        names.pop()
    return column_names(_as_text(feed, form), names)


def _as_text(feed: Feed, form: Xlsx) -> Feed:
    """The feed as if it were a spreadsheet saved as text: names are compared with the contract in the same way."""
    return replace(feed, format=Delimited(spreadsheet=True, max_columns=form.max_columns))


class RereadRows(XlsxFile):
    """Rows as they were kept, read again under ``columns``. Line 1 is a header that is not there."""

    def __init__(self, columns: Sequence[str], records: Sequence[bytes], feed: Feed) -> None:
        form = replace(layout(feed), header_row=HEADER_LINE)
        rows = (kept(number, raw) for number, raw in enumerate(records, HEADER_LINE + 1))
        self.preamble: list[Row] = []
        self._begin(feed, form, tuple(columns), rows, 100_000)


def reread(columns: Sequence[str], records: Sequence[bytes], line_counts: Sequence[int], feed: Feed) -> RereadRows:
    """Refused ``records`` of one delivery, as they were kept; each takes one line (``line_counts``)."""
    if any(count != 1 for count in line_counts):
        raise DeliveryRejected("structure.line_ends", "a row of a sheet is one line")
    return RereadRows(columns, records, feed)
