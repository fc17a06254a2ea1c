"""A delivery that is a workbook."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from concord.contract import Feed, Xlsx
from concord.errors import DeliveryRejected
from concord.parse import BLANK_LINE, Chunk, Drift, Ignored, Reason, Refused, Said
from concord.parse.header import drift, refuse_duplicates, refuse_missing, sources
from concord.parse.xlsx.cells import is_formula, text
from concord.parse.xlsx.package import judge

PREAMBLE = "preamble"
FORMULA = "record.formula"


class XlsxFile:
    """One workbook of ``feed``; a :class:`~concord.parse.RowFile`. Lines are rows of the sheet, from 1.

    Raises :class:`DeliveryRejected` on construction: ``structure.empty``, ``.encrypted``, ``.macros``, ``.bomb``,
    ``.workbook``, ``.sheet``, ``.header``, ``.duplicate_column``, ``.missing_column``, ``.too_many_columns``; at the
    end ``structure.no_rows``, ``.too_many_rows`` and ``.workbook``.
    """

    def __init__(self, stream: BinaryIO, feed: Feed, *, chunk_rows: int = 100_000) -> None:
        form = feed.format
        assert isinstance(form, Xlsx)
        self._feed, self._form, self._chunk_rows = feed, form, chunk_rows
        judge(stream, form.max_bytes)
        self._rows = _guarded(_sheet_rows(stream, form))
        self.line_count = 0
        self._ignored: list[Ignored] = []
        self.columns = self._read_header()
        self.drift: Drift = drift(feed, self.columns)
        self.said = Said()

    def _read_header(self) -> tuple[str, ...]:
        for cells in self._rows:
            self.line_count += 1
            if self.line_count == self._form.header_row:
                return self._names([text(cell).strip() for cell in cells])
            self._ignored.append(Ignored(self.line_count, 1, PREAMBLE))
        raise DeliveryRejected("structure.header", "the sheet has no row of column names where it was agreed")

    def _names(self, given: Sequence[str]) -> tuple[str, ...]:
        width = max((place for place, name in enumerate(given, 1) if name), default=0)
        names = tuple(given[:width])
        if not names:
            raise DeliveryRejected("structure.header", "the row of column names is empty")
        if len(names) > self._form.max_columns:
            raise DeliveryRejected("structure.too_many_columns", f"{len(names)} columns are more than agreed")
        refuse_duplicates(names, among=[name for name in names if name])
        refuse_missing(self._feed, names)
        return names

    def __iter__(self) -> Iterator[Chunk]:
        wanted, rows = [name for name in sources(self._feed) if name in self.columns], 0
        piece = _Piece(self.columns, wanted, self._ignored, (self._form.header_row,))
        for cells in self._rows:
            self.line_count += 1
            if self.line_count > self._form.max_rows:
                raise DeliveryRejected("structure.too_many_rows", f"the sheet has more than {self._form.max_rows:,}")
            rows += piece.add(self.line_count, cells)
            if piece.size >= self._chunk_rows:
                yield piece.chunk()
                piece = _Piece(self.columns, wanted, [], ())
        yield piece.chunk()
        if not rows:
            raise DeliveryRejected("structure.no_rows", "the sheet has column names and no row")


class _Piece:
    """Rows on their way into a chunk."""

    def __init__(
        self, columns: Sequence[str], wanted: Sequence[str], ignored: list[Ignored], control: tuple[int, ...]
    ) -> None:
        self._columns, self._wanted, self._control = columns, wanted, control
        self._ignored, self._refused = list(ignored), list[Refused]()
        self._values: list[list[str]] = []
        self._lines: list[int] = []
        self._raw: list[bytes] = []

    @property
    def size(self) -> int:
        """Rows so far."""
        return len(self._lines)

    def add(self, line: int, cells: Sequence[Any]) -> bool:
        """Takes a row; whether it is one."""
        values = [text(cell) for cell in cells]
        if not any(value.strip() for value in values):
            self._ignored.append(Ignored(line, 1, BLANK_LINE))
            return False
        width = len(self._columns)
        reasons = [FORMULA] if any(map(is_formula, cells)) else []
        reasons += [Reason.FIELD_COUNT.value] if any(value.strip() for value in values[width:]) else []
        values = (values + [""] * width)[: max(width, len(values) if reasons else width)]
        raw = as_csv(values)
        if reasons:
            self._refused.append(Refused(line, 1, tuple(reasons), raw))
        else:
            self._values.append(values)
            self._lines.append(line)
            self._raw.append(raw)
        return True

    def chunk(self) -> Chunk:
        """What was taken."""
        places = [self._columns.index(name) for name in self._wanted]
        table = {
            name: pd.Series([row[place] for row in self._values], dtype="str")
            for name, place in zip(self._wanted, places, strict=True)
        }
        ends = np.cumsum([len(raw) for raw in self._raw], dtype=np.int64)
        starts = ends - np.array([len(raw) for raw in self._raw], dtype=np.int64)
        return Chunk(
            frame=pd.DataFrame(table), line=np.array(self._lines, dtype=np.int64),
            lines=np.ones(len(self._lines), dtype=np.int64), refused=tuple(self._refused),
            ignored=tuple(self._ignored), control=self._control, data=b"".join(self._raw),
            span=np.column_stack((starts, ends)) if len(ends) else np.zeros((0, 2), dtype=np.int64),
        )  # fmt: skip


def as_csv(values: Sequence[str]) -> bytes:
    """A row as quarantine keeps it: one line of CSV (RFC 4180), line ends inside cells as blanks."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="").writerow([value.replace("\r", " ").replace("\n", " ") for value in values])
    return out.getvalue().encode("utf-8", "replace")


def _sheet_rows(stream: BinaryIO, form: Xlsx) -> Iterator[Sequence[Any]]:
    import openpyxl

    book = openpyxl.load_workbook(stream, read_only=True, data_only=False, keep_links=False)
    sheet = _sheet(book, form)
    sheet.reset_dimensions()
    yield from sheet.iter_rows()


def _sheet(book: Any, form: Xlsx) -> Any:
    visible = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    found = [sheet for sheet in book.worksheets if sheet.title == form.sheet] if form.sheet else visible
    if len(found) != 1:
        named = "no sheet has the agreed name" if form.sheet else "not one, but another number of sheets is visible"
        raise DeliveryRejected("structure.sheet", named)
    return found[0]


def _guarded(rows: Iterator[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    """The rows; whatever the library stumbles over is a workbook that cannot be read: its messages quote cells."""
    while True:
        row, failed = None, False
        try:
            row = next(rows, None)
        except DeliveryRejected:
            raise
        except Exception:  # noqa: BLE001 - XML, zip, dates, recursion: openpyxl raises what its parts do
            failed = True
        if failed:
            raise DeliveryRejected("structure.workbook", "the workbook is damaged, or holds what a workbook may not")
        if row is None:
            return
        yield row
