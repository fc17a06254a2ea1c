"""Workbooks of any size, written row by row (openpyxl, write-only): text, real dates and numbers, several sheets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import IO

Cell = str | int | float | bool | date | datetime | None


def write(
    out: IO[bytes],
    rows: Iterable[Sequence[Cell]],
    *,
    sheet: str = "Roster",
    before: Sequence[str] = (),
    from_1904: bool = False,
) -> int:
    """Rows (the first is the header) on ``sheet``, behind empty sheets called ``before``; returns their number.

    ``from_1904`` counts days from 1904, as workbooks of old Macintoshes do (ECMA-376, 18.2.28 ``date1904``).
    """
    from openpyxl import Workbook
    from openpyxl.utils.datetime import CALENDAR_MAC_1904

    book = Workbook(write_only=True)
    if from_1904:
        book.epoch = CALENDAR_MAC_1904
    for name in before:
        book.create_sheet(name)
    page, count = book.create_sheet(sheet), 0
    for row in rows:
        page.append(list(row))
        count += 1
    book.save(out)
    return count
