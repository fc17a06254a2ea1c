"""A workbook: which sheet has the table, and in which row its names stand."""

from __future__ import annotations

import io
from collections.abc import Sequence
from statistics import median

from concord.onboarding.recognised import Kind, Recognised, Sheet

HEAD_OF_A_TABLE = 0.6
"""The share of the usual number of cells that the row of the names has at least."""

Row = tuple[str, ...]


def recognise(data: bytes) -> Recognised:
    """A sample that is a workbook: its sheet with the most cells."""
    import openpyxl

    from concord.parse.xlsx.cells import plain, text

    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=False)
    visible = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    tables = [
        (
            sheet.title,
            [tuple(plain(text(cell.value, cell.data_type, cell.number_format)) for cell in row) for row in sheet.rows],
        )
        for sheet in visible
    ]
    title, rows = max(tables, key=lambda each: sum(map(_filled, each[1])), default=("", []))
    at = names_at(rows)
    names = tuple(cell.strip() for cell in rows[at]) if rows else ()
    names = names[: max((place for place, name in enumerate(names, 1) if name), default=0)]
    unsure = ("which sheet? the one with the most cells was read",) if len(visible) > 1 else ()
    return Recognised(
        Kind.XLSX, form=Sheet(title if len(visible) > 1 else None, at + 1), names=names, unsure=unsure,
        rests_on=("it is a workbook", f"names of columns stand in row {at + 1}"),
        rows=tuple(row[: len(names)] for row in rows[at + 1 :] if _filled(row)),
    )  # fmt: skip


def names_at(rows: Sequence[Row]) -> int:
    """The first row with about as many cells as rows usually have: what stands above it are headings."""
    usual = median([count for row in rows if (count := _filled(row))] or [0])
    return next((at for at, row in enumerate(rows) if _filled(row) >= max(usual * HEAD_OF_A_TABLE, 1)), 0)


def _filled(row: Row) -> int:
    return sum(bool(cell.strip()) for cell in row)
