"""A workbook: which sheet has the table, and in which row its names stand."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import partial
from statistics import median
from typing import Any, BinaryIO

from openpyxl import load_workbook

from concord.contract import Xlsx
from concord.errors import DeliveryRejected
from concord.onboarding.recognised import Kind, Recognised, Sheet
from concord.onboarding.tables import has_names
from concord.parse.xlsx.archive import archive_of, unbroken
from concord.parse.xlsx.cells import plain, text
from concord.parse.xlsx.markup import facts

HEAD_OF_A_TABLE = 0.6
"""The share of the usual number of cells that the row of the names has at least."""

Row = tuple[str, ...]


def recognise(data: bytes, sheet: str | None = None, header_row: int | None = None) -> Recognised:
    """A sample that is a workbook: its sheet with the most cells, or the ``sheet`` and row of names of a contract.

    Nothing is called a name that may be a value: a sheet without a row of names has none.
    """
    try:
        pages = _pages(io.BytesIO(data))
    except DeliveryRejected as error:
        return Recognised(Kind.UNKNOWN, unsure=(f"is it a whole workbook? {error}",))
    title, rows = max((page for page in pages if sheet in (None, page[0])), key=_size, default=("", []))
    at = names_at(rows) if header_row is None else header_row - 1
    table = [row for row in rows[at:] if _filled(row)]
    unsure = ["which sheet? the one with the most cells was read"] if len(pages) > 1 else []
    if not has_names(table):
        unsure.append("a workbook needs a row with names of columns: can it be sent with one?")
        return Recognised(Kind.XLSX, unsure=tuple(unsure), has_names=False)
    names = tuple(cell.strip() for cell in table[0])
    names = names[: max(place for place, name in enumerate(names, 1) if name)]
    return Recognised(
        Kind.XLSX, form=Sheet(title if len(pages) > 1 else None, at + 1), names=names, unsure=tuple(unsure),
        rests_on=("it is a workbook", f"names of columns stand in row {at + 1}"),
        rows=tuple(row[: len(names)] for row in table[1:]),
    )  # fmt: skip


def _pages(stream: BinaryIO) -> list[tuple[str, list[Row]]]:
    """The visible sheets and their rows; limits before work, as for a delivery."""
    form = Xlsx()
    archive = archive_of(stream, form)
    facts(archive, form)
    source: Any = archive.fp
    book = unbroken(lambda: load_workbook(source, read_only=True, data_only=False, keep_links=False))
    visible = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    return [(sheet.title, unbroken(partial(_rows, sheet))) for sheet in visible]


def _rows(sheet: Any) -> list[Row]:
    return [tuple(plain(text(cell.value, cell.data_type, cell.number_format)) for cell in row) for row in sheet.rows]


def _size(page: tuple[str, list[Row]]) -> int:
    return sum(map(_filled, page[1]))


def names_at(rows: Sequence[Row]) -> int:
    """The first row with about as many cells as rows usually have: what stands above it are headings."""
    usual = median([count for row in rows if (count := _filled(row))] or [0])
    return next((at for at, row in enumerate(rows) if _filled(row) >= max(usual * HEAD_OF_A_TABLE, 1)), 0)


def _filled(row: Row) -> int:
    return sum(bool(cell.strip()) for cell in row)
