"""A row of a sheet as texts: what is wrong with it, and the line of CSV as which it is kept."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from concord.contract import Codes, DateText, Feed, Moment, Reader, Xlsx, YesNo
from concord.parse import Reason
from concord.parse.xlsx.cells import BOOLEAN, DAY, ERROR, broken_rule, plain

LONGEST_CELL = 32_767
"""Characters (Excel specifications and limits)."""
MARKS = {"=HIDDEN()": Reason.HIDDEN, "=MERGED()": Reason.MERGED, "=LONG()": Reason.TOO_LONG}
"""Fields behind a kept row: what was wrong with it beside its cells. They look like no value, and are none."""

TAKEN: Mapping[type[Reader], str] = {Codes: BOOLEAN, YesNo: BOOLEAN, DateText: DAY, Moment: DAY}
"""What is a value like others in columns of a reader: TRUE and FALSE as words, days as ISO text."""


@dataclass(frozen=True)
class Row:
    """Row ``number`` of a sheet: the texts of its cells, and the ``marks`` of what is wrong beside them. PHI."""

    number: int
    cells: tuple[str, ...]
    marks: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Row({self.number})"

    @property
    def is_blank(self) -> bool:
        """Whether nothing stands in it."""
        return not any(cell.strip() for cell in self.cells)

    @property
    def raw(self) -> bytes:
        """A line of CSV in UTF-8 (RFC 4180) without line end."""
        line = io.StringIO()
        csv.writer(line).writerow([*self.cells, *self.marks])
        return line.getvalue().removesuffix("\r\n").encode("utf-8", "replace")


def row(number: int, cells: Sequence[str], *, hidden: bool, merged: bool) -> Row:
    """The row with its marks; cells that are longer than a sheet's can be are cut."""
    broken = hidden, merged, any(len(cell) > LONGEST_CELL for cell in cells)
    marks = tuple(mark for mark, is_so in zip(MARKS, broken, strict=True) if is_so)
    return Row(number, tuple(cell[:LONGEST_CELL] for cell in cells), marks)


def kept(number: int, raw: bytes) -> Row:
    """The row that was kept as ``raw``; what is no line of CSV any more is one cell."""
    text = raw.decode("utf-8", "replace")
    try:
        fields = next(csv.reader(io.StringIO(text, newline=""), strict=True), [])
    except csv.Error:
        fields = [text]
    cells = len(fields)
    while cells and fields[cells - 1] in MARKS:
        cells -= 1
    return Row(number, tuple(fields[:cells]), tuple(fields[cells:]))


class RowJudge:
    """Judges rows under the names ``columns``, by the contract of ``feed``."""

    def __init__(self, feed: Feed, form: Xlsx, columns: Sequence[str]) -> None:
        self._form = form
        self._named = frozenset(at for at, name in enumerate(columns) if name)
        self._mapped = {name: mapping for name, mapping in feed.columns.items() if mapping.source in columns}
        self.read = {mapping.source: columns.index(mapping.source) for mapping in self._mapped.values()}

    def values(self, found: Row) -> dict[str, str]:
        """The texts of the source columns that the contract reads, blank = ``""``."""
        return {name: plain(cell) for name, cell in self._cells(found).items()}

    def _cells(self, found: Row) -> dict[str, str]:
        return {name: found.cells[at] if at < len(found.cells) else "" for name, at in self.read.items()}

    def reasons(self, found: Row) -> tuple[str, ...]:
        """Why the row cannot be read, each reason once; none where it can."""
        return tuple(dict.fromkeys(self._reasons(found)))

    def _reasons(self, found: Row) -> Iterator[str]:
        """Errors are left to the rules of spreadsheets, where the row's other values still tell whom it is about."""
        for mark in found.marks:
            if not (MARKS[mark] is Reason.HIDDEN and self._form.hidden_ok):
                yield MARKS[mark].value
        if any(cell.strip() for at, cell in enumerate(found.cells) if at not in self._named):
            yield Reason.FIELD_COUNT.value
        broken = {source: broken_rule(cell) for source, cell in self._cells(found).items()}
        for name, mapping in self._mapped.items():
            rule = broken[mapping.source]
            if rule not in (None, ERROR, TAKEN.get(type(mapping.read))):
                yield f"{name}.{rule}"
