"""Workbooks of small employers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from concord.contract.columnar import Columnar
from concord.contract.reading import DateText

if TYPE_CHECKING:
    from concord.contract.feed import Feed

ISO_DAY = "%Y-%m-%d"
"""How the reader hands on a cell that is a date."""
LONGEST_SHEET_NAME = 31
LAST_ROW, LAST_COLUMN = 1_048_576, 16_384
"""What a sheet can have (ECMA-376, as Excel limits it)."""


@dataclass(frozen=True)
class Xlsx(Columnar):
    """One sheet of an Office Open XML workbook (ECMA-376), a row of names first.

    ``sheet`` is its name; without, it is the only visible one, or with ``first_sheet`` the first of them. The names
    stand in row ``header_row``; rows above are ignored (``preamble``). A hidden row is refused (``record.hidden``)
    unless ``hidden_ok``: nobody can tell whether it was filtered away or deleted in the sender's eyes.
    ``max_bytes`` limits the file, and all of it unpacked; ``max_rows`` and ``max_columns`` the sheet.
    """

    sheet: str | None = None
    first_sheet: bool = False
    header_row: int = 1
    hidden_ok: bool = False
    max_bytes: int = 50_000_000
    max_rows: int = 200_000
    max_columns: int = 500

    @property
    def marks(self) -> str:
        """Characters that may stand between two values of a row: it is kept as CSV, a day in it as ``=DATE(…)``."""
        return ',"()'

    @property
    def is_spreadsheet(self) -> bool:
        """Whether people open and save it in one: it is one."""
        return True

    @property
    def phrase(self) -> str:
        """Which sheet, and where its names stand, in a few words."""
        which = (
            f"sheet `{self.sheet}`" if self.sheet else "the first visible sheet" if self.first_sheet else "its sheet"
        )
        parts = [f"workbook (.xlsx), {which}", f"names in row {self.header_row}", "hidden rows too" * self.hidden_ok]
        return "; ".join(filter(None, parts))


def contradictions(feed: Feed, form: Xlsx) -> Iterator[tuple[str, str]]:
    """Where the layout contradicts itself or the mapping, as (field, message)."""
    if form.sheet is not None and not 0 < len(form.sheet.strip()) <= LONGEST_SHEET_NAME:
        yield "format.sheet", f"a sheet's name has 1 to {LONGEST_SHEET_NAME} characters"
    if form.sheet is not None and form.first_sheet:
        yield "format.sheet", "a sheet is known by its name or by being the first, not both"
    if not 1 <= form.header_row < form.max_rows <= LAST_ROW:
        yield "format.header_row", f"lies in the sheet, and max_rows is at most {LAST_ROW}"
    if not 1 <= form.max_columns <= LAST_COLUMN:
        yield "format.max_columns", f"is at most {LAST_COLUMN}"
    if form.max_bytes < 1:
        yield "format.max_bytes", "must be at least 1"
    for name, mapping in feed.columns.items():
        if not isinstance(mapping.read, DateText):
            continue
        if ISO_DAY not in mapping.read.formats:
            yield f"columns[{name}].read", f"a cell that is a date is handed on in {ISO_DAY}: name it among the formats"
        if mapping.read.excel_serial:
            yield (
                f"columns[{name}].read",
                "excel_serial guesses an epoch, and a workbook says its own: format the cells",
            )
