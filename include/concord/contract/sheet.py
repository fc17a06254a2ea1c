"""Workbooks of small employers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from concord.contract.columnar import Columnar

if TYPE_CHECKING:
    from concord.contract.feed import Feed


@dataclass(frozen=True)
class Xlsx(Columnar):
    """One sheet of an Office Open XML workbook (ECMA-376), with column names in row ``header_row``.

    ``sheet`` is its name; without one the workbook has a single visible sheet. Rows above the names are left alone.
    Text stays as it was typed; a number is its digits, with the leading zeros that its cell's format shows; a date is
    ``YYYY-MM-DD`` by the workbook's epoch: declare ``date_in("%Y-%m-%d")``. A row with a formula is refused. Of merged
    cells the first has the value; hidden rows are rows. ``max_bytes`` bounds the workbook unpacked.
    """

    sheet: str | None = None
    header_row: int = 1
    max_bytes: int = 200_000_000
    max_rows: int = 200_000
    max_columns: int = 500

    @property
    def marks(self) -> str:
        """What stands between two values of a row as it is kept: a comma, as in CSV."""
        return ',"'

    @property
    def is_spreadsheet(self) -> bool:
        """It is one."""
        return True

    @property
    def phrase(self) -> str:
        """The sheet in a few words."""
        which = f"sheet `{self.sheet}`" if self.sheet else "its only visible sheet"
        return f"workbook (.xlsx), {which}, names in row {self.header_row}"


def contradictions(_feed: Feed, form: Xlsx) -> Iterator[tuple[str, str]]:
    """Where the layout contradicts itself, as (field, message)."""
    if not 1 <= form.header_row <= form.max_rows:
        yield "format.header_row", "is a row of the sheet, from 1"
    if form.max_bytes < 1 or form.max_columns < 1:
        yield "format", "a limit leaves nothing"
